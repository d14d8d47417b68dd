"""Whether a track that is declared WGS84 was shifted: it lies beside a known road, by just that shift.

Pure, and free of order: places are counted, not samples, so a truck that stands says nothing, and the same
samples in any order and number give the same verdict. A road that runs along the shift tells nothing either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.datum import DATUMS, bd09_to_gcj02, gcj02_to_wgs84, in_china
from geofences.geodesy import A_M, RAD

Floats: TypeAlias = NDArray[np.float64]

MIN_PLACES: Final = 20
MIN_PERMILLE: Final = 800
NEAR_M: Final = 2_000.0
ON_ROAD_M: Final = 30.0
_CELLS_PER_DEG: Final = 1_000  # places are some 100 m large
_DEG_M: Final = A_M * RAD


class Road:
    """A road's middle as a line: float64 columns, degrees WGS84, in the order of the way."""

    def __init__(self, lon: Floats, lat: Floats) -> None:
        points = np.stack([lon, lat], axis=1)
        self._start, self._end = points[:-1], points[1:]
        self._tree = shapely.STRtree(shapely.linestrings(np.stack([self._start, self._end], axis=1)))

    def distance_m(self, lon: Floats, lat: Floats, most_m: float) -> Floats:
        """Metres from each point to the road, infinite beyond some ``most_m``; off by less than 1 %."""
        found = np.full(len(lon), np.inf)
        reach = most_m / _DEG_M * 1.01
        wide = reach / np.cos(lat * RAD)
        boxes = shapely.box(lon - wide, lat - reach, lon + wide, lat + reach)
        point, piece = self._tree.query(boxes)
        scale = np.stack([np.cos(lat[point] * RAD), np.ones(len(point))], axis=1) * _DEG_M
        at = np.stack([lon[point], lat[point]], axis=1)
        start, end = (self._start[piece] - at) * scale, (self._end[piece] - at) * scale
        way = end - start
        length2 = np.maximum((way * way).sum(axis=1), 1e-12)
        share = np.clip(-(start * way).sum(axis=1) / length2, 0.0, 1.0)
        nearest = start + share[:, None] * way
        np.minimum.at(found, point, np.hypot(nearest[:, 0], nearest[:, 1]))
        return found


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the places of a track say: how many there are, how many fit the road as they are, and how many
    fit only once a shift of that datum is taken off. ``datum`` is the one that is suspected, or None."""

    places: int
    as_it_is_permille: int
    only_shifted_permille: dict[str, int]
    datum: str | None


def suspect(lon: Floats, lat: Floats, road: Road) -> Suspicion:
    """Judge the positions of one device that counts as WGS84 (float64 columns, degrees, NaN left out).

    Looked at are those in China within 2 km of the road, by places of some 100 m; a place counts as fitting
    when most of its samples lie within 30 m. Suspected is a datum when at least 20 places were looked at and
    800 permille of them fit only without its shift.
    """
    nothing = Suspicion(0, 0, dict.fromkeys(DATUMS[1:], 0), None)
    known = np.isfinite(lon) & np.isfinite(lat) & in_china(lon, lat)
    lon, lat = lon[known], lat[known]
    if not len(lon):
        return nothing
    off_m = road.distance_m(lon, lat, NEAR_M)
    near = off_m <= NEAR_M
    if not near.any():
        return nothing
    lon, lat, fits = lon[near], lat[near], off_m[near] <= ON_ROAD_M
    cells = np.floor(np.stack([lon, lat], axis=1) * _CELLS_PER_DEG).astype(np.int64)
    _, place = np.unique(cells, axis=0, return_inverse=True)
    place = place.reshape(-1)
    only = {}
    for name in DATUMS[1:]:
        x, y = bd09_to_gcj02(lon, lat) if name == "bd09" else (lon, lat)
        fits_shifted = road.distance_m(*gcj02_to_wgs84(x, y), ON_ROAD_M) <= ON_ROAD_M
        only[name] = _permille(fits_shifted & ~fits, place)
    best = max(only, key=lambda name: only[name])
    places = int(place.max()) + 1
    named = places >= MIN_PLACES and only[best] >= MIN_PERMILLE
    return Suspicion(places, _permille(fits, place), only, best if named else None)


def _permille(fits: NDArray[np.bool_], place: NDArray[np.int64]) -> int:
    """The share of places most of whose samples fit."""
    share = np.bincount(place, weights=fits) / np.bincount(place)
    return math.floor(1000 * int((share > 0.5).sum()) / len(share))
