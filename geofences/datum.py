"""WGS84 and the shifted coordinates of Chinese maps, GCJ-02 and BD-09: columns, degrees, lon before lat.

The transforms themselves know no border; `from_wgs84` and `to_wgs84` do: a device that says gcj02 or bd09
shifts what lies in mainland China (the shipped outline of China) and nothing else. `to_wgs84` decides for
each position alone, so order and batching make no difference; docs/datum.md has the rule and what can't be
known. Everything is ``+ - * / sqrt`` and rounding, so every machine gives the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.geodesy import RAD
from geofences.world import world

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Int64s: TypeAlias = NDArray[np.int64]
Columns: TypeAlias = tuple[Floats, Floats]

DATUMS: Final = ("wgs84", "gcj02", "bd09")
"""What a device may declare; the place in the tuple is the number that is stored (0 = as it came)."""

GCJ02_ITERATIONS: Final = 3
"""Evaluations of the shift in the inverse. Over China 1 leaves 5 m, 2 leave 3 cm, 3 leave 0.2 mm."""

BD09_ITERATIONS: Final = 3
"""The same for BD-09: 1, the usual closed form, leaves 23 cm, 2 leave 2 mm, 3 leave 0.02 mm."""

_A_M: Final = 6_378_245.0  # Krasovsky's ellipsoid, as in every published form of the transform
_E2: Final = 0.00669342162296594323
_BD_LON, _BD_LAT, _BD_WAVES = 0.0065, 0.006, 50.0 / 3.0  # 3000 / 180 half waves a degree
_SINE: Final = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(10, -1, -1))

_NEAR_DEG: Final = 0.02  # further than any shift reaches (BD-09: 1.3 km) from the outline's box
_GATE_M: Final = 5_000.0  # how far from a gate its road is asked
_NEARER_M: Final = 100.0  # what makes one of two explanations the better one


def wgs84_to_gcj02(lon: Floats, lat: Floats) -> Columns:
    """Where GCJ-02 puts these places. Good for any place below latitude 85; no border is looked at."""
    dlon, dlat = _shift(lon, lat)
    return np.asarray(lon + dlon), np.asarray(lat + dlat)


def gcj02_to_wgs84(lon: Floats, lat: Floats) -> Columns:
    """The places that GCJ-02 puts here: the inverse by `GCJ02_ITERATIONS` steps, off by less than 1 mm."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    for _ in range(GCJ02_ITERATIONS):
        dlon, dlat = _shift(x, y)
        x, y = lon - dlon, lat - dlat
    return x, y


def gcj02_to_bd09(lon: Floats, lat: Floats) -> Columns:
    """Where BD-09 puts these places of GCJ-02: turned and stretched by waves, then moved by a constant."""
    x, y = _wave(lon, lat, lon, lat, 1.0)
    return np.asarray(x + _BD_LON), np.asarray(y + _BD_LAT)


def bd09_to_gcj02(lon: Floats, lat: Floats) -> Columns:
    """The places of GCJ-02 that BD-09 puts here, by `BD09_ITERATIONS` steps, off by less than 1 mm."""
    moved_lon = np.asarray(lon, dtype=np.float64) - _BD_LON
    moved_lat = np.asarray(lat, dtype=np.float64) - _BD_LAT
    x, y = moved_lon, moved_lat
    for _ in range(BD09_ITERATIONS):
        x, y = _wave(moved_lon, moved_lat, x, y, -1.0)
    return x, y


def from_wgs84(lon: Floats, lat: Floats, datum: str) -> Columns:
    """What a device of this datum sends at these places: shifted inside China, as they are elsewhere.

    Float64 columns of equal length; NaN stays NaN. Raises ValueError for a datum not in `DATUMS`.
    """
    x, y = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    if _number(datum):
        inside = _china().holds(x, y)
        x[inside], y[inside] = _shifted(x[inside], y[inside], datum)
    return x, y


def to_wgs84(lon: Floats, lat: Floats, datum: str) -> tuple[Floats, Floats, Bools]:
    """The places that a device of this datum means: (lon, lat, which of them were converted).

    Float64 columns of equal length; NaN stays NaN. Each position is judged alone: converted when it and its
    inverse lie in China, left when both lie outside. For the strip where they differ see docs/datum.md.
    Raises ValueError for a datum not in `DATUMS`.
    """
    x, y = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    converted = np.zeros(len(x), dtype=np.bool_)
    if _number(datum):
        china = _china()
        near = np.flatnonzero(china.near(x, y))
        inverse = _unshifted(x[near], y[near], datum)
        was_shifted = china.were_shifted((x[near], y[near]), inverse)
        at = near[was_shifted]
        x[at], y[at] = inverse[0][was_shifted], inverse[1][was_shifted]
        converted[at] = True
    return x, y, converted


def to_wgs84_e7(lon_e7: Int64s, lat_e7: Int64s, datum: str) -> tuple[Int64s, Int64s, Bools]:
    """As `to_wgs84` on whole numbers of 1e-7 degree; rounding costs up to 6 mm on each side."""
    lon, lat, converted = to_wgs84(
        np.asarray(lon_e7 * 1e-7, np.float64), np.asarray(lat_e7 * 1e-7, np.float64), datum
    )
    new_lon, new_lat = np.array(lon_e7, dtype=np.int64), np.array(lat_e7, dtype=np.int64)
    new_lon[converted] = np.rint(lon[converted] * 1e7).astype(np.int64)
    new_lat[converted] = np.rint(lat[converted] * 1e7).astype(np.int64)
    return new_lon, new_lat, converted


def in_china(lon: Floats, lat: Floats) -> Bools:
    """Which places (WGS84) lie in the outline within which devices shift; its border belongs to it."""
    return _china().holds(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))


def _number(datum: str) -> int:
    if datum not in DATUMS:
        raise ValueError(f"unknown datum: got {datum!r}, want {', '.join(DATUMS)}")
    return DATUMS.index(datum)


def _shifted(lon: Floats, lat: Floats, datum: str) -> Columns:
    lon, lat = wgs84_to_gcj02(lon, lat)
    return gcj02_to_bd09(lon, lat) if datum == "bd09" else (lon, lat)


def _unshifted(lon: Floats, lat: Floats, datum: str) -> Columns:
    if datum == "bd09":
        lon, lat = bd09_to_gcj02(lon, lat)
    return gcj02_to_wgs84(lon, lat)


@dataclass(frozen=True, slots=True, eq=False)
class _China:
    """The outline within which devices shift, and the ways through the gates in its border."""

    outline: shapely.Geometry
    box: tuple[float, float, float, float]
    gates: tuple[tuple[float, float, Floats], ...]

    def near(self, lon: Floats, lat: Floats) -> Bools:
        """Which positions, shifted or not, can lie in the outline."""
        west, south, east, north = self.box
        inside: Bools = (lon >= west - _NEAR_DEG) & (lon <= east + _NEAR_DEG)
        inside &= (lat >= south - _NEAR_DEG) & (lat <= north + _NEAR_DEG)
        return inside

    def holds(self, lon: Floats, lat: Floats) -> Bools:
        return np.asarray(shapely.intersects_xy(self.outline, lon, lat), dtype=np.bool_)

    def were_shifted(self, sent: Columns, inverse: Columns) -> Bools:
        """Which positions the device has shifted, each judged by itself."""
        shifted = self.holds(*inverse)  # a place in China gives this position
        unshifted = ~self.holds(*sent)  # a place outside gives it
        open_ = np.flatnonzero(shifted == unshifted)
        if not len(open_):
            return shifted
        sent = (sent[0][open_], sent[1][open_])
        inverse = (inverse[0][open_], inverse[1][open_])
        middle = self.holds((sent[0] + inverse[0]) * 0.5, (sent[1] + inverse[1]) * 0.5)
        verdict = shifted[open_] | middle
        gain = self._off_road_m(*sent) - self._off_road_m(*inverse)
        verdict = np.where(gain > _NEARER_M, True, np.where(gain < -_NEARER_M, False, verdict))
        shifted[open_] = verdict
        return shifted

    def _off_road_m(self, lon: Floats, lat: Floats) -> Floats:
        """Metres to the way through the gate that is near, 0 where none is."""
        off = np.zeros(len(lon))
        for gate_lon, gate_lat, way in self.gates:
            scale = np.array([math.cos(gate_lat * RAD), 1.0]) * (_A_M * RAD)
            points = (np.stack([lon, lat], axis=1) - [gate_lon, gate_lat]) * scale
            near = np.flatnonzero((points * points).sum(axis=1) <= _GATE_M**2)
            if len(near):
                off[near] = shapely.distance(shapely.linestrings(way * scale), shapely.points(points[near]))
        return off


@lru_cache(maxsize=1)
def _china() -> _China:
    """Read at the first shifted position: some 0.5 s and what `world` holds in memory."""
    zones, gates = world()
    by_id = {zone.id: zone for zone in zones}
    outline = shapely.from_wkb(shapely.to_wkb(by_id["country-cn"].geometry))  # others may prepare theirs
    shapely.prepare(outline)
    ways = []
    for gate in gates:
        if "CN" not in (gate.a_country, gate.b_country):
            continue
        ports = [by_id[ports[0]].geometry.centroid for ports in (gate.a_ports, gate.b_ports)]
        points = [(ports[0].x, ports[0].y), (gate.lon, gate.lat), (ports[1].x, ports[1].y)]
        ways.append((gate.lon, gate.lat, np.array(points) - [gate.lon, gate.lat]))
    return _China(outline, outline.bounds, tuple(ways))


def _sin_pi(x: Floats) -> Floats:
    """sin(pi * x) to 2e-16 by additions and multiplications alone."""
    r = x - 2.0 * np.rint(x * 0.5)
    r = np.where(np.abs(r) > 0.5, np.copysign(1.0, r) - r, r) * np.pi
    square = r * r
    total = square * _SINE[0]
    for term in _SINE[1:-1]:
        total += term
        total *= square
    total += 1.0
    total *= r
    return np.asarray(total)


def _shift(lon: Floats, lat: Floats) -> Columns:
    """What GCJ-02 adds at this place of WGS84, degrees (the published formula, in metres until the end)."""
    x, y = lon - 105.0, lat - 35.0
    slow = _sin_pi(2.0 * x)
    both = 160.0 / 3.0 * slow * (1.0 - slow * slow)  # (20 sin 6 pi x + 20 sin 2 pi x) 2 / 3
    root, product = np.sqrt(np.abs(x)), 0.1 * x * y
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + product + 0.1 * root + both
    east += (20.0 * _sin_pi(x) + 40.0 * _sin_pi(x / 3.0)) * (2.0 / 3.0)
    east += (150.0 * _sin_pi(x / 12.0) + 300.0 * _sin_pi(x / 30.0)) * (2.0 / 3.0)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + product + 0.2 * root + both
    north += (20.0 * _sin_pi(y) + 40.0 * _sin_pi(y / 3.0)) * (2.0 / 3.0)
    north += (160.0 * _sin_pi(y / 12.0) + 320.0 * _sin_pi(y / 30.0)) * (2.0 / 3.0)
    sine, cosine = _sin_pi(lat / 180.0), _sin_pi(0.5 - lat / 180.0)
    w2 = 1.0 - _E2 * sine * sine
    w = np.sqrt(w2)
    dlon = east * w / (_A_M * RAD * cosine)
    dlat = north * w2 * w / (_A_M * (1.0 - _E2) * RAD)
    return np.asarray(dlon), np.asarray(dlat)


def _wave(lon: Floats, lat: Floats, at_lon: Floats, at_lat: Floats, sign: float) -> Columns:
    """BD-09's turn and stretch of (lon, lat) as the waves at (at_lon, at_lat) have it, or (-1) undone."""
    stretch = 2e-5 * _sin_pi(at_lat * _BD_WAVES)
    turn = sign * 3e-6 * _sin_pi(0.5 - at_lon * _BD_WAVES)
    radius = np.sqrt(lon * lon + lat * lat)
    cos, sin = 1.0 - turn * turn * 0.5, turn - turn * turn * turn / 6.0
    scale = (radius + sign * stretch) / radius
    return np.asarray((lon * cos - lat * sin) * scale), np.asarray((lon * sin + lat * cos) * scale)
