"""Where fences are: what ways may meet any, and the edges near them.

A map of the world, one bit a cell of 1/64 degree, lets go of ways that can't meet any. A cell's bit is set
when a fence runs in it or in one of its eight neighbours, so a short way is looked up where it begins, once.
The map errs only towards "near". A cell that is asked for more becomes a patch: the edges of fences by cells
of 1/1024 degree.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.grown import with_room
from geofences.passing import COLUMNS, PER_DEG, ROWS, SPLIT, find, near, sift, through
from geofences.piece import MARGIN_DEG, edges
from geofences.raster import Window, touched
from geofences.walk import BIT

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]

_SMALL = 16  # cells of a bounding box up to which drawing a fence gains nothing
_NO_CELLS = np.zeros(0, dtype=np.int64)


class Fences:
    """The fences of these polygons: those of the zones ``numbers``."""

    def __init__(self, geometries: Geometries, numbers: Int64s) -> None:
        self.numbers = numbers
        self.tree = shapely.STRtree(geometries)
        self._geometries = geometries
        self._marks = np.zeros(COLUMNS * ROWS // 8, dtype=np.uint8)  # untouched pages cost no memory
        self._patches = np.full((1024, 2), -1, dtype=np.int64)  # hash table of (cell, patch)
        self._starts = np.zeros((64, SPLIT**2 + 1), dtype=np.int32)
        self._edges = np.empty((1024, 5))  # of patches: x0, y0, x1, y1, the zone's number as int64
        self._n_patches = self._n_edges = 0
        if not len(geometries):
            return
        bounds = shapely.bounds(geometries)
        low = np.floor((bounds[:, :2] + [180.0, 90.0] - MARGIN_DEG) * PER_DEG).astype(np.int64)
        high = np.floor((bounds[:, 2:] + [180.0, 90.0] + MARGIN_DEG) * PER_DEG).astype(np.int64)
        small = (high - low + 1).prod(axis=1) <= _SMALL
        self._mark(low[small] - 1, high[small] + 1)
        for at in np.nonzero(~small)[0].tolist():
            columns, rows = (high[at] - low[at] + 1).tolist()
            west, south = (low[at] / PER_DEG - [180.0, 90.0]).tolist()
            window = Window(west, south, 1 / PER_DEG, rows, columns)
            row, column = np.nonzero(touched(*edges(geometries[at : at + 1]), 1, window)[0])
            cells = np.stack([column, row], axis=1) + low[at]
            self._mark(cells - 1, cells + 1)

    def near(
        self, lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats, cells: tuple[Int64s, Int64s] | None
    ) -> tuple[Int64s, Int64s]:
        """Which of these ways (float64 degrees) may meet a fence: the short ones, straight in degrees, and
        the others. ``cells`` as in `ZoneIndex.cut`."""
        straight, bent = np.empty((2, len(lon0)), dtype=np.int64)
        known = (_NO_CELLS, _NO_CELLS) if cells is None else cells
        counts = near(lon0, lat0, lon1, lat1, *known, self._marks, straight, bent)
        return straight[: counts[0]], bent[: counts[1]]

    def through(
        self, pieces: Floats, owner: Int64s, ends: Int32s, sets: tuple[Int64s, Int32s]
    ) -> tuple[Int64s, Int64s, Int64s]:
        """Owner, zone and `CUT` or `DOUBT` of each zone that ways pass through. See `passing.through`."""
        missing = np.empty(256, dtype=np.int64)
        pairs = np.empty((len(pieces) + 64, 3), dtype=np.int64)
        while True:
            count, made = through(
                *(pieces, owner, ends, *sets, self._marks, self._patches, self._starts),
                *(self._edges, self._edges.view(np.int64), missing, pairs),
            )
            self._make_patches(np.unique(missing[:made]))
            if count < 0:
                pairs = np.empty((4 * len(pairs), 3), dtype=np.int64)
            elif not made:
                return pairs[:count, 0], pairs[:count, 1], pairs[:count, 2]

    def _make_patches(self, cells: Int64s) -> None:
        if not len(cells):
            return
        row, column = np.divmod(cells, COLUMNS)
        west, south = column / PER_DEG - 180.0, row / PER_DEG - 90.0
        boxes = shapely.box(
            *(west - MARGIN_DEG, south - MARGIN_DEG),
            *(west + 1 / PER_DEG + MARGIN_DEG, south + 1 / PER_DEG + MARGIN_DEG),
        )
        box, zones = self.tree.query(boxes)
        for n, cell in enumerate(cells.tolist()):
            self._make_patch(cell, float(west[n]), float(south[n]), np.sort(zones[box == n]))

    def _make_patch(self, cell: int, west: float, south: float, zones: Int64s) -> None:
        """Keep the edges of the ``zones`` (places) in a cell whose south-western corner is given."""
        self._starts = with_room(self._starts, self._n_patches + 1)
        if not len(zones):
            self._starts[self._n_patches] = self._n_edges
            self._note(cell, self._n_patches)
            self._n_patches += 1
            return
        start, end, owner = edges(self._geometries[zones])
        found = np.concatenate([start, end, np.zeros((len(start), 1))], axis=1)
        found.view(np.int64)[:, BIT] = self.numbers[zones[owner]]
        starts = np.empty(SPLIT**2 + 1, dtype=np.int32)
        free = self._edges[self._n_edges :]
        count = sift(found, west, south, starts, free)
        if count > len(free):
            self._edges = with_room(self._edges, self._n_edges + count)
            sift(found, west, south, starts, self._edges[self._n_edges :])
        self._starts[self._n_patches] = starts + self._n_edges
        self._n_edges += count
        self._note(cell, self._n_patches)
        self._n_patches += 1

    def _note(self, cell: int, patch: int) -> None:
        if 2 * self._n_patches >= len(self._patches):
            old = self._patches[self._patches[:, 0] >= 0]
            self._patches = np.full((4 * len(self._patches), 2), -1, dtype=np.int64)
            for known in old.tolist():
                self._patches[-1 - find(self._patches, known[0])] = known
        self._patches[-1 - find(self._patches, cell)] = (cell, patch)

    def _mark(self, low: Int64s, high: Int64s) -> None:
        """Set the bits of all cells (column, row) from ``low`` to ``high``: int64 (n, 2) each."""
        most = [COLUMNS - 1, ROWS - 1]
        low, high = np.clip(low, 0, most), np.clip(high, 0, most)
        width, height = (high - low + 1).T
        count = width * height
        at = np.repeat(np.arange(len(low)), count)
        place = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        cell = (low[at, 1] + place // width[at]) * COLUMNS + low[at, 0] + place % width[at]
        np.bitwise_or.at(self._marks, cell >> 3, (1 << (cell & 7)).astype(np.uint8))
