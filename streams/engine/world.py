"""The zones and gates as the engine asks for them: by number, by set of zones, by place and time.

Zones have versions, each in force from an instant of event time on. Between two such instants lies an epoch
with an index of its own, made when a fix first falls into it. Numbers of zones and of sets are good in all
epochs: a zone's number is that of its id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import isqrt
from typing import Final, NamedTuple

import numpy as np

from geofences.border import Border
from geofences.depth import beyond, surely_beyond
from geofences.geodesy import distance_mm_e7
from geofences.index import ZoneIndex
from geofences.zone import Gate, Zone, ZoneKind
from streams.engine.brackets import Bracket, Fix, between
from streams.engine.columns import Array
from streams.engine.units import DEGREE, NEVER
from streams.zones import ZoneBook

_COUNTRY: Final = 3
_ORDER: Final = {ZoneKind.APPROACH: 0, ZoneKind.PORT: 1, ZoneKind.COUNTRY: _COUNTRY}
_EPOCHS: Final = 8  # indexes held at once
_DIFFERENCES: Final = 65_536  # pairs of sets that are remembered
_EPOCH_BITS: Final = 48  # of a cell's number belong to the cell, those above to its epoch


@dataclass(slots=True)
class _Epoch:
    """The zones in force between two instants: their index, and the numbers that its own stand for."""

    held: list[tuple[int, str]]
    index: ZoneIndex
    numbers: Array  # int64: of each zone of the index
    places: dict[int, int]  # the other way
    sets: Array  # int32: of each set of the index, as far as known


class Difference(NamedTuple):
    """What differs between two sets of zones: the one country of each (-1: none or several), the code of the
    second one, and the areas left and entered, in the order of ``World.areas``."""

    origin: int
    country: int
    code: str | None
    left: tuple[int, ...]
    entered: tuple[int, ...]


class World:
    """Zones by number, all their versions, and gates by id, with an index for each epoch."""

    def __init__(self, zones: Sequence[Zone], gates: Sequence[Gate]) -> None:
        """``zones``: those that hold before anything is published, see ``published``."""
        self.gates = {gate.id: gate for gate in gates}
        self._members: list[tuple[int, ...]] = [()]
        self._ids: dict[tuple[int, ...], int] = {(): 0}
        self._countries: dict[str, list[Zone]] = {}
        self._areas: dict[int, tuple[int, ...]] = {-1: ()}
        self._country: dict[int, int] = {-1: -1}
        self._epochs: OrderedDict[int, _Epoch] = OrderedDict()
        self._take(ZoneBook(zones))
        for zone in self.zones:
            if zone.kind is ZoneKind.COUNTRY and zone.country is not None:
                self._countries.setdefault(zone.country, []).append(zone)

    def published(self, book: ZoneBook) -> World:
        """This world with other published versions over the same zones; numbers stay good in both."""
        other = copy(self)
        other._epochs = OrderedDict()
        other._take(book)
        for epoch in self._epochs.values():
            for number in range(len(other._starts) + 1):
                if other._held(number) == epoch.held:
                    other._epochs[number] = epoch
        return other

    def _take(self, book: ZoneBook) -> None:
        self.book = book
        self.zones = book.newest()
        self.number = {zone.id: number for number, zone in enumerate(self.zones)}
        self._starts: Array = np.array(book.epochs(), np.int64)
        self._differences: dict[tuple[int, int], Difference] = {}

    def _held(self, number: int) -> list[tuple[int, str]]:
        """The zones in force after the ``number``-th instant: number and version."""
        t = int(self._starts[number - 1]) if number else -NEVER
        return [(place, version.version) for place, version in self.book.numbered(t)]

    def zone(self, number: int, t: int) -> Zone:
        """The version of a zone that is in force at a time; where none is, the newest one."""
        if not len(self._starts):
            return self.zones[number]
        version = self.book.of(self.zones[number].id, t)
        return self.zones[number] if version is None else version.zone

    def sets(self, lon: Array, lat: Array, t: Array) -> tuple[Array, Array]:
        """The set of zones around each position (1e-7 degree) at its time, and its cell: int32[n], int64[n].

        Equal cells (not -1) mean that nothing is met on the straight way between two positions.
        """
        if not len(self._starts):
            return self._located(0, lon, lat)
        epochs = np.searchsorted(self._starts, t, "right")
        first = int(epochs[0]) if len(epochs) else 0
        if (epochs == first).all():
            return self._located(first, lon, lat)
        sets, cells = np.empty(len(t), np.int32), np.empty(len(t), np.int64)
        for number in np.unique(epochs).tolist():
            here = epochs == number
            sets[here], cells[here] = self._located(number, lon[here], lat[here])
        return sets, cells

    def _located(self, number: int, lon: Array, lat: Array) -> tuple[Array, Array]:
        epoch = self._epoch(number)
        found, cells = epoch.index.locate_e7(lon, lat)
        if len(epoch.index.table) > len(epoch.sets):
            self._learn_sets(epoch)
        sets: Array = epoch.sets[found]
        return sets, np.where(cells >= 0, cells + (number << _EPOCH_BITS), -1) if number else cells

    def _epoch(self, number: int) -> _Epoch:
        """The epoch after the ``number``-th instant."""
        epoch = self._epochs.get(number)
        if epoch is None:
            t = int(self._starts[number - 1]) if number else -NEVER
            numbered = self.book.numbered(t)
            numbers = np.array([n for n, _ in numbered], np.int64)
            index = ZoneIndex([version.zone for _, version in numbered])
            places = {n: place for place, n in enumerate(numbers.tolist())}
            epoch = _Epoch(self._held(number), index, numbers, places, np.empty(0, np.int32))
            self._learn_sets(epoch)
            self._epochs[number] = epoch
            if len(self._epochs) > _EPOCHS:
                self._epochs.popitem(last=False)
        return epoch

    def _learn_sets(self, epoch: _Epoch) -> None:
        new = range(len(epoch.sets), len(epoch.index.table))
        ids = [self._intern(tuple(sorted(epoch.numbers[list(epoch.index.members(s))].tolist()))) for s in new]
        epoch.sets = np.concatenate([epoch.sets, np.array(ids, np.int32)])

    def _intern(self, members: tuple[int, ...]) -> int:
        known = self._ids.get(members)
        if known is None:
            known = self._ids[members] = len(self._members)
            self._members.append(members)
        return known

    def set_at(self, lon: int, lat: int, t: int) -> int:
        """The set of zones around one position (1e-7 degree) at a time."""
        return int(self.sets(np.array([lon]), np.array([lat]), np.array([t]))[0][0])

    def areas(self, set_: int) -> tuple[int, ...]:
        """The zones of a set that are no countries, approaches first, then ports, then others."""
        self._learn(set_)
        return self._areas[set_]

    def country(self, set_: int) -> int:
        """The one country of a set; -1 where borders overlap, leave a gap, or nothing is known."""
        self._learn(set_)
        return self._country[set_]

    def difference(self, old: int, new: int) -> Difference:
        """What differs between two sets of zones."""
        known = self._differences.get((old, new))
        if known is None:
            before, after = self.areas(old), self.areas(new)
            left = tuple([zone for zone in before if zone not in after])
            entered = tuple([zone for zone in after if zone not in before])
            country = self.country(new)
            code = self.zones[country].country if country >= 0 else None
            known = Difference(self.country(old), country, code, left, entered)
            if len(self._differences) >= _DIFFERENCES:
                self._differences.clear()
            self._differences[old, new] = known
        return known

    def _learn(self, set_: int) -> None:
        if set_ in self._areas:
            return
        kinds = [(_ORDER.get(self.zones[zone].kind, 2), zone) for zone in self._members[set_]]
        countries = [zone for order, zone in kinds if order == _COUNTRY]
        self._country[set_] = countries[0] if len(countries) == 1 else -1
        self._areas[set_] = tuple([zone for order, zone in sorted(kinds) if order != _COUNTRY])

    def cuts(
        self,
        before: tuple[Array, Array],
        after: tuple[Array, Array],
        t: Array,
        cells: tuple[Array, Array],
        sets: tuple[Array, Array],
    ) -> tuple[Array, Array]:
        """(segment, zone) pairs: ways of n segments (1e-7 degree) through a zone that holds neither end.

        ``t``: the times of the ends. ``cells``, ``sets``: of both ends as ``sets`` gave them, cells -1
        where not known.
        """
        if not len(self._starts):
            epoch = self._epoch(0)
            if self._plain(epoch):
                return epoch.index.cut_e7(*before, *after, cells, sets)
        epochs = np.searchsorted(self._starts, t, "right")
        found = []
        for number in np.unique(epochs).tolist():
            here, epoch = np.flatnonzero(epochs == number), self._epoch(number)
            ends = [column[here] for column in (*before, *after)]
            segment, zone = epoch.index.cut_e7(ends[0], ends[1], ends[2], ends[3])
            found.append((here[segment], epoch.numbers[zone]))
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate([s for s, _ in found]), np.concatenate([z for _, z in found])

    @staticmethod
    def _plain(epoch: _Epoch) -> bool:
        """Whether the index's own numbers of sets are ours, as far as the table goes."""
        return bool(epoch.sets[-1] == len(epoch.sets) - 1)

    def enter(self, zone: int, before: Fix, after: Fix) -> Bracket:
        """The bracket of coming in: the last meeting with the fence before the fix inside."""
        shares = self._meetings(zone, before, after, after.t)
        return between(before, after, shares[-1] if shares else self._switch(before, after))

    def leave(self, zone: int, before: Fix, after: Fix) -> Bracket:
        """The bracket of going out: the first meeting with the fence after the fix inside."""
        shares = self._meetings(zone, before, after, before.t)
        return between(before, after, shares[0] if shares else self._switch(before, after))

    def cut(self, zone: int, before: Fix, after: Fix) -> tuple[Bracket, Bracket]:
        """Both brackets of a way that passes through, from the first to the last meeting."""
        shares = self._meetings(zone, before, after, after.t) or [0.5]
        return between(before, after, min(shares)), between(before, after, max(shares))

    def sureness(self, zone: int, before: Fix, after: Fix, mm_per_s: int) -> int:
        """How sure it is that the asset went through ``zone`` between two fixes outside it: permille.

        1,000 when the places that it could reach at ``mm_per_s`` do not go round the zone on either side.
        """
        ends = (before.lon * DEGREE, before.lat * DEGREE, after.lon * DEGREE, after.lat * DEGREE)
        epoch = self._epoch_at(after.t)
        side = min(epoch.index.reach(epoch.places[zone], *ends))
        chord = int(distance_mm_e7(before.lon, before.lat, after.lon, after.lat))
        could = mm_per_s * (after.t - before.t) // 1000
        aside = isqrt(max(could * could - chord * chord, 0)) // 2
        return 1000 if aside <= side else side * 1000 // aside

    def gate_within_reach(
        self, countries: set[str], before: Fix, after: Fix, mm_per_s: int, reach_mm: int
    ) -> Gate | None:
        """The gate between two countries over whose point the asset can have come from fix to fix.

        At ``mm_per_s``, give or take ``reach_mm``; of several the one with the shortest way.
        """
        ways = []
        for gate in self.gates.values():
            if {gate.a_country, gate.b_country} == countries:
                lon, lat = round(gate.lon / DEGREE), round(gate.lat / DEGREE)
                first = int(distance_mm_e7(before.lon, before.lat, lon, lat))
                ways.append((first + int(distance_mm_e7(lon, lat, after.lon, after.lat)), gate.id))
        way, id_ = min(ways, default=(0, ""))
        could = mm_per_s * (after.t - before.t) // 1000 + reach_mm
        return self.gates[id_] if ways and way <= could else None

    def beyond(self, country: str, fix: Fix, mm: int) -> bool:
        """Whether ``fix`` lies outside ``country`` and further than ``mm`` from it."""
        lon, lat = fix.lon * DEGREE, fix.lat * DEGREE
        for zone in self._countries.get(country, ()):
            border = self._border(zone)
            verdict = None if border is None else surely_beyond(border, lon, lat, mm)
            if not (beyond(zone.geometry, lon, lat, mm) if verdict is None else verdict):
                return False
        return True

    def _border(self, zone: Zone) -> Border | None:
        """The border of a zone's first version, as the first epoch's index has it."""
        epoch = self._epoch(0)
        place = epoch.places.get(self.number[zone.id])
        if place is None or epoch.index.zones[place].geometry is not zone.geometry:
            return None
        return epoch.index.border(place)

    def _epoch_at(self, t: int) -> _Epoch:
        return self._epoch(int(self._starts.searchsorted(t, "right")) if len(self._starts) else 0)

    def _switch(self, before: Fix, after: Fix) -> float:
        """Where on a way that meets no fence a zone began or ceased to be: at the instant of its version."""
        at = int(self._starts.searchsorted(before.t, "right"))
        if at < len(self._starts) and self._starts[at] <= after.t and after.t > before.t:
            return (int(self._starts[at]) - before.t) / (after.t - before.t)
        return 0.5

    def _meetings(self, zone: int, before: Fix, after: Fix, t: int) -> list[float]:
        ends = (before.lon * DEGREE, before.lat * DEGREE, after.lon * DEGREE, after.lat * DEGREE)
        epoch = self._epoch_at(t)
        place = epoch.places.get(zone)
        return [] if place is None else list(epoch.index.meets(place, *ends))
