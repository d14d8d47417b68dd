"""Pieces of polygons: only what matters inside one box, with verdicts that stay exact.

`reduce_ring` drops vertices that lie outside a box, never moving or adding one, so that every edge that
touches the box is an edge of the original with its original coordinates. Whether a point of the box lies
in the ring (even-odd) is therefore decided on the same numbers as with the whole ring, and gives the same
answer to the last bit; a country of 100,000 vertices costs there what its few near edges cost. A reduced
ring may cross itself outside the box, which the even-odd rule does not mind.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

Floats: TypeAlias = NDArray[np.float64]
Box: TypeAlias = tuple[float, float, float, float]

_POLYGON = 3  # GEOS's number of the type
MARGIN_DEG = 1e-9  # far above the rounding of cell arithmetic (3e-14), far below anything on the ground


def reduce_ring(ring: Floats, box: Box) -> Floats | None:
    """The closed ring (n, 2) without the vertices that the box (west, south, east, north) can't see.

    A run of vertices on one outer side of the box keeps its ends only: the new edge between them stays on
    that side, so the ring winds around each point of the box as often as before. None when nothing is left.
    """
    points = ring[:-1]
    for order in ((0, 1, 2, 3), (2, 3, 0, 1)):
        outside = _sides(points, box)[list(order)]
        side = np.where(outside.any(axis=0), outside.argmax(axis=0) + 1, 0)
        drop = (side != 0) & (side == np.roll(side, 1)) & (side == np.roll(side, -1))
        points = points[~drop]
        if len(points) < 3:
            return None
    return np.concatenate([points, points[:1]])


def reduce_polygon(geometry: Polygon | MultiPolygon, box: Box) -> Polygon | MultiPolygon | None:
    """A polygon that gives each point of the box the same verdict; None when it holds none of them."""
    parts = []
    west, south, east, north = box
    polygons = shapely.get_parts(geometry)
    bounds = shapely.bounds(polygons)
    low, high = bounds[:, :2] - MARGIN_DEG, bounds[:, 2:] + MARGIN_DEG
    near = ((low <= [east, north]) & (high >= [west, south])).all(axis=1)
    for polygon in polygons[near]:
        shell = reduce_ring(shapely.get_coordinates(polygon.exterior), box)
        if shell is None:
            continue
        holes = (reduce_ring(shapely.get_coordinates(hole), box) for hole in polygon.interiors)
        parts.append(Polygon(shell, [hole for hole in holes if hole is not None]))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def edges(geometries: NDArray[np.object_]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """All edges of the polygons' rings: starts (m, 2), ends (m, 2) and the index of the polygon of each."""
    if (shapely.get_type_id(geometries) == _POLYGON).all() and not _holed(geometries):
        points, owner = shapely.get_coordinates(geometries, return_index=True)  # as below, sooner
        linked = owner[1:] == owner[:-1]
        return points[:-1][linked], points[1:][linked], owner[1:][linked]
    parts, part_owner = shapely.get_parts(geometries, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, point_ring = shapely.get_coordinates(rings, return_index=True)
    linked = point_ring[1:] == point_ring[:-1]
    owner = part_owner[ring_part[point_ring[:-1][linked]]]
    return points[:-1][linked], points[1:][linked], owner


def _holed(geometries: NDArray[np.object_]) -> bool:
    return bool(shapely.get_num_interior_rings(geometries).any())


def _sides(points: Floats, box: Box) -> NDArray[np.bool_]:
    west, south, east, north = box
    x, y = points[:, 0], points[:, 1]
    return np.stack(
        [x < west - MARGIN_DEG, x > east + MARGIN_DEG, y < south - MARGIN_DEG, y > north + MARGIN_DEG]
    )
