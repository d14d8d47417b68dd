"""The grid under `ZoneIndex`: cells without borders, leaves with exact tests, and blocks that split leaves.

Every cell is one int32 in one array: a set number (>= 0), `UNKNOWN` (borders here, nobody asked yet), a
leaf (from `LEAVES` down) or a block (from `BLOCKS` down: 16 x 16 smaller cells further on in the array).
Cells of the first level measure 1/4 degree, then 1/64, 1/1024, 1/16384. All below the first level is
made when a point first needs it, and is a cache: it changes the cost of an answer, never the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.grown import with_room
from geofences.leaves import Area, Leaves, joined
from geofences.piece import Box, edges, reduce_polygon
from geofences.raster import Bools, Window, inside, touched
from geofences.root import Root
from geofences.sets import SetTable
from geofences.walk import BITS, BLOCKS, FINE_PER_DEG, LEAVES, LEVELS, ROOT_COLUMNS, ROOT_ROWS, UNKNOWN, walk

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]

SPLIT = 1 << BITS  # a block's rows and columns
CROWD = 8  # zones beyond which an area of the first two levels is split at once
_CROWDED = 2
HOT = 65_536  # edge tests after which a leaf is worth splitting
_MAX_BLOCKS = 65_536
_LIGHT = 32  # vertices below which cutting a polygon down gains nothing


@dataclass(slots=True)
class _Block:
    """A split area: which of its zones touch and which cover each of its 256 cells, bool (zones, 256)."""

    area: Area
    touch: Bools
    inside: Bools


class Grid:
    """Cells over the world for these polygons; zone numbers are their places."""

    def __init__(self, geometries: Geometries, table: SetTable) -> None:
        self._table = table
        self._root = Root(geometries)
        self._cells = np.full(ROOT_ROWS * ROOT_COLUMNS, 0, dtype=np.int32)
        self._used = len(self._cells)
        self._blocks: list[_Block] = []
        self._leaves = Leaves(table)
        self._fill_root()

    def locate(self, lon: Floats, lat: Floats) -> tuple[Int32s, Int64s]:
        """For each point the set of zones holding it; its cell when that cell has no border, else -1."""
        lon, lat = np.ascontiguousarray(lon, np.float64), np.ascontiguousarray(lat, np.float64)
        sets, slots = np.empty(len(lon), dtype=np.int32), np.empty(len(lon), dtype=np.int64)
        todo = np.empty(len(lon), dtype=np.int64)
        leaves = self._leaves
        left, hot = walk(
            *(lon, lat, self._cells, leaves.table, leaves.edges, leaves.bits, leaves.outcomes),
            *(HOT, sets, slots, todo),
        )
        if left:
            self._finish(todo[:left], lon, lat, sets, slots)
        if hot:
            self._split_hot()
        return sets, slots

    def _finish(self, todo: Int64s, lon: Floats, lat: Floats, sets: Int32s, slots: Int64s) -> None:
        """Answer the points that `walk` left to do."""
        unknown = sets[todo] == UNKNOWN
        known, todo = todo[~unknown], todo[unknown]
        if len(known):
            leaf = LEAVES - sets[known].astype(np.int64)
            sets[known] = self._leaves.finish(leaf, slots[known], lon[known], lat[known])
            slots[known] = -1
        if len(todo):
            cells, first = np.unique(slots[todo], return_index=True)
            for slot, point in zip(cells.tolist(), todo[first].tolist(), strict=True):
                self._make(slot, float(lon[point]), float(lat[point]))
            sets[todo], slots[todo] = self.locate(lon[todo], lat[todo])

    def _make(self, slot: int, lon: float, lat: float) -> None:
        """Turn an unknown cell into a leaf, a block, or a plain cell when nothing reaches it after all.

        (lon, lat) is a point in it.
        """
        number, place = divmod(slot - len(self._root), SPLIT**2)
        level = 0 if number < 0 else self._blocks[number].area.level + 1
        shift = BITS * (LEVELS - 1 - level)
        x, y = int((lon + 180.0) * FINE_PER_DEG), int((lat + 90.0) * FINE_PER_DEG)
        x, y = min(x, 360 * FINE_PER_DEG - 1), min(y, 180 * FINE_PER_DEG - 1)
        x, y = x >> shift << shift, y >> shift << shift
        box = _box(level, x, y)
        if level == 0:
            sure, zones, pieces = self._root.candidates(slot, box)
        else:
            block = self._blocks[number]
            here = block.touch[:, place]
            sure = tuple(sorted((*block.area.sure, *block.area.zones[block.inside[:, place]].tolist())))
            zones, pieces = _cut_down(block.area.zones[here], block.area.pieces[here], box)
        area = Area(slot, level, x, y, box, sure, zones, pieces)
        if not len(zones):
            self._cells[slot] = self._table.intern(sure)
        elif len(zones) > CROWD and level < _CROWDED and self._may_split(level):
            self._split(area)
        else:
            self._cells[slot] = LEAVES - self._leaves.add(area, self._may_split(level))

    def _may_split(self, level: int) -> bool:
        return level < LEVELS - 1 and len(self._blocks) < _MAX_BLOCKS

    def _split_hot(self) -> None:
        for number in self._leaves.hot(HOT):
            area = self._leaves.areas[number]
            if self._may_split(area.level):
                self._split(area)

    def _split(self, area: Area) -> None:
        """Put a block in the area's place."""
        size = SPLIT ** (LEVELS - 2 - area.level) / FINE_PER_DEG
        west, south, _, _ = area.box
        window = Window(west, south, size, SPLIT, SPLIT)
        touch = touched(*edges(area.pieces), len(area.pieces), window)
        shapely.prepare(area.pieces)
        holds = inside(
            touch, window, lambda owner, lon, lat: shapely.intersects_xy(area.pieces[owner], lon, lat)
        )
        touch, holds = touch.reshape(len(touch), -1), holds.reshape(len(holds), -1)
        cells = np.full(SPLIT**2, UNKNOWN, dtype=np.int32)
        plain = np.nonzero(~touch.any(axis=0))[0]
        which, first = _alike(holds[:, plain])
        ids = [
            self._table.intern(joined(area.sure, area.zones[holds[:, at]])) for at in plain[first].tolist()
        ]
        if ids:
            cells[plain] = np.array(ids, dtype=np.int32)[which]
        self._cells = with_room(self._cells, self._used + len(cells))
        self._cells[self._used : self._used + len(cells)] = cells
        self._used += len(cells)
        self._cells[area.slot] = BLOCKS - len(self._blocks)
        self._blocks.append(_Block(area, touch, holds))

    def _fill_root(self) -> None:
        cells, sets = self._root.plain()
        known: dict[tuple[int, ...], int] = {}
        for members in sets:
            known.setdefault(members, self._table.intern(members))
        self._cells[cells] = [known[members] for members in sets]
        self._cells[self._root.mixed] = UNKNOWN


def _box(level: int, x: int, y: int) -> Box:
    size = SPLIT ** (LEVELS - 1 - level)
    west, south = x / FINE_PER_DEG - 180.0, y / FINE_PER_DEG - 90.0
    return west, south, west + size / FINE_PER_DEG, south + size / FINE_PER_DEG


def _alike(columns: Bools) -> tuple[Int64s, Int64s]:
    """Of bool (n, m) columns: the number of each one's kind, and the first column of each kind."""
    packed = np.packbits(columns, axis=0).T if len(columns) else np.zeros((columns.shape[1], 1), np.uint8)
    rows = np.ascontiguousarray(packed)
    keys = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)  # kinds in the order of their first column
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[which], first[order]


def _cut_down(zones: Int64s, pieces: Geometries, box: Box) -> tuple[Int64s, Geometries]:
    """Zones with their pieces reduced to the box; those that hold nothing of it left out."""
    heavy = np.nonzero(shapely.get_num_coordinates(pieces) > _LIGHT)[0]
    if not len(heavy):
        return zones, pieces
    pieces = pieces.copy()
    for at in heavy.tolist():
        pieces[at] = reduce_polygon(pieces[at], box)
    here = ~shapely.is_missing(pieces)
    return zones[here], pieces[here]
