"""Telematics events as JSON lines, in the form of the Portal-Tajo project (``{"type": ..., "ev": {...}}``).

An event has a device time (``ts``), a position with a time of its own that may be much older (``posTime``:
a parked truck repeats its last fix), and values of the bus. So it becomes up to two samples: the position
at its own instant, once, and the bus's values at the device's. The odometer ``totDist`` comes without a
known unit and is kept under its own name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from corridor.replay.errors import ReplayError
from corridor.replay.instants import parse_instant
from corridor.replay.recording import Piece, Recording, place_ok

_BUS = {
    "engineRpm": "engine_rpm",
    "vehicleSpeed": "wheel_speed_kmh",
    "engineCoolantTemp": "coolant_c",
    "totEngineHours": "engine_hours_h",
    "totFuelUsed": "fuel_used_l",
    "fuelLevelPerc": "fuel_level_pct",
}
_GROUPS = ("telemetryInfo", "fuelInfo")
_FACTS: dict[str, dict[str, Any]] = {
    "vehicle-ign-on": {"kind": "ignition", "on": True},
    "vehicle-ign-off": {"kind": "ignition", "on": False},
    "vehicle-harsh-braking": {"kind": "harsh_braking"},
}


def read(data: bytes, name: str) -> Recording:
    """The events of all lines; raises ``ReplayError`` when none of them is one."""
    pieces: list[Piece] = []
    skipped = 0
    fixes: set[int] = set()
    for line in data.decode("utf-8-sig", "replace").splitlines():
        if not line.strip():
            continue
        piece = _piece(line, fixes)
        if piece is None:
            skipped += 1
        else:
            pieces.append(piece)
    if not pieces:
        want = '{"type": ..., "ev": {"ts": ..., "pos": ...}}'
        raise ReplayError(f"no events in JSON lines: {name}: got {skipped} other lines, want {want}")
    pieces.sort(key=lambda piece: piece.at_ms)
    return Recording(name, "jsonl", pieces, skipped)


def _piece(line: str, fixes: set[int]) -> Piece | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    event = found.get("ev") if isinstance(found, dict) else None
    t_ms = parse_instant(str(event.get("ts"))) if isinstance(event, dict) else None
    if t_ms is None or not isinstance(event, dict):
        return None
    piece = Piece(t_ms)
    fix = _fix(event.get("pos"), t_ms)
    if fix is not None and fix[0] not in fixes:
        fixes.add(fix[0])
        piece.rows.append(fix)
    bus = _bus(event)
    if bus:
        piece.rows.append((t_ms, bus))
    fact = _FACTS.get(str(found.get("type")))
    if fact is not None:
        piece.facts.append({"t": t_ms, **fact})
    return piece


def _fix(position: Any, t_ms: int) -> tuple[int, Mapping[str, float | int | None]] | None:
    if not isinstance(position, dict) or not isinstance(position.get("latlon"), dict):
        return None
    lon, lat = _number(position["latlon"].get("lng")), _number(position["latlon"].get("lat"))
    if lon is None or lat is None or not place_ok(lon, lat):
        return None
    at_ms = parse_instant(str(position.get("posTime")))
    row: dict[str, float | int | None] = {
        "lon": round(lon, 7),
        "lat": round(lat, 7),
        "alt_m": _number(position.get("altitude")),
        "speed_kmh": _number(position.get("speed")),
        "heading_deg": _number(position.get("azimuth")),
    }
    return t_ms if at_ms is None else at_ms, row


def _bus(event: Mapping[str, Any]) -> dict[str, float | int | None]:
    row: dict[str, float | int | None] = {}
    for group in _GROUPS:
        values = event.get(group)
        for key, value in values.items() if isinstance(values, dict) else ():
            number = _number(value)
            if number is not None:
                row[_BUS.get(key) or _snake(key)] = number
    return row


def _snake(key: str) -> str:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return re.sub(r"[^a-z0-9_]", "_", plain)[:48]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), 7)
