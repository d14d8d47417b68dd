"""Where fences are: a map of the world, one bit a cell, that lets go of ways that can't meet any.

Cells measure 1/64 degree. A cell's bit is set when a fence runs in it or in one of its eight neighbours, so
a way no longer than a cell is looked up where it begins, once. The map errs only towards "near": a way that
it lets go of meets no fence.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.piece import MARGIN_DEG, edges
from geofences.raster import Window, touched

Floats: TypeAlias = NDArray[np.float64]
Int64s: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Geometries: TypeAlias = NDArray[np.object_]

PER_DEG = 64
_COLUMNS, _ROWS = 360 * PER_DEG, 180 * PER_DEG
# one cell less 100 m: a drawn way leaves the box of its ends by a decimetre, see `path`
_SHORT_DEG = 1 / PER_DEG - 0.001
_MOST_LAT = 75.0  # beyond it a decimetre is no longer small in degrees of longitude
_SMALL = 16  # cells of a bounding box up to which drawing a fence gains nothing


class Fences:
    """The fences of these polygons."""

    def __init__(self, geometries: Geometries) -> None:
        self._bits = np.zeros(_COLUMNS * _ROWS // 8, dtype=np.uint8)  # untouched pages cost no memory
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

    def near(self, lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> Bools:
        """Which of these ways (degrees) may meet a fence; always those that are long or not finite."""
        short = (np.abs(lon1 - lon0) <= _SHORT_DEG) & (np.abs(lat1 - lat0) <= _SHORT_DEG)
        short &= (np.abs(lat0) <= _MOST_LAT) & (np.abs(lon0) < 180.0)
        if not short.all():
            lon0, lat0 = np.where(short, lon0, 0.0), np.where(short, lat0, 0.0)
        # both sums are positive: cutting off the fraction is rounding down
        cell = ((lat0 + 90.0) * PER_DEG).astype(np.int64) * _COLUMNS
        cell += ((lon0 + 180.0) * PER_DEG).astype(np.int64)
        marked = (self._bits[cell >> 3] >> (cell & 7).astype(np.uint8)) & 1
        verdict: Bools = marked.astype(np.bool_) | ~short
        return verdict

    def _mark(self, low: Int64s, high: Int64s) -> None:
        """Set the bits of all cells (column, row) from ``low`` to ``high``: int64 (n, 2) each."""
        most = [_COLUMNS - 1, _ROWS - 1]
        low, high = np.clip(low, 0, most), np.clip(high, 0, most)
        width, height = (high - low + 1).T
        count = width * height
        at = np.repeat(np.arange(len(low)), count)
        place = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        cell = (low[at, 1] + place // width[at]) * _COLUMNS + low[at, 0] + place % width[at]
        np.bitwise_or.at(self._bits, cell >> 3, (1 << (cell & 7)).astype(np.uint8))
