"""Rings of positions read from GeoJSON's lists, and why one is refused.

Every message names the ring and the position, after the feature's ``label``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geofences.errors import GeometryRefusedError

Floats: TypeAlias = NDArray[np.float64]

_ROADS_NORTH, _ROADS_SOUTH = 79.0, -78.0  # no road leads farther; a zone there has lon and lat swapped


def read_polygon(geometry: Mapping[str, Any], label: str) -> Polygon | MultiPolygon:
    kind, rows = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise GeometryRefusedError(f"{label}: a zone is an area: got {kind!r}, want Polygon or MultiPolygon")
    if not isinstance(rows, list) or not rows:
        raise GeometryRefusedError(f"{label}: empty geometry: got {rows!r}, want at least one ring")
    if kind == "Polygon":
        return Polygon(*_rings(rows, label))
    return MultiPolygon([Polygon(*_rings(row, f"{label}: polygon {n}")) for n, row in enumerate(rows)])


def _rings(rows: Any, label: str) -> tuple[Floats, list[Floats]]:
    if not isinstance(rows, list) or not rows:
        raise GeometryRefusedError(f"{label}: empty polygon: got {rows!r}, want at least one ring")
    rings = [_ring(row, f"{label}: ring {number}") for number, row in enumerate(rows)]
    return rings[0], rings[1:]


def _ring(row: Any, label: str) -> Floats:
    points = read_positions(row, label, 4)
    if not (points[0] == points[-1]).all():
        last = len(points) - 1
        raise GeometryRefusedError(
            f"{label} is not closed: got {_shown(points[last])} at position {last}, "
            f"want {_shown(points[0])} as at 0"
        )
    west, east = float(points[:, 0].min()), float(points[:, 0].max())
    jump = int(np.abs(np.diff(points[:, 0])).argmax())
    if abs(float(points[jump + 1, 0] - points[jump, 0])) > 180:
        raise GeometryRefusedError(
            f"{label} jumps from lon {west} to {east} at position {jump + 1}: split it at the antimeridian"
        )
    return points


def read_positions(row: Any, label: str, least: int) -> Floats:
    """Positions as (n, 2) numbers; an altitude is dropped."""
    if not isinstance(row, list) or len(row) < least:
        got = len(row) if isinstance(row, list) else repr(row)
        raise GeometryRefusedError(f"{label} is too short: got {got} positions, want at least {least}")
    try:
        points = np.array(row)
    except (ValueError, TypeError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] not in (2, 3) or points.dtype.kind not in "fiu":
        _refuse_position(row, label)
    points = points.astype(np.float64)
    points = np.ascontiguousarray(points[:, :2])
    bad = ~(np.isfinite(points).all(axis=1) & (np.abs(points) <= [180.0, 90.0]).all(axis=1))
    if bad.any():
        at = int(np.nonzero(bad)[0][0])
        swapped = bool((np.abs(points[:, ::-1]) <= [180.0, 90.0]).all())
        hint = "; lat and lon look swapped" if swapped else ""
        raise GeometryRefusedError(
            f"{label}, position {at} is out of range: got {_shown(points[at])}, "
            f"want lon -180..180 lat -90..90{hint}"
        )
    return points


def _refuse_position(row: Sequence[Any], label: str) -> None:
    for at, position in enumerate(row):
        numbers = isinstance(position, list) and all(type(x) in (int, float) for x in position)
        if not numbers or len(position) not in (2, 3):
            raise GeometryRefusedError(
                f"{label}, position {at} is no position: got {position!r}, want [lon, lat]"
            )
    raise GeometryRefusedError(f"{label}: positions of mixed length: want [lon, lat] everywhere")


def refuse_roadless(polygon: Polygon | MultiPolygon, label: str) -> None:
    _, south, _, north = polygon.bounds
    if north > _ROADS_NORTH or south < _ROADS_SOUTH:
        raise GeometryRefusedError(
            f"{label}: lies at latitude {south} to {north}, where no road leads: are lon and lat swapped?"
        )


def refuse_crossing_rings(polygons: Sequence[Polygon | MultiPolygon], labels: Sequence[str]) -> None:
    column = np.array(polygons, dtype=object)
    for number in np.nonzero(~shapely.is_valid(column))[0].tolist():
        reason = shapely.is_valid_reason(polygons[number])
        raise GeometryRefusedError(f"{labels[number]}: {_place_of(reason, polygons[number])}")
    for number in np.nonzero(shapely.area(column) == 0)[0].tolist():
        raise GeometryRefusedError(f"{labels[number]}: ring 0 encloses nothing: got area 0")


def _place_of(reason: str, geometry: Polygon | MultiPolygon) -> str:
    """GEOS says 'Self-intersection[lon lat]': find the ring and the nearest position before it."""
    what, _, where = reason.partition("[")
    if not where:
        return reason.lower()
    point = shapely.Point([float(x) for x in where.rstrip("]").split()])
    best = (float("inf"), "")
    for n, polygon in enumerate(shapely.get_parts(geometry)):
        for number, ring in enumerate([polygon.exterior, *polygon.interiors]):
            points = shapely.get_coordinates(ring)
            sides = shapely.linestrings(np.stack([points[:-1], points[1:]], axis=1))
            distances = shapely.distance(sides, point)
            at = int(distances.argmin())
            part = f"polygon {n}, " if isinstance(geometry, MultiPolygon) else ""
            if distances[at] < best[0]:
                best = (float(distances[at]), f"{part}ring {number} after position {at}")
    return f"{best[1]}: {what.lower()} at {point.x:.7f} {point.y:.7f}"


def _shown(point: Floats) -> str:
    return f"{float(point[0])} {float(point[1])}"
