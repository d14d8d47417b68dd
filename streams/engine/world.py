"""The zones and gates as the engine asks for them: by number, by set of zones, by gate and side."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np

from geofences.depth import beyond
from geofences.geodesy import distance_mm_e7
from geofences.index import ZoneIndex
from geofences.zone import Gate, Zone, ZoneKind
from streams.engine.brackets import Bracket, Fix, between
from streams.engine.columns import Array
from streams.engine.units import DEGREE

_ORDER = {ZoneKind.APPROACH: 0, ZoneKind.PORT: 1}


class World:
    """Zones by number (their place in ``zones``) and gates by id, with the index over them."""

    def __init__(self, zones: Sequence[Zone], gates: Sequence[Gate]) -> None:
        self.zones = tuple(zones)
        self.gates = {gate.id: gate for gate in gates}
        self.index = ZoneIndex(self.zones)
        self.number = {zone.id: number for number, zone in enumerate(self.zones)}
        self._countries: dict[str, list[Zone]] = {}
        for zone in self.zones:
            if zone.kind is ZoneKind.COUNTRY and zone.country is not None:
                self._countries.setdefault(zone.country, []).append(zone)
        self._areas: dict[int, tuple[int, ...]] = {-1: ()}
        self._country: dict[int, int] = {-1: -1}

    def sets(self, lon: Array, lat: Array) -> tuple[Array, Array]:
        """The set of zones around each position (1e-7 degree), and its cell of the index: int64[n] each."""
        return self.index.locate_e7(lon, lat)

    def set_at(self, lon: int, lat: int) -> int:
        """The set of zones around one position (1e-7 degree)."""
        return int(self.sets(np.array([lon]), np.array([lat]))[0][0])

    def areas(self, set_: int) -> tuple[int, ...]:
        """The zones of a set that are no countries, approaches first, then ports, then others."""
        self._learn(set_)
        return self._areas[set_]

    def country(self, set_: int) -> int:
        """The one country of a set; -1 where borders overlap, leave a gap, or nothing is known."""
        self._learn(set_)
        return self._country[set_]

    def _learn(self, set_: int) -> None:
        if set_ in self._areas:
            return
        members = self.index.members(set_)
        countries = [z for z in members if self.zones[z].kind is ZoneKind.COUNTRY]
        areas = [z for z in members if self.zones[z].kind is not ZoneKind.COUNTRY]
        self._country[set_] = countries[0] if len(countries) == 1 else -1
        self._areas[set_] = tuple(sorted(areas, key=lambda z: (_ORDER.get(self.zones[z].kind, 2), z)))

    def cuts(
        self,
        lon0: Array,
        lat0: Array,
        lon1: Array,
        lat1: Array,
        cells: tuple[Array, Array],
        sets: tuple[Array, Array],
    ) -> tuple[Array, Array]:
        """(segment, zone) pairs: ways of n segments (1e-7 degree) through a zone that holds neither end.

        ``cells``, ``sets``: of both ends as ``sets`` gave them, cells -1 where not known.
        """
        return self.index.cut_e7(lon0, lat0, lon1, lat1, cells, sets)

    def enter(self, zone: int, before: Fix, after: Fix) -> Bracket:
        """The bracket of coming in: the last meeting with the fence before the fix inside."""
        return between(before, after, max(self._meetings(zone, before, after), default=0.5))

    def leave(self, zone: int, before: Fix, after: Fix) -> Bracket:
        """The bracket of going out: the first meeting with the fence after the fix inside."""
        return between(before, after, min(self._meetings(zone, before, after), default=0.5))

    def cut(self, zone: int, before: Fix, after: Fix) -> tuple[Bracket, Bracket]:
        """Both brackets of a way that passes through, from the first to the last meeting."""
        shares = self._meetings(zone, before, after) or [0.5]
        return between(before, after, min(shares)), between(before, after, max(shares))

    def sureness(self, zone: int, before: Fix, after: Fix, mm_per_s: int) -> int:
        """How sure it is that the asset went through ``zone`` between two fixes outside it: permille.

        1,000 when the places that it could reach at ``mm_per_s`` do not go round the zone on either side.
        """
        ends = (before.lon * DEGREE, before.lat * DEGREE, after.lon * DEGREE, after.lat * DEGREE)
        side = min(self.index.reach(zone, *ends))
        chord = int(distance_mm_e7(before.lon, before.lat, after.lon, after.lat))
        could = mm_per_s * (after.t - before.t) // 1000
        aside = isqrt(max(could * could - chord * chord, 0)) // 2
        return 1000 if aside <= side else side * 1000 // aside

    def beyond(self, country: str, fix: Fix, mm: int) -> bool:
        """Whether ``fix`` lies outside ``country`` and further than ``mm`` from it."""
        held = self._countries.get(country, ())
        return all(beyond(zone.geometry, fix.lon * DEGREE, fix.lat * DEGREE, mm) for zone in held)

    def _meetings(self, zone: int, before: Fix, after: Fix) -> list[float]:
        ends = (before.lon * DEGREE, before.lat * DEGREE, after.lon * DEGREE, after.lat * DEGREE)
        return list(self.index.meets(zone, *ends))
