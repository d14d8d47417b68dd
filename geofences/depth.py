"""How far a position lies from an area: whether it is outside beyond doubt."""

from __future__ import annotations

from math import cos, radians

import shapely
from shapely import MultiPolygon, Polygon

_MM_PER_DEG = 111_320_000.0  # of a great circle; a bound for doubts needs no more


def beyond(geometry: Polygon | MultiPolygon, lon: float, lat: float, mm: int) -> bool:
    """Whether the point (degrees) lies outside ``geometry`` and further than ``mm`` from all of it.

    On the local plane around the point: good to 1 % for distances up to 10 km below latitude 80.
    """
    narrow = cos(radians(lat))
    dlat = mm / _MM_PER_DEG
    dlon = dlat / narrow
    near = shapely.clip_by_rect(geometry, lon - dlon, lat - dlat, lon + dlon, lat + dlat)
    if near.is_empty:
        return not bool(shapely.intersects_xy(geometry, lon, lat))
    plane = shapely.transform(near, lambda xy: (xy - [lon, lat]) * [narrow, 1.0])
    return bool(shapely.distance(plane, shapely.Point(0.0, 0.0)) > dlat)
