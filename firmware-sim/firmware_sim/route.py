"""The road: a plausible line through real places, cut into short steps, with limits and heights.

The places are real (``data/NOTICE.md``), the bends between them are not: each leg gets seeded, smooth
sideways bends that fade out towards its ends, and none within a few kilometres of the gate, where the
road runs straight through both towns and over the line. Metres are those of the WGS84 ellipsoid, so the
distance that a truck drives agrees with the distance between its fixes.
"""

from __future__ import annotations

import csv
import itertools
import math
from dataclasses import dataclass
from importlib import resources

import numpy as np

from firmware_sim.errors import ScenarioError
from firmware_sim.noise import F8, fraction

_A_M = 6_378_137.0
_E2 = 0.00669437999014
STEP_M = 25.0
#: Where the straight way from Mohan to Boten leaves China, 60 m from the border's point nearest to Mohan.
LINE = (101.68094, 21.18783)
EXIT_TOWN, ENTRY_TOWN = "Mohan (town)", "Boten (town)"


@dataclass(frozen=True, slots=True)
class Place:
    """A named place on the way; height in metres.

    ``lean`` is the sideways bulge of the leg that begins here as a share of its length, to the left when
    positive: it keeps the invented bends in the right country where the straight way would leave it.
    """

    name: str
    lon: float
    lat: float
    alt_m: float
    lean: float


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A road as columns, one row each ``STEP_M``: the distance from its start and what is there.

    ``limit_there`` and ``limit_back`` are the speeds (m/s) that a truck may have at each row driving
    from start to end and from end to start, braking for what comes already included. ``exit_m`` and
    ``entry_m`` are the gate's control points (Mohan, Boten), ``line_m`` the border between them.
    """

    name: str
    m: F8
    lon: F8
    lat: F8
    heading_deg: F8
    alt_m: F8
    limit_there: F8
    limit_back: F8
    exit_m: float
    line_m: float
    entry_m: float
    stops_m: tuple[float, ...]

    @property
    def length_m(self) -> float:
        return float(self.m[-1])


def metres_per_degree(lat: F8) -> tuple[F8, F8]:
    """Length of one degree of longitude and of latitude at ``lat`` (WGS84), metres."""
    phi = np.radians(lat)
    w = 1 - _E2 * np.sin(phi) ** 2
    east = _A_M / np.sqrt(w) * np.cos(phi) * math.pi / 180
    north = _A_M * (1 - _E2) / w**1.5 * math.pi / 180
    return east, north


def places(first: str, last: str) -> list[Place]:
    """The places of the shipped route from one name to another; raises ``ScenarioError``."""
    folder = resources.files("firmware_sim") / "data"
    shape = {
        row["name"]: (float(row["alt_m"]), float(row["lean"]))
        for row in csv.DictReader((folder / "shape.csv").read_text("utf-8").splitlines())
    }
    rows = csv.DictReader((folder / "kunming-vientiane.csv").read_text("utf-8").splitlines())
    found = [Place(r["name"], float(r["lon"]), float(r["lat"]), *shape[r["name"]]) for r in rows]
    names = [place.name for place in found]
    for name in (first, last):
        if name not in names:
            raise ScenarioError(f"unknown place: got {name!r}, want one of {', '.join(names)}")
    i, j = names.index(first), names.index(last)
    if not i < names.index(EXIT_TOWN) or not names.index(ENTRY_TOWN) < j:
        raise ScenarioError(
            f"the route misses the gate: got {first} to {last}, want it to pass Mohan and Boten"
        )
    return found[i : j + 1]


def build(first: str = "Kunming", last: str = "Vientiane", *, seed: int = 1) -> Route:
    """The road from ``first`` to ``last``; the same seed gives the same bends."""
    stops = places(first, last)
    lon, lat = _smooth(_knots(stops, seed))
    lon, lat, m = _even(lon, lat)
    east, north = metres_per_degree(lat)
    dx, dy = np.gradient(lon) * east, np.gradient(lat) * north
    heading = np.degrees(np.arctan2(dx, dy)) % 360

    def at(x: float, y: float) -> float:
        return float(m[np.argmin(((lon - x) * east) ** 2 + ((lat - y) * north) ** 2)])

    marks = {place.name: at(place.lon, place.lat) for place in stops}
    alt = np.interp(m, [marks[p.name] for p in stops], [p.alt_m for p in stops])
    alt += 60 * np.sin(m / 1700.0 + seed) * np.clip(np.abs(m - marks[EXIT_TOWN]) / 20_000, 0, 1)
    limit = _limits(m, heading, marks, seed)
    return Route(
        name=f"{first} - {last}",
        m=m,
        lon=lon,
        lat=lat,
        heading_deg=heading,
        alt_m=alt,
        limit_there=_braked(limit),
        limit_back=_braked(limit[::-1])[::-1],
        exit_m=marks[EXIT_TOWN],
        line_m=at(*LINE),
        entry_m=marks[ENTRY_TOWN],
        stops_m=tuple(marks.values()),
    )


def _knots(stops: list[Place], seed: int) -> F8:
    """Control points (lon, lat): the places, the gate, and seeded bends every few kilometres."""
    towns = {p.name: p for p in stops}
    gate = [towns[EXIT_TOWN], towns[ENTRY_TOWN]]
    ux, uy = gate[1].lon - gate[0].lon, gate[1].lat - gate[0].lat
    # The gate's straight runs on for about a kilometre beyond both towns.
    before = (gate[0].lon - 0.6 * ux, gate[0].lat - 0.6 * uy)
    after = (gate[1].lon + 0.6 * ux, gate[1].lat + 0.6 * uy)
    points: list[tuple[float, float]] = [(stops[0].lon, stops[0].lat)]
    for a, b in itertools.pairwise(stops):
        if a.name == EXIT_TOWN:
            points += [LINE, (b.lon, b.lat), after]
            continue
        start = after if a.name == ENTRY_TOWN else (a.lon, a.lat)
        end = before if b.name == EXIT_TOWN else (b.lon, b.lat)
        points += _bends(start, end, seed, a)
        if b.name == EXIT_TOWN:
            points.append(before)
        points.append((b.lon, b.lat))
    return np.array(points)


def _bends(
    start: tuple[float, float], end: tuple[float, float], seed: int, place: Place
) -> list[tuple[float, float]]:
    east, north = (float(v) for v in metres_per_degree(np.array((start[1] + end[1]) / 2)))
    dx, dy = (end[0] - start[0]) * east, (end[1] - start[1]) * north
    length = math.hypot(dx, dy)
    count = int(length // 2200)
    side = (-dy / length / east, dx / length / north)
    waves = [
        (0.02 * length, 1.5 + 1.5 * fraction(seed, place.name, "a"), fraction(seed, place.name, "b")),
        (min(1400.0, 0.03 * length), length / 15_000, fraction(seed, place.name, "c")),
        (min(500.0, 0.015 * length), length / 6_500, fraction(seed, place.name, "d")),
    ]
    found = []
    for k in range(1, count):
        x = k / count
        off = sum(a * math.sin(2 * math.pi * (n * x + phase)) for a, n, phase in waves)
        off += place.lean * length
        off *= min(1.0, 3 * math.sin(math.pi * x) ** 2)
        found.append((start[0] + x * (end[0] - start[0]) + off * side[0],
                      start[1] + x * (end[1] - start[1]) + off * side[1]))  # fmt: skip
    return found


def _smooth(knots: F8) -> tuple[F8, F8]:
    """A centripetal Catmull-Rom curve through all knots (Barry and Goldman's pyramid), dense."""
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        t0 = 0.0
        t1 = t0 + math.dist(p0, p1) ** 0.5
        t2 = t1 + math.dist(p1, p2) ** 0.5
        t3 = t2 + math.dist(p2, p3) ** 0.5
        count = max(2, int(math.dist(p1, p2) * 111_000 // 10))
        t = np.linspace(t1, t2, count, endpoint=False)[:, None]
        a1 = (t1 - t) / (t1 - t0) * p0 + (t - t0) / (t1 - t0) * p1
        a2 = (t2 - t) / (t2 - t1) * p1 + (t - t1) / (t2 - t1) * p2
        a3 = (t3 - t) / (t3 - t2) * p2 + (t - t2) / (t3 - t2) * p3
        b1 = (t2 - t) / (t2 - t0) * a1 + (t - t0) / (t2 - t0) * a2
        b2 = (t3 - t) / (t3 - t1) * a2 + (t - t1) / (t3 - t1) * a3
        pieces.append((t2 - t) / (t2 - t1) * b1 + (t - t1) / (t2 - t1) * b2)
    pieces.append(knots[-1:])
    curve = np.vstack(pieces)
    return curve[:, 0], curve[:, 1]


def _even(lon: F8, lat: F8) -> tuple[F8, F8, F8]:
    east, north = metres_per_degree((lat[1:] + lat[:-1]) / 2)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(lon) * east, np.diff(lat) * north))])
    m = np.arange(0.0, along[-1], STEP_M)
    return np.interp(m, along, lon), np.interp(m, along, lat), m


def _limits(m: F8, heading: F8, marks: dict[str, float], seed: int) -> F8:
    """Speed limits (m/s) by kind of road, bend, town and gate, before braking is worked in."""
    gate_m = marks[EXIT_TOWN]
    kmh = np.where(m < gate_m, 80.0, 58.0)  # expressway in China, mountain road in Laos
    if "Vang Vieng" in marks:
        kmh = np.where(m > marks["Vang Vieng"], 75.0, kmh)
    kmh -= 8 * (np.sin(m / 5200.0 + seed) > 0.4)
    for mark in marks.values():
        kmh = np.where(np.abs(m - mark) < 1500, np.minimum(kmh, 45.0), kmh)
    for mark in (gate_m, marks[ENTRY_TOWN]):
        kmh = np.where(np.abs(m - mark) < 1500, np.minimum(kmh, 30.0), kmh)
        kmh = np.where(np.abs(m - mark) < 250, np.minimum(kmh, 15.0), kmh)
    turn = np.abs((np.roll(heading, -2) - np.roll(heading, 2) + 180) % 360 - 180)
    turn[:2] = turn[-2:] = 0
    radius = 4 * STEP_M / np.maximum(np.radians(turn), 1e-4)
    return np.minimum(kmh / 3.6, np.maximum(np.sqrt(1.1 * radius), 4.0))


def _braked(limit: F8, brake: float = 0.5) -> F8:
    """The limits lowered so that a truck braking by ``brake`` (m/s2) meets each one ahead of it."""
    squares = (limit**2).tolist()
    for i in range(len(squares) - 2, -1, -1):
        squares[i] = min(squares[i], squares[i + 1] + 2 * brake * STEP_M)
    return np.asarray(np.sqrt(np.array(squares)))
