"""The grid's first level: which quarter-degree cells each zone covers or may touch.

Zones of a few cells are noted in each cell of their bounding box; larger ones are drawn on the grid. Built
once from all zones, as columns: 100,000 small zones take a fraction of a second.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.piece import MARGIN_DEG, Box, edges, reduce_polygon
from geofences.raster import Window, inside, touched
from geofences.walk import FINE_PER_DEG, ROOT_BITS, ROOT_COLUMNS, ROOT_ROWS

Int64s: TypeAlias = NDArray[np.int64]
Geometries: TypeAlias = NDArray[np.object_]

ROOT_PER_DEG = FINE_PER_DEG >> ROOT_BITS
_SMALL = 16  # cells of a bounding box up to which drawing a zone gains nothing
_TILE_DEG = 4.0
_LIGHT = 32


class Root:
    """Zones by quarter-degree cell. ``mixed``: the cells where a border may run, ascending."""

    def __init__(self, geometries: Geometries) -> None:
        # prepared below and by who is given pieces: of one geometry two threads may not do that at once
        self._geometries = shapely.from_wkb(shapely.to_wkb(geometries))
        self._tiles: dict[tuple[int, float, float], object] = {}
        cell, zone, sure = self._pairs()
        order = np.lexsort((zone, cell))
        self._zone, self._sure = zone[order], sure[order]
        self._cell, self._start = np.unique(cell[order], return_index=True)
        self._stop = np.append(self._start[1:], len(order)).astype(np.int64)
        if len(order):
            self._mixed = np.logical_or.reduceat(~self._sure, self._start)
        else:
            self._mixed = np.zeros(0, dtype=np.bool_)
        self.mixed: Int64s = self._cell[self._mixed]

    def __len__(self) -> int:
        return ROOT_ROWS * ROOT_COLUMNS

    def plain(self) -> tuple[Int64s, list[tuple[int, ...]]]:
        """Cells without borders that some zone covers, and the zones of each."""
        at = np.nonzero(~self._mixed)[0]
        ranges = zip(self._start[at].tolist(), self._stop[at].tolist(), strict=True)
        zones = self._zone.tolist()
        return self._cell[at], [tuple(zones[start:stop]) for start, stop in ranges]

    def candidates(self, cell: int, box: Box) -> tuple[tuple[int, ...], Int64s, Geometries]:
        """Of a mixed cell: the zones that cover it, those to be tested, and their pieces in it."""
        at = int(np.searchsorted(self._cell, cell))
        here = slice(int(self._start[at]), int(self._stop[at]))
        zones, sure = self._zone[here], self._sure[here]
        tested = zones[~sure]
        pieces = self._geometries[tested].copy()
        for place in np.nonzero(shapely.get_num_coordinates(pieces) > _LIGHT)[0].tolist():
            pieces[place] = self._piece(int(tested[place]), box)
        found = ~shapely.is_missing(pieces)
        return tuple(zones[sure].tolist()), tested[found], pieces[found]

    def _piece(self, zone: int, box: Box) -> object:
        """The zone's piece in a cell, cut from its piece in a larger tile, which is kept."""
        west, south = (float(np.floor(x / _TILE_DEG) * _TILE_DEG) for x in box[:2])
        key = (zone, west, south)
        if key not in self._tiles:
            tile = (west, south, west + _TILE_DEG, south + _TILE_DEG)
            self._tiles[key] = reduce_polygon(self._geometries[zone], tile)
        tile_piece = self._tiles[key]
        return None if tile_piece is None else reduce_polygon(tile_piece, box)

    def _pairs(self) -> tuple[Int64s, Int64s, NDArray[np.bool_]]:
        """All (cell, zone, whether the zone covers it) in which the zone has a part."""
        if not len(self._geometries):
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_)
        bounds = shapely.bounds(self._geometries)
        low = np.floor((bounds[:, :2] + [180.0, 90.0] - MARGIN_DEG) * ROOT_PER_DEG).astype(np.int64)
        high = np.floor((bounds[:, 2:] + [180.0, 90.0] + MARGIN_DEG) * ROOT_PER_DEG).astype(np.int64)
        most = [ROOT_COLUMNS - 1, ROOT_ROWS - 1]
        low, high = np.clip(low, 0, most), np.clip(high, 0, most)
        small = (high - low + 1).prod(axis=1) <= _SMALL
        parts = [_boxes(np.nonzero(small)[0], low[small], high[small])]
        for zone in np.nonzero(~small)[0].tolist():
            parts += self._drawn(zone, low[zone], high[zone])
        cell, zones, sure = zip(*parts, strict=True)
        return np.concatenate(cell), np.concatenate(zones), np.concatenate(sure)

    def _drawn(self, zone: int, low: Int64s, high: Int64s) -> list[tuple[Int64s, Int64s, NDArray[np.bool_]]]:
        columns, rows = (high - low + 1).tolist()
        west, south = low / ROOT_PER_DEG - [180.0, 90.0]
        window = Window(float(west), float(south), 1 / ROOT_PER_DEG, rows, columns)
        geometry = self._geometries[zone : zone + 1]
        shapely.prepare(geometry)
        touch = touched(*edges(geometry), 1, window)
        cover = inside(
            touch, window, lambda owner, lon, lat: shapely.intersects_xy(geometry[owner], lon, lat)
        )
        out = []
        for mask, sure in ((touch[0], False), (cover[0], True)):
            row, column = np.nonzero(mask)
            cell = (row + low[1]) * ROOT_COLUMNS + column + low[0]
            out.append((cell, np.full(len(cell), zone), np.full(len(cell), sure)))
        return out


def _boxes(zones: Int64s, low: Int64s, high: Int64s) -> tuple[Int64s, Int64s, NDArray[np.bool_]]:
    """All cells of the zones' bounding boxes, none of them sure."""
    width, height = (high - low + 1).T
    count = width * height
    at = np.repeat(np.arange(len(zones)), count)
    place = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    column, row = low[at, 0] + place % width[at], low[at, 1] + place // width[at]
    return row * ROOT_COLUMNS + column, zones[at], np.zeros(len(at), dtype=np.bool_)
