"""Zones and gates as the rules ask for them, on top of ``geofences``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofences.geodesy import distance_mm
from geofences.index import ZoneIndex
from geofences.zone import Gate, Zone, ZoneKind
from tests.reference.values import Sample

DEGREE = 1e-7


class Places:
    """Zones by number (their place in ``zones``) and gates by id."""

    def __init__(self, zones: Sequence[Zone], gates: Sequence[Gate]) -> None:
        self.zones = list(zones)
        self.gates = {gate.id: gate for gate in gates}
        self.index = ZoneIndex(self.zones)

    def around(self, fixes: Sequence[Sample]) -> list[frozenset[int]]:
        """The zones that hold each fix."""
        lon = np.array([x.lon for x in fixes], float) * DEGREE
        lat = np.array([x.lat for x in fixes], float) * DEGREE
        return [frozenset(self.index.members(int(one))) for one in self.index.locate(lon, lat)]

    def country(self, zones: frozenset[int]) -> int:
        """The one country of a set of zones; -1 when overlapping or none."""
        countries = [z for z in zones if self.zones[z].kind is ZoneKind.COUNTRY]
        return countries[0] if len(countries) == 1 else -1

    def code(self, country: int) -> str | None:
        """The code of a country zone, None for -1."""
        return None if country < 0 else self.zones[country].country

    def cuts(self, fixes: Sequence[Sample]) -> list[set[int]]:
        """For each fix the zones that the step to it passes, with neither end in them."""
        found: list[set[int]] = [set() for _ in fixes]
        if len(fixes) > 1:
            lon = np.array([x.lon for x in fixes], float) * DEGREE
            lat = np.array([x.lat for x in fixes], float) * DEGREE
            for segment, zone in zip(*self.index.cut(lon[:-1], lat[:-1], lon[1:], lat[1:]), strict=True):
                found[segment + 1].add(int(zone))
        return found

    def meetings(self, zone: int, p: Sample, x: Sample) -> list[float]:
        """The shares of the way from p to x at which it meets the fence, ascending; 0.5 if none."""
        ends = p.lon * DEGREE, p.lat * DEGREE, x.lon * DEGREE, x.lat * DEGREE
        return self.index.meets(zone, *ends) or [0.5]

    def reach_mm(self, zone: int, p: Sample, x: Sample) -> tuple[int, int]:
        """How far a zone's boundary reaches to the left and to the right of the chord from p to x."""
        return self.index.reach(zone, p.lon * DEGREE, p.lat * DEGREE, x.lon * DEGREE, x.lat * DEGREE)


def way_mm(a: Sample, b: Sample) -> int:
    """The geodesic between two fixes."""
    ends = [np.array([value * DEGREE]) for value in (a.lon, a.lat, b.lon, b.lat)]
    return int(distance_mm(*ends)[0])
