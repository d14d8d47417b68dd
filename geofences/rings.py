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
Geometries: TypeAlias = NDArray[np.object_]

_ROADS_NORTH, _ROADS_SOUTH = 79.0, -78.0  # no road leads farther; a zone there has lon and lat swapped


def read_polygons(geometries: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> Geometries:
    """GeoJSON polygons and multipolygons as one column, all sound; the first that is not raises."""
    quick = all_at_once(geometries)
    if quick is not None and bool(shapely.is_valid(quick).all()):
        return quick
    column = np.empty(len(geometries), dtype=object)
    column[:] = [read_polygon(geometry, label) for geometry, label in zip(geometries, labels, strict=True)]
    _refuse_crossing_rings(column, labels)
    return column


def all_at_once(geometries: Sequence[Mapping[str, Any]]) -> Geometries | None:
    """The column by whole arrays, or None when anything is unusual: then ring by ring, to say what.

    Rings are closed and inside the world; whether they cross is not looked at here. ``geometries``: not none.
    """
    try:
        whole = [g["coordinates"] if g["type"] == "MultiPolygon" else [g["coordinates"]] for g in geometries]
        if not all(geometry["type"] in ("Polygon", "MultiPolygon") for geometry in geometries):
            return None
        rings = [ring for polygons in whole for polygon in polygons for ring in polygon]
        points = np.array([position for ring in rings for position in ring])
        sizes = np.array([len(ring) for ring in rings])
        polygon_rings = [len(polygon) for polygons in whole for polygon in polygons]
        parts = [len(polygons) for polygons in whole]
    except (KeyError, TypeError, ValueError):
        return None
    if points.ndim != 2 or points.shape[1] not in (2, 3) or points.dtype.kind not in "fi" or sizes.min() < 4:
        return None
    points = np.ascontiguousarray(points[:, :2], dtype=np.float64)
    last = np.cumsum(sizes) - 1
    first = last - sizes + 1
    step = np.abs(np.diff(points[:, 0]))
    step[last[:-1]] = 0
    sound = (np.abs(points) <= [180.0, 90.0]).all() and (points[first] == points[last]).all()
    if not sound or step.max() > 180 or min(polygon_rings) < 1 or min(parts) < 1:
        return None
    linear = shapely.linearrings(points, indices=np.repeat(np.arange(len(sizes)), sizes))
    polygons = shapely.polygons(linear, indices=np.repeat(np.arange(len(polygon_rings)), polygon_rings))
    many = np.array([geometry["type"] == "MultiPolygon" for geometry in geometries])
    owner = np.repeat(np.arange(len(parts)), parts)
    column = np.empty(len(geometries), dtype=object)
    column[~many] = polygons[~many[owner]]
    column[many] = shapely.multipolygons(
        polygons[many[owner]], indices=np.cumsum(many)[owner[many[owner]]] - 1
    )
    return column


def read_polygon(geometry: Mapping[str, Any], label: str) -> Polygon | MultiPolygon:
    """One polygon whose rings are closed and inside the world; whether they cross is not looked at here."""
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
            f"{label} is not closed: got {shown(points[last])} at position {last}, "
            f"want {shown(points[0])} as at 0"
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
    points = read_numbers(row, label)
    bad = ~(np.isfinite(points).all(axis=1) & (np.abs(points) <= [180.0, 90.0]).all(axis=1))
    if bad.any():
        at = int(np.nonzero(bad)[0][0])
        swapped = bool((np.abs(points[:, ::-1]) <= [180.0, 90.0]).all())
        hint = "; lat and lon look swapped" if swapped else ""
        raise GeometryRefusedError(
            f"{label}, position {at} is out of range: got {shown(points[at])}, "
            f"want lon -180..180 lat -90..90{hint}"
        )
    return points


def read_numbers(row: Sequence[Any], label: str) -> Floats:
    """Positions as (n, 2) numbers, wherever they lie; an altitude is dropped."""
    try:
        points = np.array(row)
    except (ValueError, TypeError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] not in (2, 3) or points.dtype.kind not in "fiu":
        _refuse_position(row, label)
    return np.ascontiguousarray(points[:, :2], dtype=np.float64)


def _refuse_position(row: Sequence[Any], label: str) -> None:
    for at, position in enumerate(row):
        numbers = isinstance(position, list) and all(type(x) in (int, float) for x in position)
        if not numbers or len(position) not in (2, 3):
            raise GeometryRefusedError(
                f"{label}, position {at} is no position: got {position!r}, want [lon, lat]"
            )
    raise GeometryRefusedError(f"{label}: positions of mixed length: want [lon, lat] everywhere")


def refuse_roadless(column: Geometries, labels: Sequence[str]) -> None:
    """Raise for the first polygon that lies where no road leads: its lon and lat are swapped."""
    _, south, _, north = shapely.bounds(column).T
    for number in np.nonzero((north > _ROADS_NORTH) | (south < _ROADS_SOUTH))[0].tolist():
        raise GeometryRefusedError(
            f"{labels[number]}: lies at latitude {south[number]} to {north[number]}, where no road leads: "
            "are lon and lat swapped?"
        )


def _refuse_crossing_rings(column: Geometries, labels: Sequence[str]) -> None:
    for number in np.nonzero(~shapely.is_valid(column))[0].tolist():
        reason = shapely.is_valid_reason(column[number])
        raise GeometryRefusedError(f"{labels[number]}: {place_of(reason, column[number])}")
    for number in np.nonzero(shapely.area(column) == 0)[0].tolist():
        raise GeometryRefusedError(f"{labels[number]}: ring 0 encloses nothing: got area 0")


def place_of(reason: str, geometry: Polygon | MultiPolygon) -> str:
    """Where it is that GEOS means by ``reason``, such as 'Self-intersection[lon lat]': ring and position."""
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


def shown(point: Floats) -> str:
    """A position as messages show it."""
    return f"{float(point[0])} {float(point[1])}"
