"""Whether an outline has longitude before latitude, as far as its numbers can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.rings import shown

Floats: TypeAlias = NDArray[np.float64]

NORTH: Final = 79.0  # no road leads farther
SOUTH: Final = -78.0
_FAR: Final = 360.0


def fits(geometry: Any) -> tuple[bool, bool] | None:
    """Whether it can be a zone as it is, and with latitude and longitude swapped; None if not to be read."""
    points = _points(geometry)
    if points is None:
        return None
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return _fits(low[0], high[0], low[1], high[1]), _fits(low[1], high[1], low[0], high[0])


def _fits(west: float, east: float, south: float, north: float) -> bool:
    return west >= -_FAR and east <= _FAR and south >= SOUTH and north <= NORTH


def roadless(geometry: Any) -> str:
    """The first position where no road leads, for a message."""
    points = _points(geometry)
    if points is None:
        points = shapely.get_coordinates(geometry)
    outside = (points[:, 1] > NORTH) | (points[:, 1] < SOUTH) | (np.abs(points[:, 0]) > _FAR)
    at = int(outside.argmax())
    return f"position {at} lies where no road leads: got {shown(points[at])}"


def flipped(geometry: Any) -> Mapping[str, Any]:
    """The geometry with the first two numbers of each position swapped."""
    if geometry.get("type") == "GeometryCollection":
        return {**geometry, "geometries": [flipped(inner) for inner in geometry["geometries"]]}
    return {**geometry, "coordinates": _flip(geometry.get("coordinates"))}


def _flip(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if len(value) >= 2 and not isinstance(value[0], list):
        return [value[1], value[0], *value[2:]]
    return [_flip(inner) for inner in value]


def _points(geometry: Any) -> Floats | None:
    """All positions (n, 2) of a geometry; None when they are not all numbers, or none."""
    try:
        if geometry["type"] == "GeometryCollection":
            parts = [_points(inner) for inner in geometry["geometries"]]
            held = [part for part in parts if part is not None]
            return np.concatenate(held) if held and len(held) == len(parts) else None
        rows = geometry["coordinates"]
        polygons = rows if geometry["type"] == "MultiPolygon" else [rows]
        lon = [p[0] for rings in polygons for ring in rings for p in ring]
        lat = [p[1] for rings in polygons for ring in rings for p in ring]
        points = np.array([lon, lat], dtype=np.float64).T
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return points if len(points) and bool(np.isfinite(points).all()) else None
