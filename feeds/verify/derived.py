"""That the crossings of a feed follow from its samples: the engine runs on them again.

Reports are folded in the order of their time: the engine's crossings do not depend on the order in which
reports come. What began before the feed's first sample of a vehicle, or was still changing at its last one,
is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cbor2
import numpy as np
import orjson
import pyarrow as pa

import geofences
from feeds.ledger.errors import FormatError
from feeds.ledger.reports import PLACE, read_signals
from feeds.records.export import software
from feeds.verify.files import Export
from feeds.verify.finding import Finding, Result, VerifyError
from streams.codec import encode_frame
from streams.engine import Engine, World
from streams.events import Change, Kind
from streams.records import EXTRAS, REPORTS, SAMPLES, Frame, LogRecord, RecordKind
from streams.zones import ZoneBook
from streams.zoneversion import made as versions_of

_AT_ONCE: Final = 500  # reports a frame
_TIME_MS: Final = 1
_PLACE_E7: Final = 90  # one metre
_SETTLED_MS: Final = 600_000  # what is younger than this before the last sample may still change
_COLUMNS: Final = (
    "kind",
    "content_head",
    "content_place",
    "content_signals",
    "content_facts",
    "content_body",
)
_BRACKET: Final = ("earliest_ms", "estimate_ms", "latest_ms")
_NOT: Final = "derivation not checked: "


@dataclass(frozen=True, slots=True)
class _Report:
    head: Mapping[str, Any]
    places: Any  # rows of PLACE
    signals: bytes | None
    facts: bytes | None


@dataclass(frozen=True, slots=True)
class _Told:
    """The newest revision of a crossing in the feed."""

    log: int
    place: int
    asset: str
    gone: bool
    data: Mapping[str, Any]


def check_derived(export: Export, has_reports: bool, result: Result) -> None:
    """Fold the feed's samples and compare crossings; says in a note when that can't be."""
    why = _cannot(export, has_reports)
    if why is not None:
        result.notes.append(_NOT + why)
        return
    reports, told = _read(export)
    if not told:
        result.notes.append(_NOT + "the feed has no crossings")
        return
    spans: dict[str, tuple[int, int]] = {}
    for one in reports:
        asset, times = str(one.head["asset"]), one.places["t_ms"]
        if len(times):
            low, high = spans.get(asset, (int(times.min()), int(times.max())))
            spans[asset] = (min(low, int(times.min())), max(high, int(times.max())))
    derived = _derive(_world(export), reports)
    compared = 0
    before = len(result.findings)
    for id_, crossing in sorted(told.items()):
        asset = crossing.asset
        if crossing.gone or asset not in spans or not _within(crossing.data, spans[asset]):
            continue
        compared += 1
        says = _differs(crossing.data, derived.get(id_) or _nearest(crossing, derived.values()))
        if says is not None:
            where = (crossing.log, crossing.place)
            result.add(Finding("derivation", f"crossing {id_}: {says}", *where))
    known = {id_ for id_, crossing in told.items() if not crossing.gone}
    for id_, (asset, data) in sorted(derived.items()):
        if id_ in known or data["state"] != "completed" or not _within(data, spans[asset]):
            continue
        own = [crossing for crossing in told.values() if crossing.asset == asset and not crossing.gone]
        if all(_differs(crossing.data, (asset, data)) is not None for crossing in own):
            says = f"the samples show a crossing of {asset} at {data['gate']} that is not in the feed"
            result.add(Finding("derivation", says))
    if compared and len(result.findings) == before:
        result.holds.append(f"{compared:,} crossings follow from the samples")
    if compared < len(known):
        says = "crossings, which reach beyond the feed's samples or end less than ten minutes before the last"
        result.notes.append(f"derivation not checked of {len(known) - compared:,} {says}")


def _cannot(export: Export, has_reports: bool) -> str | None:
    if not {"report", "crossing"} <= export.kinds:
        return "the feed has not both reports and crossings"
    if export.fields != "precise":
        return "the feed shows no precise positions"
    if not has_reports:
        return "there are no reports"
    if export.counts.get("redacted"):
        return "records are redacted"
    made = export.manifest.get("engine")
    if made != software():
        return f"made by version {made!s:.20} of the engine, this is {software()}"
    return None


def _read(export: Export) -> tuple[list[_Report], dict[str, _Told]]:
    """Reports by time, and the newest revision of each crossing."""
    file = export.records()
    reports: list[_Report] = []
    told: dict[str, tuple[int, _Told]] = {}
    for number in range(file.num_row_groups):
        try:
            rows = file.read_row_group(number, ["log", "place", *_COLUMNS, "content_driver"]).to_pylist()
            for row in rows:
                if row["kind"] == "report" and row["content_head"] is not None:
                    places = np.frombuffer(row["content_place"] or b"", PLACE)
                    reports.append(
                        _Report(
                            cbor2.loads(row["content_head"]),
                            places,
                            row["content_signals"],
                            row["content_facts"],
                        )
                    )
                elif row["kind"] == "crossing" and row["content_body"] is not None:
                    head, data = orjson.loads(row["content_head"]), orjson.loads(row["content_body"])
                    for pointer, value in orjson.loads(row["content_place"] or b"{}").items():
                        _put(data, pointer, value)
                    gone = head["change"] == Change.RETRACTED.value
                    one = _Told(row["log"], row["place"], head["asset"], gone, data)
                    if head["revision"] >= told.get(head["id"], (0, one))[0]:
                        told[head["id"]] = (head["revision"], one)
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise VerifyError(f"records.parquet: content is not readable: {error!r:.100}") from None
    reports.sort(key=lambda one: int(one.places["t_ms"][0]) if len(one.places) else one.head["received_ms"])
    return reports, {id_: one for id_, (_, one) in told.items()}


def _put(data: Any, pointer: str, value: Any) -> None:
    """Put back what a JSON pointer says was taken out."""
    *path, name = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[name] = value


def _world(export: Export) -> World:
    try:
        versions = versions_of(export.json("zones.json")["versions"])
        base = [one.zone for one in versions if one.valid_from_ms is None]
        later = [one for one in versions if one.valid_from_ms is not None]
    except Exception as error:  # shapes and zones of a stranger
        raise VerifyError(f"zones.json is not readable: {error!r:.100}") from None
    world = World(base, geofences.world()[1])
    if not later:
        return world
    book = ZoneBook(base)
    book.put(later)
    return world.published(book)


def _derive(world: World, reports: Sequence[_Report]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Each crossing that the engine finds and does not retract: its asset and data."""
    engine = Engine(0, world)
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for position, frame in enumerate(_frames(reports), 1):
        received = int(frame.reports["received_ms"].to_numpy().max())
        step = engine.fold(LogRecord(0, position, RecordKind.FRAME, received, "", encode_frame(frame)))
        for event in step.events:
            if event.kind is Kind.CROSSING:
                if event.change is Change.RETRACTED:
                    found.pop(event.id, None)
                else:
                    found[event.id] = (event.asset, event.data)
    return found


def _frames(reports: Sequence[_Report]) -> Iterator[Frame]:
    for at in range(0, len(reports), _AT_ONCE):
        yield _frame(reports[at : at + _AT_ONCE])


def _frame(reports: Sequence[_Report]) -> Frame:
    """The frame of some reports as the gateway made it, but for raw bytes and signals that decide nothing."""
    heads: dict[str, list[Any]] = {name: [] for name in REPORTS.names}
    for one in reports:
        facts = None
        if one.facts is not None:
            facts = orjson.dumps(cbor2.loads(one.facts)).decode()
        values = {
            **one.head,
            "tenant": "feed",
            "samples": len(one.places),
            "dropped": 0,
            "facts": facts,
            "raw": b"",
        }
        for name, column in heads.items():
            column.append(values.get(name))
    counts = [len(one.places) for one in reports]
    rows = np.concatenate([one.places for one in reports])
    columns: dict[str, Any] = {"report": np.repeat(np.arange(len(reports), dtype=np.int32), counts)}
    for name in PLACE.names or ():
        columns[name] = _column(rows[name], SAMPLES.field(name).type) if name != "t_ms" else rows[name]
    bus = [_bus(one) for one in reports]
    for name in ("odometer_mm", "wheel_ckmh"):
        columns[name] = _column(np.concatenate([table[name] for table in bus]), SAMPLES.field(name).type)
    for name in SAMPLES.names:
        if name not in columns:
            columns[name] = pa.nulls(len(rows), SAMPLES.field(name).type)
    return Frame(
        pa.RecordBatch.from_pydict(heads, schema=REPORTS),
        pa.RecordBatch.from_pydict({name: columns[name] for name in SAMPLES.names}, schema=SAMPLES),
        pa.RecordBatch.from_pydict({name: [] for name in EXTRAS.names}, schema=EXTRAS),
    )


def _bus(one: _Report) -> Any:
    dtype = np.dtype([("odometer_mm", "<i8"), ("wheel_ckmh", "<i4")])
    made = np.empty(len(one.places), dtype)
    for name in ("odometer_mm", "wheel_ckmh"):
        made[name] = np.iinfo(dtype[name]).min
    if one.signals is not None:
        try:
            rows, _ = read_signals(one.signals)
        except FormatError as error:
            raise VerifyError(f"records.parquet: {error}") from None
        if len(rows) == len(made):
            for name in ("odometer_mm", "wheel_ckmh"):
                made[name] = rows[name]
    return made


def _column(values: Any, type_: pa.DataType) -> pa.Array:
    """The least number stands for "not measured"."""
    values = np.ascontiguousarray(values)
    return pa.array(values, type_, mask=values == np.iinfo(values.dtype).min)


def _within(data: Mapping[str, Any], span: tuple[int, int]) -> bool:
    """Whether a crossing began after the first sample and was settled before the last."""
    times = [
        stage[name]
        for stage in data["stages"].values()
        if stage
        for name in _BRACKET
        if stage.get(name) is not None
    ]
    first = [stage.get("earliest_ms") for stage in data["stages"].values() if stage]
    return bool(times) and None not in first and span[0] <= min(times) and max(times) + _SETTLED_MS <= span[1]


def _nearest(
    one: _Told, derived: Iterable[tuple[str, Mapping[str, Any]]]
) -> tuple[str, Mapping[str, Any]] | None:
    """The derived crossing of the same vehicle, gate and direction that differs least."""
    near = [
        found
        for found in derived
        if found[0] == one.asset
        and all(found[1][name] == one.data[name] for name in ("gate", "direction"))
        and _differs(one.data, found) is None
    ]
    return near[0] if near else None


def _differs(told: Mapping[str, Any], found: tuple[str, Mapping[str, Any]] | None) -> str | None:
    """How a crossing is not what was derived; None: it is, to a millisecond and a metre."""
    if found is None:
        return "the samples show no such crossing"
    data = found[1]
    for name in ("gate", "direction", "state"):
        if told[name] != data[name]:
            return f"{name}: the feed says {told[name]}, the samples {data[name]}"
    for stage in sorted(told["stages"].keys() | data["stages"].keys()):
        mine, other = told["stages"].get(stage), data["stages"].get(stage)
        if not mine and not other:
            continue
        if not mine or not other:
            return f"stage {stage} is {'missing in the feed' if not mine else 'not in the samples'}"
        for name in (*_BRACKET, "lon_e7", "lat_e7"):
            allowed = _PLACE_E7 if name.endswith("e7") else _TIME_MS
            a, b = mine.get(name), other.get(name)
            if (a is None) != (b is None) or (a is not None and abs(a - b) > allowed):
                return f"{stage} {name}: the feed says {a}, the samples {b}"
    return None
