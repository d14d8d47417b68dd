"""Leaves: cells with borders in them, and the exact test of many points in many leaves at once.

A point's zones follow from how often a ray to the east crosses each zone's border. Only edges that a ray
from the cell can meet are kept, those of all leaves in one array, so a whole column of points is decided by
a few array operations. Where rounding could decide (the point is within some 1e-14 degree of an edge, or
level with a corner) and where a leaf holds very many edges, GEOS decides on the polygon's piece, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.piece import MARGIN_DEG, Box, edges
from geofences.sets import SetTable

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Geometries: TypeAlias = NDArray[np.object_]
Grown = TypeVar("Grown", Floats, Int32s, Int64s, Geometries)

CROWD = 8  # zones up to which a leaf tabulates all outcomes, 2**8 numbers
_MOST_ZONES = 62  # bits of a mask
_MOST_EDGES = 48  # beyond, GEOS and its tree of edges are quicker
_UNKNOWN = -1
# Shewchuk 1997, ccwerrboundA: the sign of the determinant is certain beyond this share of its terms
_CERTAIN = (3 + 16 * 2.0**-53) * 2.0**-53


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
    """All leaves, numbered from 0."""

    def __init__(self, table: SetTable) -> None:
        self.areas: list[Area] = []
        self._table = table
        # rows: first edge, edges, first piece, pieces, first outcome, mask of a ray that meets no edge
        self._leaf = np.zeros((6, 256), dtype=np.int64)
        self._work = np.zeros(256, dtype=np.int64)
        self._edges, self._n_edges = np.empty((4, 1024)), 0  # x0, y0, x1, y1
        self._bits = np.empty(1024, dtype=np.int64)  # of each edge: its zone's
        self._pieces, self._n_pieces = np.empty(1024, dtype=object), 0
        self._outcomes, self._n_outcomes = np.full(4096, _UNKNOWN, dtype=np.int32), 0

    def add(self, area: Area) -> int:
        """Keep the area as a leaf: its number."""
        number, zones = len(self.areas), len(area.zones)
        if number == len(self._work):
            self._leaf = np.concatenate([self._leaf, np.zeros_like(self._leaf)], axis=1)
            self._work = np.concatenate([self._work, np.zeros_like(self._work)])
        shapely.prepare(area.pieces)
        met, bit, base = _eastward(area)
        count = len(met) if len(met) <= _MOST_EDGES and zones <= _MOST_ZONES else -1
        self._leaf[:, number] = (self._n_edges, count, self._n_pieces, zones, self._n_outcomes, base)
        if count > 0:
            self._bits = with_room(self._bits, self._n_edges + count)
            if len(self._bits) > self._edges.shape[1]:
                grown = np.empty((4, len(self._bits)))
                grown[:, : self._n_edges] = self._edges[:, : self._n_edges]
                self._edges = grown
            self._edges[:, self._n_edges : self._n_edges + count] = met.T
            self._bits[self._n_edges : self._n_edges + count] = bit
            self._n_edges += count
        self._pieces = with_room(self._pieces, self._n_pieces + zones)
        self._pieces[self._n_pieces : self._n_pieces + zones] = area.pieces
        self._n_pieces += zones
        outcomes = 2**zones if zones <= CROWD else 0
        self._outcomes = with_room(self._outcomes, self._n_outcomes + outcomes)
        self._outcomes[self._n_outcomes : self._n_outcomes + outcomes] = _UNKNOWN
        self._n_outcomes += outcomes
        self.areas.append(area)
        return number

    def test(self, leaf: Int64s, lon: Floats, lat: Floats) -> Int32s:
        """The sets of points that lie in these leaves."""
        count = self._leaf[1, leaf]
        np.add.at(self._work, leaf, np.where(count < 0, _MOST_EDGES, count + 1))
        out = np.empty(len(leaf), dtype=np.int32)
        sure = count >= 0
        if sure.any():
            at = np.nonzero(sure)[0]
            mask, certain = self._by_rays(leaf[at], lon[at], lat[at])
            out[at] = self._sets(leaf[at], mask)
            sure[at[~certain]] = False
        if not sure.all():
            at = np.nonzero(~sure)[0]
            out[at] = self._by_geos(leaf[at], lon[at], lat[at])
        return out

    def hot(self, leaf: Int64s, work: int) -> list[int]:
        """Of these leaves, those that have cost more than ``work`` edge tests since they were named here."""
        over = self._work[leaf] > work
        if not over.any():
            return []
        found = np.unique(leaf[over])
        self._work[found] = 0
        return [int(number) for number in found]

    def _by_rays(self, leaf: Int64s, lon: Floats, lat: Floats) -> tuple[Int64s, Bools]:
        """For each point a bit for each zone of its leaf that holds it, and whether all bits are certain."""
        first, count, _, _, _, mask = self._leaf[:, leaf]
        some = np.nonzero(count)[0]
        certain = np.ones(len(leaf), dtype=np.bool_)
        if not len(some):
            return mask, certain
        count = count[some]
        start = np.cumsum(count) - count
        point = np.repeat(some, count)
        edge = np.arange(len(point)) + np.repeat(first[some] - start, count)
        y, y0, y1 = lat[point], self._edges[1][edge], self._edges[3][edge]
        up = y1 > y
        straddles = (y0 > y) != up
        level = (y == y0) | (y == y1)
        near = np.nonzero(straddles | level)[0]  # the few edges that a ray may meet
        certain[point[level]] = False
        point, edge, up, straddles = point[near], edge[near], up[near], straddles[near]
        x, x0, x1 = lon[point], self._edges[0][edge], self._edges[2][edge]
        y, y0, y1 = y[near], y0[near], y1[near]
        left, right = (x1 - x0) * (y - y0), (x - x0) * (y1 - y0)
        side = left - right
        doubt = straddles & (np.abs(side) <= _CERTAIN * (np.abs(left) + np.abs(right)))
        certain[point[doubt]] = False
        crosses = straddles & ((side > 0) == up)
        np.bitwise_xor.at(mask, point[crosses], self._bits[edge[crosses]])
        return mask, certain

    def _by_geos(self, leaf: Int64s, lon: Floats, lat: Floats) -> Int32s:
        _, _, first, count, _, _ = self._leaf[:, leaf]
        start = np.cumsum(count) - count
        point = np.repeat(np.arange(len(leaf)), count)
        place = np.arange(len(point)) - start[point]
        held = shapely.intersects_xy(self._pieces[first[point] + place], lon[point], lat[point])
        mask = np.bitwise_or.reduceat(np.where(held, 1 << np.minimum(place, _MOST_ZONES), 0), start)
        out = self._sets(leaf, mask)
        for at in np.nonzero(count > _MOST_ZONES)[0].tolist():
            area = self.areas[leaf[at]]
            zones = area.zones[held[start[at] : start[at] + count[at]]]
            out[at] = self._table.intern(joined(area.sure, zones))
        return out

    def _sets(self, leaf: Int64s, mask: Int64s) -> Int32s:
        """The sets that masks stand for; those of more than `_MOST_ZONES` zones come out as 0."""
        zones, outcome = self._leaf[3:5, leaf]
        tabled = zones <= CROWD
        key = np.where(tabled, outcome + mask, 0)
        out = self._outcomes[key]
        missing = np.nonzero(tabled & (out == _UNKNOWN))[0]
        for at in missing[np.unique(key[missing], return_index=True)[1]].tolist():
            self._outcomes[key[at]] = self._set_of(int(leaf[at]), int(mask[at]))
        if len(missing):
            out[missing] = self._outcomes[key[missing]]
        for at in np.nonzero(~tabled)[0].tolist():
            out[at] = self._set_of(int(leaf[at]), int(mask[at])) if zones[at] <= _MOST_ZONES else 0
        return out

    def _set_of(self, leaf: int, mask: int) -> int:
        area = self.areas[leaf]
        held = [zone for place, zone in enumerate(area.zones.tolist()) if mask >> place & 1]
        return self._table.intern(joined(area.sure, held))


def joined(sure: Sequence[int], held: Sequence[int] | Int64s) -> tuple[int, ...]:
    """The members of a set, ascending."""
    return tuple(sorted((*sure, *(int(zone) for zone in held))))


def _eastward(area: Area) -> tuple[Floats, Int64s, int]:
    """Edges (m, 4) that a ray to the east from inside the box may or may not cross, the bit of each one's
    zone, and the mask of the edges that every such ray crosses."""
    if len(area.zones) > _MOST_ZONES:
        return np.zeros((0, 4)), np.zeros(0, np.int64), 0
    start, end, owner = edges(area.pieces)
    west, south, east, north = area.box
    low, high = np.minimum(start, end), np.maximum(start, end)
    seen = (high[:, 0] >= west - MARGIN_DEG) & (high[:, 1] >= south - MARGIN_DEG)
    seen &= low[:, 1] <= north + MARGIN_DEG
    always = seen & (low[:, 0] > east + MARGIN_DEG)
    always &= (low[:, 1] < south - MARGIN_DEG) & (high[:, 1] > north + MARGIN_DEG)
    bit = np.left_shift(1, owner)
    base = int(np.bitwise_xor.reduce(bit[always])) if always.any() else 0
    seen &= ~always
    return np.hstack([start[seen], end[seen]]), bit[seen], base


def with_room(values: Grown, size: int) -> Grown:
    """The array itself, or a copy at least twice as long when it holds fewer than ``size``."""
    if size <= len(values):
        return values
    grown = np.empty(max(size, 2 * len(values)), dtype=values.dtype)
    grown[: len(values)] = values
    return grown
