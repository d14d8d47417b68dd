"""When an asset will reach the next gate, enter the next country and leave the gate. Pure.

The gate is the one that the recent way leads to; the road there is taken as 1.3 times the geodesic, the speed
as the trip's own over its last hour, short stops included. At the gate the asset takes as long as the assets
of the last day did, stage by stage: the sum of their medians, and the sum of their p90s as the bound that is
rarely exceeded. What can't be known is null, and a reason says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from geofences.geodesy import distance_mm
from geofences.zone import Gate
from streams.engine.queues import STAGES

ROAD_FACTOR: Final = 1.3
"""How much longer a road is than the geodesic, as taken here."""
REACH_MM: Final = 500_000_000
HOUR_MS: Final = 3_600_000
SILENT_MS: Final = HOUR_MS
"""After so long without a fix nothing is foretold."""
_RECENT_MS: Final = 600_000
_RECENT_MM: Final = 3_000_000
_LEAST_MS: Final = 300_000
_LEAST_MM: Final = 1_000_000
_TOWARD: Final = 0.3  # of its way an asset that drives to a gate comes nearer by at least this share


@dataclass(frozen=True, slots=True)
class Way:
    """Fixes of a trip in time order (at least one): ms since 1970, degrees."""

    t_ms: npt.NDArray[np.int64]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]

    def steps_mm(self) -> npt.NDArray[np.int64]:
        """The length of each step, one fewer than fixes."""
        return distance_mm(self.lon[:-1], self.lat[:-1], self.lon[1:], self.lat[1:])

    def since(self, t_ms: int) -> Way:
        """The fixes at or after ``t_ms``; the last one at least."""
        first = min(int(np.searchsorted(self.t_ms, t_ms)), len(self.t_ms) - 1)
        return Way(self.t_ms[first:], self.lon[first:], self.lat[first:])


@dataclass(frozen=True, slots=True)
class AtGate:
    """Where an asset that has reached a gate stands: in ``stage`` (of STAGES) since ``since_ms``."""

    gate: Gate
    direction: str
    stage: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Instant:
    """An estimate, and the instant that nine of ten would not exceed."""

    estimate_ms: int
    p90_ms: int


@dataclass(slots=True)
class Eta:
    """What is foretold. ``stage`` is "ahead" or one of STAGES; ``arrival`` is at the approach (at the exit
    port where there is none), ``entry`` into the next country's port, ``leave`` from it.

    ``distance_mm`` is by road. ``unknown``: the reason for each of gate, arrival, entry, leave that is null.
    """

    gate: Gate | None = None
    direction: str | None = None
    stage: str | None = None
    distance_mm: int | None = None
    speed_mm_per_s: int | None = None
    arrival_ms: int | None = None
    entry: Instant | None = None
    leave: Instant | None = None
    unknown: dict[str, str] = field(default_factory=dict)

    def without(self, reason: str, *names: str) -> Eta:
        """This, with the reason why ``names`` are null."""
        self.unknown |= dict.fromkeys(names, reason)
        return self


def foretell(
    way: Way,
    country: str,
    gates: Iterable[Gate],
    areas: Mapping[str, BaseGeometry],
    queues: Mapping[tuple[str, str], Mapping[str, Any]],
    now_ms: int,
) -> Eta:
    """Of an asset on ``way`` in ``country`` ("" unknown) that is at no gate yet.

    ``areas``: zones by id; ``queues``: data of Kind.QUEUE by (gate, direction).
    """
    eta = Eta(stage="ahead")
    everything = ("gate", "arrival", "entry", "leave")
    if now_ms - int(way.t_ms[-1]) > SILENT_MS:
        return eta.without("silent", *everything)
    if not country:
        return eta.without("country_unknown", *everything)
    way = way.since(int(way.t_ms[-1]) - HOUR_MS)
    steps, elapsed = way.steps_mm(), int(way.t_ms[-1] - way.t_ms[0])
    length = int(steps.sum())
    if elapsed < _LEAST_MS or length < _LEAST_MM:
        return eta.without("too_little_way", *everything)
    eta.gate = gate = toward(way, steps, (g for g in gates if country in (g.a_country, g.b_country)))
    if gate is None:
        return eta.without("no_gate_ahead", *everything)
    home = country == gate.a_country
    eta.direction = f"{country}>{gate.b_country if home else gate.a_country}"
    approaches, ports = (gate.a_approaches, gate.a_ports) if home else (gate.b_approaches, gate.b_ports)
    first = next((held for ids in (approaches, ports) if (held := [areas[i] for i in ids if i in areas])), [])
    eta.distance_mm = round(ROAD_FACTOR * _to(way, first, gate))
    eta.speed_mm_per_s = length * 1000 // elapsed
    travel_ms = eta.distance_mm * 1000 // eta.speed_mm_per_s
    eta.arrival_ms = arrival = max(int(way.t_ms[-1]) + travel_ms, now_ms)
    left = STAGES if any(i in areas for i in approaches) else STAGES[1:]
    return _through(eta, Instant(arrival, arrival), left, queues)


def at_gate(at: AtGate, queues: Mapping[tuple[str, str], Mapping[str, Any]], now_ms: int) -> Eta:
    """Of an asset that has reached a gate: the rest of its stage, then the stages after it."""
    eta = Eta(at.gate, at.direction, at.stage).without("reached", "arrival")
    number = STAGES.index(at.stage)
    now = queues.get((at.gate.id, at.direction), {}).get("stages", {}).get(at.stage)
    if now is None or not now["count"]:
        names = ("leave",) if at.stage == STAGES[-1] else ("entry", "leave")
        eta.without(f"no_figures_{at.stage}", *names)
    else:
        ends = (max(at.since_ms + now[name], now_ms) for name in ("median_ms", "p90_ms"))
        _through(eta, Instant(*ends), STAGES[number + 1 :], queues)
    if at.stage == STAGES[-1]:
        eta.without("reached", "entry")
    return eta


def toward(way: Way, steps: npt.NDArray[np.int64], gates: Iterable[Gate]) -> Gate | None:
    """The nearest gate within reach that the recent way leads to: its last ten minutes and three kilometres.

    The course over that way stands for the heading: on a mountain road that of one fix says nothing.
    """
    ahead = np.append(np.cumsum(steps[::-1])[::-1], 0)  # from each fix to the last one
    enough = (ahead >= _RECENT_MM) & (way.t_ms <= way.t_ms[-1] - _RECENT_MS)
    first = int(np.flatnonzero(enough)[-1]) if enough.any() else 0
    found = []
    for gate in gates:
        ends = np.array([first, -1])
        far, near = distance_mm(way.lon[ends], way.lat[ends], np.array(gate.lon), np.array(gate.lat)).tolist()
        if near <= REACH_MM and far - near >= _TOWARD * ahead[first]:
            found.append((near, gate))
    return min(found, key=lambda one: (one[0], one[1].id))[1] if found else None


def _to(way: Way, areas: Iterable[BaseGeometry], gate: Gate) -> int:
    """Millimetres of the geodesic from the last fix to the nearest of some areas, to the gate if none."""
    lon, lat = float(way.lon[-1]), float(way.lat[-1])
    squeeze = np.array([math.cos(math.radians(lat)), 1.0])
    here = shapely.Point(squeeze * (lon, lat))
    ends = []
    for area in areas:
        flat = shapely.transform(area, lambda at: at * squeeze)
        if shapely.intersects(flat, here):
            return 0
        ends.append(np.array(shapely.get_coordinates(shapely.shortest_line(here, flat))[-1]) / squeeze)
    to = np.array(ends or [(gate.lon, gate.lat)])
    return int(distance_mm(np.array(lon), np.array(lat), to[:, 0], to[:, 1]).min())


def _through(
    eta: Eta, since: Instant, stages: Iterable[str], queues: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Eta:
    """Go through ``stages`` one after the other; ``since`` is when the first begins."""
    assert eta.gate is not None
    assert eta.direction is not None
    figures = queues.get((eta.gate.id, eta.direction), {}).get("stages", {})
    at = since
    for name in stages:
        if name == STAGES[-1]:
            eta.entry = at
        one = figures.get(name)
        if one is None or not one["count"]:
            return eta.without(f"no_figures_{name}", *(("leave",) if eta.entry else ("entry", "leave")))
        at = Instant(at.estimate_ms + one["median_ms"], at.p90_ms + one["p90_ms"])
    eta.leave = at
    return eta
