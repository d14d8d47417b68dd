"""What the store needs in InfluxDB: its bucket, one for means, and the tasks that make these. And a check.

Means are for dashboards over months, of 1 and of 15 minutes, an asset each; Corridor itself reads samples. A
task works on the time before it runs, so data that comes later than that is in the samples only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from feeds.store.influx.client import Client, RefusedError
from feeds.store.influx.lines import INTEGERS, MEASURED, SAMPLES, TICKS
from feeds.store.influx.texts import EXTRA, coded
from feeds.store.port import StoreError

_DAY_S: Final = 86_400
_AVERAGED: Final = (
    *("alt_mm", "speed_ckmh", "wheel_ckmh", "hdop_c", "sats", "fuel_level_pct", "engine_rpm"),
    *("axle_load_kg", "coolant_c", "ambient_c", "battery_v"),
)
_TASK: Final = """\
import "date"

option task = {{name: {name}, every: {every}, offset: 1m}}

from(bucket: {source})
    |> range(start: date.truncate(t: {back}, unit: {width}), stop: date.truncate(t: now(), unit: {width}))
    |> filter(fn: (r) => r._measurement == "{samples}")
    |> filter(fn: (r) => {fields})
    |> group(columns: ["asset", "_field"])
    |> aggregateWindow(every: {width}, fn: mean, createEmpty: false, timeSrc: "_start")
    |> set(key: "_measurement", value: "mean_{width}")
    |> to(bucket: {target})
"""
_UNSEEN: Final = "missing, or not for this token to see"
_WIDTHS: Final = {"1m": ("5m", "-30m"), "15m": ("15m", "-3h")}
"""Width of the means: how often they are made, and of how long a time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``ok`` None: it is not seen, and Corridor runs without it."""

    ok: bool | None
    what: str


def means_bucket(bucket: str) -> str:
    """Where the means of ``bucket`` are."""
    return f"{bucket}-means"


def create(client: Client, retention_days: float | None) -> Iterator[str]:
    """Make what is missing and mend what differs; tells what was done. Again changes nothing.

    Samples stay ``retention_days``, None: for ever; means stay for ever. Raises StoreError.
    """
    place = client.place
    org = _found(client, "orgs", org=place.org)
    if org is None:
        org = _sent(client, "POST", "orgs", {"name": place.org})
        yield f"organisation {place.org}: made"
    else:
        yield f"organisation {place.org}: is there"
    wanted = {place.bucket: _seconds(retention_days), means_bucket(place.bucket): 0}
    for bucket, seconds in wanted.items():
        yield f"bucket {bucket}: {_bucket(client, org['id'], bucket, seconds)}"
    for width in _WIDTHS:
        name, flux = _task(place.bucket, width)
        held = _found(client, "tasks", org=place.org, name=name)
        if held is None:
            _sent(client, "POST", "tasks", {"orgID": org["id"], "flux": flux, "status": "active"})
            yield f"task {name}: made"
        elif held["flux"] != flux:
            _sent(client, "PATCH", f"tasks/{held['id']}", {"flux": flux, "status": "active"})
            yield f"task {name}: changed"
        else:
            yield f"task {name}: is there"


def check(client: Client, retention_days: float | None) -> Iterator[Finding]:
    """Look whether InfluxDB can be used as it is; nothing is changed. Raises StoreAwayError, StoreError."""
    place = client.place
    health = orjson.loads(client.request("GET", "/health", {}))
    version = str(health.get("version", "unknown"))
    yield Finding(version.lstrip("v").startswith("2."), f"InfluxDB at {place.url}: version {version}, want 2")
    try:
        client.write(b"")
        yield Finding(True, f"token may write bucket {place.bucket}")
    except RefusedError as error:  # it was let in, or it could not have been refused
        yield Finding(True, f"token may write bucket {place.bucket} ({error})")
    except StoreError as error:
        yield Finding(False, str(error))
        return
    bucket = _found(client, "buckets", org=place.org, name=place.bucket)
    if bucket is None:
        yield Finding(False, f"token may not read bucket {place.bucket}: want read and write")
        return
    held, want = _kept(bucket), _seconds(retention_days)
    said = f"bucket {place.bucket} keeps samples {_told(held)}, store_retention_days says {_told(want)}"
    yield Finding(held == want, said)
    yield _types(client)
    means = _found(client, "buckets", org=place.org, name=means_bucket(place.bucket))
    said = _UNSEEN if means is None else "is there"
    yield Finding(None if means is None else True, f"bucket {means_bucket(place.bucket)}: {said}")
    for width in _WIDTHS:
        name, flux = _task(place.bucket, width)
        task = _found(client, "tasks", org=place.org, name=name)
        if task is None:
            yield Finding(None, f"task {name}: {_UNSEEN}")
            continue
        active, same = task["status"] == "active", task["flux"] == flux
        state = "another one" if not same else "as it should be" if active else "not active"
        yield Finding(same and active, f"task {name}: {state}")


def redact_means(client: Client, asset: str | None, from_ms: int, to_ms: int) -> bool:
    """Delete the means of ``asset`` (None: of all) that samples of [from, to) went into.

    False when the token sees no bucket of means. Raises StoreError.
    """
    bucket = means_bucket(client.place.bucket)
    if _found(client, "buckets", org=client.place.org, name=bucket) is None:
        return False
    tags = {} if asset is None else {"asset": coded(asset)}
    for width in _WIDTHS:
        ms = int(width.removesuffix("m")) * 60_000
        start = from_ms // ms * ms
        client.delete(f"mean_{width}", start * TICKS, to_ms * TICKS - 1, bucket=bucket, **tags)
    return True


def _types(client: Client) -> Finding:
    """Fields that hold another type than the store writes would be refused with the samples they are in."""
    answer = orjson.loads(
        client.request("POST", "/query", {}, form={"db": client.place.bucket, "q": "SHOW FIELD KEYS"})
    )
    wrong = []
    for series in answer["results"][0].get("series", []):
        for field, kind in series["values"] if series["name"] == SAMPLES else []:
            whole = field in INTEGERS or field == "has"
            if not whole and field not in MEASURED and not field.startswith(EXTRA):
                continue
            want = "integer" if whole else "float"
            if kind != want:
                wrong.append(f"{field} is {kind}, want {want}")
    return Finding(not wrong, f"fields of {SAMPLES}: {'; '.join(wrong) or 'types as they are written'}")


def _bucket(client: Client, org_id: str, name: str, seconds: int) -> str:
    rules = [{"type": "expire", "everySeconds": seconds}] if seconds else []
    held = _found(client, "buckets", org=client.place.org, name=name)
    if held is None:
        _sent(client, "POST", "buckets", {"orgID": org_id, "name": name, "retentionRules": rules})
        return f"made, keeps {_told(seconds)}"
    if _kept(held) == seconds:
        return f"is there, keeps {_told(seconds)}"
    rules = rules or [{"type": "expire", "everySeconds": 0}]
    _sent(client, "PATCH", f"buckets/{held['id']}", {"retentionRules": rules})
    return f"kept {_told(_kept(held))}, keeps {_told(seconds)} now"


def _task(bucket: str, width: str) -> tuple[str, str]:
    every, back = _WIDTHS[width]
    name = f"{bucket}-mean-{width}"
    texts = {"name": name, "source": bucket, "target": means_bucket(bucket)}
    quoted = {key: _quoted(text) for key, text in texts.items()}
    fields = " or ".join(f'r._field == "{field}"' for field in _AVERAGED)
    return name, _TASK.format(**quoted, every=every, back=back, width=width, samples=SAMPLES, fields=fields)


def _quoted(text: str) -> str:
    """``text`` as a string of Flux."""
    if not text.isprintable():
        raise StoreError(f"name of a bucket: got {text!r}, want printable characters")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def _found(client: Client, kind: str, **by: str) -> dict[str, Any] | None:
    """The one that the query names; InfluxDB says of some by 404 that there is none."""
    try:
        answer = orjson.loads(client.request("GET", f"/api/v2/{kind}", by))
    except StoreError as error:
        if "not found" in str(error):
            return None
        raise
    name = by.get("name") or by["org"]
    found = [one for one in answer.get(kind, []) if one["name"] == name]
    return found[0] if found else None


def _sent(client: Client, method: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
    answer = client.request(method, f"/api/v2/{path}", {}, body=dict(content), kind="application/json")
    made: dict[str, Any] = orjson.loads(answer)
    return made


def _kept(bucket: Mapping[str, Any]) -> int:
    return max((rule["everySeconds"] for rule in bucket["retentionRules"]), default=0)


def _seconds(days: float | None) -> int:
    if days is not None and days * 24 < 1:
        raise StoreError(f"store_retention_days: got {days}, want at least an hour (0.042) in InfluxDB")
    return 0 if days is None else round(days * _DAY_S)


def _told(seconds: int) -> str:
    return f"{seconds / _DAY_S:g} days" if seconds else "for ever"
