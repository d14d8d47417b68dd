"""Sets of zones, interned: a small number stands for "in China, in the port of Mohan, nothing else".

Numbers are given in the order in which sets are first seen, so they are good within one index only:
what is kept (state, events, snapshots) names zones. Beside each number the table keeps, as columns, what
the engine asks most often. Set 0 is the empty one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geofences.grown import with_room
from geofences.iso3166 import NUMERIC
from geofences.zone import Zone, ZoneKind

Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]


class SetTable:
    """All sets met so far. The column properties are views: take them anew after each `ZoneIndex.locate`."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        """Zone numbers are places in ``zones``; where several of a kind hold a point, the lowest counts."""
        self._zones = zones
        self._kinds = [zone.kind for zone in zones]
        self._ids: dict[tuple[int, ...], int] = {}
        self._members: list[tuple[int, ...]] = []
        self._columns = np.zeros((4, 64), dtype=np.int32)
        self._starts, self._flat = np.zeros(64, dtype=np.int64), np.zeros(256, dtype=np.int32)
        self.intern(())

    def __len__(self) -> int:
        return len(self._members)

    def intern(self, members: tuple[int, ...]) -> int:
        """The number of the set of these zone numbers (ascending, no doubles)."""
        found = self._ids.get(members)
        if found is not None:
            return found
        new = len(self._members)
        if new == self._columns.shape[1]:
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)], axis=1)
        countries, port, approach = [], -1, -1
        for number in members:
            kind = self._kinds[number]
            if kind is ZoneKind.COUNTRY:
                countries.append(self._zones[number].country)
            elif kind is ZoneKind.PORT and port < 0:
                port = number
            elif kind is ZoneKind.APPROACH and approach < 0:
                approach = number
        code = countries[0] if countries else None
        code_number = NUMERIC[code] if code is not None else 0
        self._columns[:, new] = code_number, len(set(countries)), port, approach
        begin, end = int(self._starts[new]), int(self._starts[new]) + len(members)
        self._starts, self._flat = with_room(self._starts, new + 2), with_room(self._flat, end)
        self._starts[new + 1], self._flat[begin:end] = end, members
        self._ids[members] = new
        self._members.append(members)
        return new

    def members(self, set_id: int) -> tuple[int, ...]:
        """The zone numbers of a set, ascending."""
        return self._members[set_id]

    @property
    def flat(self) -> tuple[Int64s, Int32s]:
        """All members one set after the other, and where in them each set begins and the last ends."""
        return self._starts, self._flat

    @property
    def country(self) -> Int32s:
        """For each set the ISO 3166 number of its country (the first zone's where several overlap), or 0."""
        return self._columns[0, : len(self)]

    @property
    def n_countries(self) -> Int32s:
        """For each set how many countries claim it: 0 none, 2 or more where polygons overlap."""
        return self._columns[1, : len(self)]

    @property
    def port(self) -> Int32s:
        """For each set the zone number of its port, or -1."""
        return self._columns[2, : len(self)]

    @property
    def approach(self) -> Int32s:
        """For each set the zone number of its approach zone, or -1."""
        return self._columns[3, : len(self)]
