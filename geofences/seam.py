"""The world's seam: outlines that go over the antimeridian, brought back onto the map in parts."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geofences.errors import GeometryRefusedError

Floats: TypeAlias = NDArray[np.float64]


def unwrapped(lon: Floats) -> Floats:
    """Longitudes (n,) without jumps of more than 180 degrees; they may leave -180..180."""
    turns = np.concatenate([[0.0], np.cumsum(np.rint(np.diff(lon) / 360.0))])
    return np.asarray(lon - 360.0 * turns)


def near(lon: Floats, middle: float) -> Floats:
    """Longitudes moved together by whole turns so that their middle lies next to ``middle``."""
    own = (float(lon.min()) + float(lon.max())) / 2
    return np.asarray(lon - 360.0 * np.rint((own - middle) / 360.0))


def split(geometry: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    """A sound geometry with longitudes in -540..540 cut at +-180, its parts in -180..180.

    Raises GeometryRefusedError for one that is wider than the world.
    """
    west, _, east, _ = shapely.bounds(geometry).tolist()
    if west >= -180 and east <= 180:
        return geometry
    if east - west > 360 or west < -540 or east > 540:
        raise GeometryRefusedError(f"wider than the world: got lon {west} to {east}")
    parts: list[BaseGeometry] = []
    for turn in (-360.0, 0.0, 360.0):
        part = shapely.intersection(geometry, shapely.box(turn - 180, -90, turn + 180, 90))
        parts += _moved(areas(part), -turn)
    return joined(parts)


def _moved(parts: list[BaseGeometry], by: float) -> list[BaseGeometry]:
    """The parts moved, to the map's edge exactly: adding a turn rounds."""
    return [
        shapely.transform(p, lambda at: np.stack([(at[:, 0] + by).clip(-180, 180), at[:, 1]], axis=1))
        for p in parts
    ]


def areas(geometry: BaseGeometry) -> list[BaseGeometry]:
    """The polygons of any geometry that are more than a line."""
    return [p for p in shapely.get_parts(_flat(geometry)).tolist() if isinstance(p, Polygon) and p.area > 0]


def joined(parts: list[BaseGeometry]) -> Polygon | MultiPolygon:
    """One geometry of polygons that don't overlap; an empty polygon of none."""
    if not parts:
        return Polygon()
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _flat(geometry: BaseGeometry) -> BaseGeometry:
    parts = shapely.get_parts(geometry)
    return shapely.geometrycollections(shapely.get_parts(parts)) if len(parts) else geometry
