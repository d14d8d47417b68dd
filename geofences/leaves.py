"""Leaves: cells with borders in them, and the exact test of points in them.

A point's zones follow from how often a ray to the east crosses each zone's border. Only edges that a ray
from the cell can meet are kept, those of all leaves in one array, for `walk`. Where rounding could decide
(the point is within some 1e-14 degree of an edge) and where a leaf holds very many edges, GEOS decides on
the polygon's piece, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.compiled import compiled
from geofences.grown import with_room
from geofences.piece import MARGIN_DEG, Box, edges
from geofences.sets import SetTable
from geofences.walk import BIT, GEOS, WORK, outcome

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]

_MOST_ZONES = 62  # bits of a mask
_MOST_EDGES = 1024  # beyond, GEOS and its tree of edges are quicker
_FEW = 16  # points that are gone through one by one
_NEVER = -(2**62)  # work of a leaf that can't be split


@dataclass(slots=True)
class Area:
    """A cell with borders: ``sure`` zones cover it, ``zones`` (their ``pieces`` beside) need a test.

    ``x``, ``y``: south-western corner in fine cells; ``slot``: its place in the grid's array of cells.
    """

    slot: int
    level: int
    x: int
    y: int
    box: Box
    sure: tuple[int, ...]
    zones: Int64s
    pieces: Geometries


class Leaves:
    """All leaves, numbered from 0.

    For `walk`: ``table`` has a row for each leaf (first edge, edges or `GEOS`, mask of a ray that meets no
    edge, work so far), ``edges`` (x0, y0, x1, y1) and ``bits`` (its zone's) one for each edge, ``outcomes``
    is a hash table of (leaf, mask, set).
    """

    def __init__(self, sets: SetTable) -> None:
        self.areas: list[Area] = []
        self.table = np.zeros((256, 8), dtype=np.int64)
        self._edges = np.empty((1024, 5))
        self.outcomes = np.full((1024, 3), -1, dtype=np.int64)
        self._sets = sets
        self._n_edges = self._n_outcomes = self._n_pieces = 0
        self._first = np.zeros((256, 2), dtype=np.int64)  # of each leaf: its first piece, its pieces
        self._pieces = np.empty(1024, dtype=object)

    @property
    def edges(self) -> Floats:
        """The edges as numbers; of their last column see `bits`."""
        return self._edges

    @property
    def bits(self) -> Int64s:
        return self._edges.view(np.int64)

    def add(self, area: Area, may_split: bool) -> int:
        """Keep the area as a leaf: its number."""
        number, zones = len(self.areas), len(area.zones)
        self.table = with_room(self.table, number + 1)
        self._first = with_room(self._first, number + 1)
        shapely.prepare(area.pieces)
        met, bit, base = _eastward(area)
        count = len(met)
        if count > _MOST_EDGES or zones > _MOST_ZONES:
            met, bit, count = met[:0], bit[:0], GEOS
        self.table[number] = (self._n_edges, count, base, 0 if may_split else _NEVER, -1, 0, -1, 0)
        self._first[number] = (self._n_pieces, zones)
        end = self._n_edges + len(met)
        self._edges = with_room(self._edges, end)
        self.edges[self._n_edges : end, :BIT], self.bits[self._n_edges : end, BIT] = met, bit
        self._n_edges = end
        self._pieces = with_room(self._pieces, self._n_pieces + zones)
        self._pieces[self._n_pieces : self._n_pieces + zones] = area.pieces
        self._n_pieces += zones
        self.areas.append(area)
        return number

    def finish(self, leaf: Int64s, mask: Int64s, lon: Floats, lat: Floats) -> Int32s:
        """The sets of points that `walk` handed back: their leaves, and their masks or -1."""
        out = np.zeros(len(leaf), dtype=np.int32)
        doubt = np.nonzero(mask < 0)[0]
        if len(doubt):
            mask = mask.copy()
            mask[doubt], out[doubt] = self._by_geos(leaf[doubt], lon[doubt], lat[doubt])
        at = np.nonzero(self._first[leaf, 1] <= _MOST_ZONES)[0]
        if len(at) <= _FEW:
            for place in at.tolist():
                out[place] = self._set_of(int(leaf[place]), int(mask[place]))
        else:
            pairs, which = np.unique(np.stack([leaf[at], mask[at]]), axis=1, return_inverse=True)
            found = [self._set_of(*pair) for pair in pairs.T.tolist()]
            out[at] = np.array(found, dtype=np.int32)[which.reshape(-1)]
        return out

    def hot(self, work: int) -> list[int]:
        """The leaves that have cost more than ``work`` edge tests since they were named here."""
        found = np.nonzero(self.table[: len(self.areas), WORK] > work)[0]
        self.table[found, WORK] = _NEVER
        return [int(number) for number in found]

    def _by_geos(self, leaf: Int64s, lon: Floats, lat: Floats) -> tuple[Int64s, Int32s]:
        """For each point the mask of the zones that hold it, or its set where there are too many for one."""
        first, count = self._first[leaf].T
        start = np.cumsum(count) - count
        point = np.repeat(np.arange(len(leaf)), count)
        place = np.arange(len(point)) - start[point]
        held = shapely.intersects_xy(self._pieces[first[point] + place], lon[point], lat[point])
        mask = np.bitwise_or.reduceat(np.where(held, 1 << np.minimum(place, _MOST_ZONES), 0), start)
        sets = np.zeros(len(leaf), dtype=np.int32)
        for at in np.nonzero(count > _MOST_ZONES)[0].tolist():
            area = self.areas[leaf[at]]
            zones = area.zones[held[start[at] : start[at] + count[at]]]
            sets[at] = self._sets.intern(joined(area.sure, zones))
        return mask, sets

    def _set_of(self, leaf: int, mask: int) -> int:
        """The set that a mask stands for; made and noted when it is new."""
        found = outcome(self.outcomes, leaf, mask)
        if found >= 0:
            return found
        area = self.areas[leaf]
        held = [zone for place, zone in enumerate(area.zones.tolist()) if mask >> place & 1]
        number = self._sets.intern(joined(area.sure, held))
        if 2 * self._n_outcomes >= len(self.outcomes):
            old = self.outcomes[self.outcomes[:, 0] >= 0]
            self.outcomes = np.full((4 * len(self.outcomes), 3), -1, dtype=np.int64)
            for row in old.tolist():
                self.outcomes[-1 - outcome(self.outcomes, row[0], row[1])] = row
            found = outcome(self.outcomes, leaf, mask)
        self.outcomes[-1 - found] = (leaf, mask, number)
        self._n_outcomes += 1
        return number


def joined(sure: Sequence[int], held: Sequence[int] | Int64s) -> tuple[int, ...]:
    """The members of a set, ascending."""
    return tuple(sorted((*sure, *(int(zone) for zone in held))))


def _eastward(area: Area) -> tuple[Floats, Int64s, int]:
    """Edges (m, 4) that a ray to the east from inside the box may or may not cross, the bit of each one's
    zone, and the mask of the edges that every such ray crosses."""
    if len(area.zones) > _MOST_ZONES:
        return np.zeros((0, 4)), np.zeros(0, np.int64), 0
    start, end, owner = edges(area.pieces)
    met, bit = np.empty((len(start), 4)), np.empty(len(start), np.int64)
    count, base = _ahead(start, end, owner, *area.box, met, bit)
    return met[:count], bit[:count], base


@compiled
def _ahead(
    start: Floats,
    end: Floats,
    owner: Int64s,
    west: float,
    south: float,
    east: float,
    north: float,
    met: Floats,
    bit: Int64s,
) -> tuple[int, int]:
    """Fill ``met`` and ``bit`` (see `_eastward`): how many, and the mask."""
    count, base = 0, 0
    for n in range(len(start)):
        x0, y0, x1, y1 = start[n, 0], start[n, 1], end[n, 0], end[n, 1]
        low, high = min(y0, y1), max(y0, y1)
        if max(x0, x1) < west - MARGIN_DEG or high < south - MARGIN_DEG or low > north + MARGIN_DEG:
            continue
        mask = 1 << owner[n]
        if min(x0, x1) > east + MARGIN_DEG and low < south - MARGIN_DEG and high > north + MARGIN_DEG:
            base ^= mask
            continue
        met[count, 0], met[count, 1], met[count, 2], met[count, 3] = x0, y0, x1, y1
        bit[count] = mask
        count += 1
    return count, base
