"""Drives at the gate Mohan - Boten, folded by the engine: what the pictures of crossings.md show.

A drive is made of knots on the road through the gate (metres from the border, Laos positive) and folded
report by report, as the embedded system does it. What comes out is plain: fixes with their flags, the
objects, and how often each was told. No randomness, so the same numbers every time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, radians, sin
from typing import Any, Final

import numpy as np
import pyarrow as pa
from shapely import LineString, Polygon

import geofences
from geofences.zone import Zone
from streams.codec import encode_frame
from streams.engine import Engine, World
from streams.engine.derive import flags
from streams.engine.rows import Rows
from streams.engine.units import NONE
from streams.events import Change, Event, Kind
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind

T0: Final = 1_795_305_600_000
GATE: Final = "mohan-boten"
_MOHAN, _BOTEN = (101.6877196, 21.1907876), (101.6725976, 21.1841821)
_BORDER: Final = (101.6812884, 21.1879784)
_M: Final = 111_195.0  # metres of a degree of latitude, on the sphere
_EAST: Final = _M * cos(radians(_BORDER[1]))
_ROAD = ((_BOTEN[0] - _MOHAN[0]) * _EAST, (_BOTEN[1] - _MOHAN[1]) * _M)
_UNIT: Final = (_ROAD[0] / hypot(*_ROAD), _ROAD[1] / hypot(*_ROAD))


@dataclass(frozen=True)
class Fix:
    """One fix: seconds after T0, degrees; speed in km/h."""

    t_s: float
    lon: float
    lat: float
    kmh: float


def place(along_m: float, aside_m: float = 0.0) -> tuple[float, float]:
    """Longitude and latitude of a place on the road, so many metres behind the border and to its left."""
    east, north = along_m * _UNIT[0] - aside_m * _UNIT[1], along_m * _UNIT[1] + aside_m * _UNIT[0]
    return _BORDER[0] + east / _EAST, _BORDER[1] + north / _M


def metres(lon: float, lat: float) -> tuple[float, float]:
    """The other way: metres along the road behind the border, and to its left."""
    east, north = (lon - _BORDER[0]) * _EAST, (lat - _BORDER[1]) * _M
    return east * _UNIT[0] + north * _UNIT[1], north * _UNIT[0] - east * _UNIT[1]


def area(along: tuple[float, float], aside: tuple[float, float]) -> Polygon:
    """A rectangle beside the road, in degrees."""
    (a, b), (c, d) = along, aside
    return Polygon([place(a, c), place(b, c), place(b, d), place(a, d)])


def spans(zone: Zone) -> list[tuple[float, float]]:
    """Where the road lies in a zone: metres from and to, between 9 km before the border and 9 km behind."""
    road = LineString([place(m) for m in range(-9_000, 9_001, 10)])
    cut = road.intersection(zone.geometry)
    parts = [part for part in getattr(cut, "geoms", [cut]) if isinstance(part, LineString)]
    ends = [[metres(*part.coords[0])[0], metres(*part.coords[-1])[0]] for part in parts]
    return sorted((round(min(pair), 1), round(max(pair), 1)) for pair in ends if pair[0] != pair[1])


def drive(knots: Sequence[tuple[float, float]], every_s: float, noise_m: float = 3.0) -> list[Fix]:
    """Fixes on the road: ``knots`` are (seconds, metres), the way between them even."""
    times, ways = zip(*knots, strict=True)
    out = []
    for i, t in enumerate(np.arange(times[0], times[-1] + 0.5, every_s).tolist()):
        along = float(np.interp(t, times, ways))
        before, after = float(np.interp(t - 1, times, ways)), float(np.interp(t + 1, times, ways))
        off = noise_m * (sin(2.4 * i) + sin(1.1 * i * i)), noise_m * (cos(1.7 * i) + sin(0.7 * i * i))
        kmh = abs(after - before) / 2 * 3.6
        out.append(Fix(t, *place(along + off[0] * 0.7, off[1] * 0.7), round(kmh, 1)))
    return out


def report(fixes: Sequence[Fix], position: int, received_s: float) -> LogRecord:
    """A log record with one report of one truck."""
    raw = repr((position, fixes)).encode()
    received = T0 + round(received_s * 1000)
    head: dict[str, list[object]] = {name: [None] for name in REPORTS.names}
    head |= {"device": ["unit-1"], "asset": ["truck"], "tenant": ["main"], "boot": ["b"], "boot_n": [1]}
    head |= {"seq": [position - 1], "hash": [hashlib.sha256(raw).digest()], "received_ms": [received]}
    head |= {"form": [int(Form.CBOR)], "samples": [len(fixes)], "dropped": [0], "raw": [raw]}
    rows: dict[str, list[object]] = {name: [None] * len(fixes) for name in SAMPLES.names}
    rows |= {name: list(column) for name, column in _columns(fixes).items()}
    rows["report"] = [0] * len(fixes)
    extras = pa.RecordBatch.from_pydict({"sample": [], "name": [], "value": []}, schema=EXTRAS)
    frame = Frame(
        pa.RecordBatch.from_pydict(head, schema=REPORTS),
        pa.RecordBatch.from_pydict(rows, schema=SAMPLES),
        extras,
    )
    return LogRecord(0, position, RecordKind.FRAME, received, "k", encode_frame(frame))


def _columns(fixes: Sequence[Fix]) -> dict[str, list[int]]:
    return {
        "t_ms": [T0 + round(fix.t_s * 1000) for fix in fixes],
        "lon_e7": [round(fix.lon * 1e7) for fix in fixes],
        "lat_e7": [round(fix.lat * 1e7) for fix in fixes],
        "speed_ckmh": [round(fix.kmh * 100) for fix in fixes],
        "hdop_c": [100] * len(fixes),
        "fix": [3] * len(fixes),
    }


class Truck:
    """One truck and the engine that follows it, in the shipped world and with ``more`` zones."""

    def __init__(self, more: Sequence[Zone] = ()) -> None:
        zones, gates = geofences.world()
        self.engine = Engine(0, World([*zones, *more], gates))
        self.fixes: list[Fix] = []
        self.events: list[Event] = []
        self.told: list[list[Any]] = []

    def sends(self, fixes: Sequence[Fix], received_s: float | None = None) -> None:
        """One report, received a second after its last fix if not said."""
        received_s = fixes[-1].t_s + 1 if received_s is None else received_s
        step = self.engine.fold(report(fixes, self.engine.position + 1, received_s))
        self.fixes += fixes
        self.events += [event for event in step.events if event.kind in (Kind.VISIT, Kind.CROSSING)]

    def each(self, fixes: Sequence[Fix]) -> None:
        """Each fix in a report of its own."""
        for fix in fixes:
            self.sends([fix])

    def picture(self) -> dict[str, Any]:
        """What is known now, as plain values: fixes, objects, tellings."""
        newest = {event.id: event for event in self.events}
        ordered = sorted(newest.values(), key=lambda e: (e.kind, e.t_ms, e.id))
        return {
            "fixes": self._fixes(),
            "objects": [_object(event) for event in ordered if event.change is not Change.RETRACTED],
            "told": [
                [e.position, e.kind.value, e.id, e.revision, e.change.value, *_word(e)] for e in self.events
            ],
        }

    def _fixes(self) -> list[list[int]]:
        """Of each fix by time: ms after T0, lon, lat (1e-7 degree), speed (0.01 km/h), flags."""
        fixes = sorted(self.fixes, key=lambda fix: fix.t_s)
        columns = {name: np.array(column, np.int64) for name, column in _columns(fixes).items()}
        zero, none = np.zeros(len(fixes), np.int64), np.full(len(fixes), NONE, np.int64)
        t, lon, lat, speed = (columns[name] for name in ("t_ms", "lon_e7", "lat_e7", "speed_ckmh"))
        hdop, fix = columns["hdop_c"], columns["fix"]
        rows = Rows(zero, t, lon, lat, speed, none, hdop, none, fix, none, none, t + 1000, zero)
        return np.stack([t - T0, lon, lat, speed, flags(rows)], axis=1).tolist()  # type: ignore[no-any-return]


def _object(event: Event) -> dict[str, Any]:
    data = {name: value for name, value in event.data.items() if name not in ("why", "zone_version")}
    return {"kind": event.kind.value, "id": event.id, "revision": event.revision, **_since(data)}


def _since(data: Any) -> Any:
    """The same with instants as ms after T0."""
    if not isinstance(data, dict):
        return data
    instants = ("earliest_ms", "latest_ms", "estimate_ms")
    return {
        name: value - T0 if name in instants and value is not None else _since(value)
        for name, value in data.items()
    }


def _word(event: Event) -> list[str]:
    word = "state" if event.kind is Kind.CROSSING else "zone"
    return [str(event.data[word])]
