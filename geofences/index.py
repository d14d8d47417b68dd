"""Which zones hold each point: a whole column answered at once.

The world is a grid of quarter degrees. A cell that no border touches holds one number, the interned set of
zones that cover it, and costs one look-up, be it in the middle of China or of a yard. Cells with borders
become leaves with exact tests against pieces of polygons, and leaves that are asked often are split 16 by
16, twice at most (some 110 m), so that the tests go where the trucks are. Splitting is a matter of speed
alone: the verdict is always that of the original polygon, border included, in any order and batching.

One index belongs to one thread: asking may split cells and number sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences import path
from geofences.border import Border
from geofences.fences import Fences
from geofences.grid import Grid
from geofences.sets import SetTable
from geofences.zone import Zone, ZoneKind

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]


class ZoneIndex:
    """Zones by place. Zone numbers are places in ``zones``."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self.zones = tuple(zones)
        self.numbers = {zone.id: number for number, zone in enumerate(self.zones)}
        self.table = SetTable(self.zones)
        self._geometries = np.empty(len(self.zones), dtype=object)
        self._geometries[:] = [zone.geometry for zone in self.zones]
        self._grid = Grid(self._geometries, self.table)
        small = [n for n, zone in enumerate(self.zones) if zone.kind is not ZoneKind.COUNTRY]
        self._small: Int64s = np.array(small, dtype=np.int64)
        self._tree = shapely.STRtree(self._geometries[self._small])
        self._fences = Fences(self._geometries[self._small])
        self._borders: dict[int, Border] = {}

    def locate(self, lon: Floats, lat: Floats) -> Int32s:
        """The set (see `table`) of zones that hold each point, borders included.

        Float64 columns of equal length, degrees. NaN and positions outside the world are in no zone (0).
        """
        return self._grid.locate(lon, lat)[0]

    def locate_cells(self, lon: Floats, lat: Floats) -> tuple[Int32s, Int64s]:
        """As `locate`, and for each point a number of its cell: equal numbers (not -1) mean that one cell
        without any border holds both points, so nothing is met on the straight way between them."""
        return self._grid.locate(lon, lat)

    def members(self, set_id: int) -> tuple[int, ...]:
        """The zone numbers of a set, ascending."""
        return self.table.members(set_id)

    def cut(
        self,
        lon0: Floats,
        lat0: Floats,
        lon1: Floats,
        lat1: Floats,
        cells: tuple[Int64s, Int64s] | None = None,
    ) -> tuple[Int32s, Int32s]:
        """Zones other than countries that segments pass through while neither end lies in them.

        Segments are geodesics. ``cells``: the cell numbers of both ends, when `locate_cells` gave them
        already. Returns (segment, zone), sorted by both; a touched border counts as passing.
        """
        none = np.zeros(0, dtype=np.int32)
        maybe = np.nonzero(self._fences.near(lon0, lat0, lon1, lat1))[0]
        if not len(maybe) or not len(self._small):
            return none, none
        if cells is not None:
            maybe = maybe[(cells[0][maybe] != cells[1][maybe]) | (cells[0][maybe] < 0)]
        maybe = maybe[np.isfinite(lon0[maybe] + lat0[maybe] + lon1[maybe] + lat1[maybe])]
        lines, owner = path.lines(lon0[maybe], lat0[maybe], lon1[maybe], lat1[maybe])
        hit, found = self._tree.query(lines, predicate="intersects")
        if not len(hit):
            return none, none
        pairs = np.unique(np.stack([maybe[owner[hit]], self._small[found]]), axis=1)
        segment, zone = pairs
        geometry = self._geometries[zone]
        held = shapely.intersects_xy(geometry, lon0[segment], lat0[segment])
        held |= shapely.intersects_xy(geometry, lon1[segment], lat1[segment])
        return segment[~held].astype(np.int32), zone[~held].astype(np.int32)

    def meets(self, zone: int, lon0: float, lat0: float, lon1: float, lat1: float) -> list[float]:
        """Where the geodesic from one point to another meets the fence of ``zone``: ascending fractions of
        its length. Where it runs along the fence, both ends of that stretch. See `path.meets`."""
        border = self._borders.get(zone)
        if border is None:
            border = self._borders[zone] = Border(self.zones[zone].geometry)
        return path.meets(border, lon0, lat0, lon1, lat1)
