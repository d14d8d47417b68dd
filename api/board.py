"""A gate's board: every open case as one row, conflicts first, then by ETA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from api.directory import UNKNOWN, Label
from api.ports import PositionTable
from api.render import render
from api.scope import Scope
from api.times import format_instant
from feeds.readmodel import ObjectFilter, StoredObject
from geofences.zone import Gate
from streams.events import Kind

MOST: Final = 10_000
_NEVER: Final = 2**62


def board(scope: Scope, gate: Gate, direction: str | None, limit: int) -> dict[str, Any]:
    """The board of ``gate``, of one direction or both; ``counts`` and ``total`` are of all its open cases."""
    found = scope.objects(Kind.CASE, ObjectFilter(gate=gate.id, lasting=True), None, MOST)
    cases = [row for row in found if direction in (None, row.data["direction"])]
    cases.sort(key=_urgency)
    counts = Counter(row.data["state"] for row in cases)
    shown = cases[:limit]
    asked = [row.data["release"] for row in shown if row.data.get("release")]
    releases = scope.ports.read.objects_by_id(Kind.RELEASE, scope.reach, asked)
    table, _ = scope.positions()
    labels, places = scope.directory.labels(), {asset: i for i, asset in enumerate(table.asset)}
    rows = []
    for row in shown:
        label, by = labels.get(row.asset, UNKNOWN), row.data.get("by")
        seen = places.get(row.asset)
        if seen is None and by:
            seen = places.get(by["asset"])
        release = releases.get(row.data.get("release") or "")
        rows.append(_row(row, label, release, None if seen is None else _place(table, seen)))
    return {
        "gate": gate.id,
        "direction": direction,
        "counts": dict(sorted(counts.items())),
        "total": len(cases),
        "items": rows,
    }


def _urgency(row: StoredObject) -> tuple[Any, ...]:
    data = row.data
    eta = data.get("eta_ms")
    return not data["conflicts"], _NEVER if eta is None else eta, row.start_ms, row.id


def _row(
    row: StoredObject, label: Label, release: StoredObject | None, position: dict[str, Any] | None
) -> dict[str, Any]:
    data = row.data
    return {
        "case": row.id,
        "asset": row.asset,
        "reference": data["reference"],
        "vin": data["vin"],
        "chassis": data["chassis"],
        "plate": _plate(label, data["direction"]),
        "exporter": data["exporter"],
        "kind": data["asset_kind"],
        "batch": data["batch"],
        "direction": data["direction"],
        "state": data["state"],
        "stage": data["stage"],
        "reasons": data["reasons"],
        "eta": _instant(data.get("eta_ms")),
        "window_from": _instant(data["window_from_ms"]),
        "deadline": _deadline(data["deadlines"]),
        "lodged": _instant(data["lodged_ms"]),
        "release": _release(release),
        "conflicts": data["conflicts"],
        "by": data["by"],
        "position": position,
        "since": _since(data),
    }


def _release(release: StoredObject | None) -> dict[str, Any] | None:
    if release is None:
        return None
    data = release.data
    return {
        "id": release.id,
        "state": data["state"],
        "authority": data.get("authority"),
        "requested": _instant(data.get("requested_ms")),
        "decided": _instant(data.get("decided_ms")),
    }


def _deadline(deadlines: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The nearest that is not met."""
    left = [one for one in deadlines if one["state"] != "met" and one.get("due_ms") is not None]
    return render(min(left, key=lambda one: one["due_ms"])) if left else None


def _since(data: Mapping[str, Any]) -> str | None:
    at = next((one["t_ms"] for one in reversed(data["steps"]) if one["stage"] == data["stage"]), None)
    return _instant(at)


def _plate(label: Label, direction: str) -> str | None:
    """The plate of the country that it comes from, else its first one."""
    own = next((plate for plate, country in label.plates if country == direction[:2]), None)
    return own or (label.plates[0][0] if label.plates else None)


def _place(table: PositionTable, row: int) -> dict[str, Any]:
    lon, lat = int(table.lon_e7[row]) / 1e7, int(table.lat_e7[row]) / 1e7
    return {"lon": lon, "lat": lat, "t": format_instant(int(table.t_ms[row]))}


def _instant(t_ms: int | None) -> str | None:
    return None if t_ms is None else format_instant(t_ms)
