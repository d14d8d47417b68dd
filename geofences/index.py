"""Which zones hold each point: a whole column answered at once.

The world is a grid of quarter degrees. A cell that no border touches holds one number, the interned set of
zones that cover it, and costs one look-up, be it in the middle of China or of a yard. Cells with borders
become leaves with exact tests against pieces of polygons, and leaves that are asked often are split 16 by
16, three times at most (some 7 m), so that the tests go where the trucks are. Splitting is a matter of speed
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
from geofences.passing import DOUBT
from geofences.sets import SetTable
from geofences.zone import Zone, ZoneKind

Floats: TypeAlias = NDArray[np.float64]
Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]
Whole: TypeAlias = NDArray[np.int32] | NDArray[np.int64]

_MOST_LAT = 75.0  # beyond it pieces are no longer small in degrees of longitude


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
        self._fences = Fences(self._geometries[self._small], self._small)
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

    def locate_e7(self, lon: Whole, lat: Whole) -> tuple[Int32s, Int64s]:
        """As `locate_cells`, of whole 1e-7 degrees: int32 or int64 columns."""
        return self._grid.locate(_degrees(lon), _degrees(lat))

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
        sets: tuple[Int32s, Int32s] | None = None,
    ) -> tuple[Int32s, Int32s]:
        """Zones other than countries that segments pass through while neither end lies in them.

        Segments are geodesics. ``cells`` and ``sets``: the cell numbers and the sets of zones of both ends,
        when `locate_cells` gave them already; they save most of the work.
        Returns (segment, zone), sorted by both; a touched border counts as passing.
        """
        ends = [np.ascontiguousarray(values, np.float64) for values in (lon0, lat0, lon1, lat1)]
        straight, bent = self._fences.near(ends[0], ends[1], ends[2], ends[3], cells)
        found = []
        if len(straight):
            pieces = np.stack([values[straight] for values in ends], axis=1)
            found += self._through(pieces, straight, ends, sets)
        if len(bent):
            lon0, lat0, lon1, lat1 = (values[bent] for values in ends)
            plain = (np.abs(lon1 - lon0) < 180) & (np.maximum(np.abs(lat0), np.abs(lat1)) < _MOST_LAT)
            found.append(self._by_geos(bent[~plain], ends))
            bent = bent[plain]
            pieces, way = path.pieces(*(values[bent] for values in ends))
            found += self._through(pieces, bent[way], ends, sets)
        if not found:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
        segment, zone = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.lexsort((zone, segment))
        return segment[order].astype(np.int32), zone[order].astype(np.int32)

    def cut_e7(
        self,
        lon0: Whole,
        lat0: Whole,
        lon1: Whole,
        lat1: Whole,
        cells: tuple[Int64s, Int64s] | None = None,
        sets: tuple[Int32s, Int32s] | None = None,
    ) -> tuple[Int32s, Int32s]:
        """As `cut`, of whole 1e-7 degrees: int32 or int64 columns."""
        return self.cut(_degrees(lon0), _degrees(lat0), _degrees(lon1), _degrees(lat1), cells, sets)

    def meets(self, zone: int, lon0: float, lat0: float, lon1: float, lat1: float) -> list[float]:
        """Where the geodesic from one point to another meets the fence of ``zone``: ascending fractions of
        its length. Where it runs along the fence, both ends of that stretch. See `path.meets`."""
        return path.meets(self.border(zone), lon0, lat0, lon1, lat1)

    def reach(self, zone: int, lon0: float, lat0: float, lon1: float, lat1: float) -> tuple[int, int]:
        """How far ``zone`` reaches to the left and to the right of the chord from one point to another, in
        millimetres. Of several parts only those count that the way meets. See `path.reach`."""
        return path.reach(self.border(zone), lon0, lat0, lon1, lat1)

    def border(self, zone: int) -> Border:
        """The border of ``zone``, made when it is first asked for."""
        border = self._borders.get(zone)
        if border is None:
            border = self._borders[zone] = Border(self.zones[zone].geometry)
        return border

    def _through(
        self,
        pieces: Floats,
        owner: Int64s,
        ends: Sequence[Floats],
        sets: tuple[Int32s, Int32s] | None,
    ) -> list[tuple[Int64s, Int64s]]:
        """The cuts (segment, zone) of segments drawn as straight pieces."""
        if sets is None:
            segments, which = np.unique(owner, return_inverse=True)
            both = np.stack([self.locate(ends[n][segments], ends[n + 1][segments]) for n in (0, 2)], axis=1)
            both = both[which]
        else:
            both = np.stack([sets[0][owner], sets[1][owner]], axis=1).astype(np.int32, copy=False)
        segment, zone, verdict = self._fences.through(pieces, owner, both, self.table.flat)
        if not (verdict == DOUBT).any():
            return [(segment, zone)]
        doubt = np.unique(segment[verdict == DOUBT])
        sure = ~np.isin(segment, doubt)
        return [(segment[sure], zone[sure]), self._by_geos(doubt, ends)]

    def _by_geos(self, maybe: Int64s, ends: Sequence[Floats]) -> tuple[Int64s, Int64s]:
        """The cuts of these segments, exactly and slowly."""
        lon0, lat0, lon1, lat1 = (values[maybe] for values in ends)
        lines, owner = path.lines(lon0, lat0, lon1, lat1)
        hit, found = self._fences.tree.query(lines, predicate="intersects")
        segment, place = np.unique(np.stack([owner[hit], found]), axis=1)
        geometry = self._geometries[self._small[place]]
        held = shapely.intersects_xy(geometry, lon0[segment], lat0[segment])
        held |= shapely.intersects_xy(geometry, lon1[segment], lat1[segment])
        return maybe[segment[~held]], self._small[place[~held]]


def _degrees(whole: Whole) -> Floats:
    return np.multiply(whole, 1e-7, dtype=np.float64)
