"""One outline made sound where that is plain to do, with a word on each thing done; refused otherwise.

Plain to do: close a ring, cut at the antimeridian, take a ring apart where it crosses itself, drop a hole
without area. Everything said names the ring and the position.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geofences.errors import GeometryRefusedError
from geofences.rings import place_of, read_numbers, shown
from geofences.seam import areas, joined, near, split, unwrapped

Floats: TypeAlias = NDArray[np.float64]

MAX_POSITIONS: Final = 1_000_000
_FAR: Final = 360.0  # some tools count longitude from 0 to 360
_METRES: Final = 1_000.0


def mend(geometry: Mapping[str, Any], label: str) -> tuple[Polygon | MultiPolygon, list[str]]:
    """A sound polygon of a GeoJSON geometry, and what was repaired. Raises GeometryRefusedError."""
    said: list[str] = []
    polygons = _polygons(geometry, label)
    many = len(polygons) > 1
    parts = [_polygon(rows, f"{label}: polygon {n}" if many else label, said) for n, rows in polygons]
    whole = parts[0] if len(parts) == 1 else MultiPolygon(parts)
    if shapely.get_num_coordinates(whole) > MAX_POSITIONS:
        raise GeometryRefusedError(_too_many(label, int(shapely.get_num_coordinates(whole))))
    return untangled(whole, label, said), said


def untangled(whole: Polygon | MultiPolygon, label: str, said: list[str]) -> Polygon | MultiPolygon:
    """The geometry with no ring that crosses another or itself, on the map; adds to ``said``."""
    if not shapely.is_valid(whole):
        where = place_of(shapely.is_valid_reason(whole), whole)
        if "hole lies outside" in where:
            raise GeometryRefusedError(f"{label}: {where}: want holes inside their outer ring")
        made = joined(areas(shapely.make_valid(whole, method="structure", keep_collapsed=False)))
        if made.is_empty:
            raise GeometryRefusedError(f"{label}: {where}: encloses nothing")
        said.append(f"{label}: {where}: taken apart there")
        whole = made
    if whole.area == 0:
        raise GeometryRefusedError(f"{label}: ring 0 encloses nothing: got area 0")
    try:
        return split(whole)
    except GeometryRefusedError as error:
        raise GeometryRefusedError(f"{label}: {error}") from None


def _polygons(geometry: Mapping[str, Any], label: str) -> list[tuple[int, Any]]:
    kind, rows = geometry.get("type"), geometry.get("coordinates")
    if kind == "GeometryCollection":
        inner = geometry.get("geometries")
        members = [g for g in inner if isinstance(g, Mapping)] if isinstance(inner, list) else []
        found = [rows for member in members for _, rows in _polygons(member, label)]
        return list(enumerate(found))
    if kind not in ("Polygon", "MultiPolygon"):
        raise GeometryRefusedError(f"{label}: a zone is an area: got {kind!r}, want Polygon or MultiPolygon")
    if not isinstance(rows, list) or not rows:
        raise GeometryRefusedError(f"{label}: empty geometry: got {rows!r}, want at least one ring")
    return [(0, rows)] if kind == "Polygon" else list(enumerate(rows))


def _polygon(rows: Any, label: str, said: list[str]) -> Polygon:
    if not isinstance(rows, list) or not rows:
        raise GeometryRefusedError(f"{label}: empty polygon: got {rows!r}, want at least one ring")
    outer = _ring(rows[0], f"{label}: ring 0", said)
    middle = (float(outer[:, 0].min()) + float(outer[:, 0].max())) / 2
    holes = []
    for number, row in enumerate(rows[1:], 1):
        hole = _ring(row, f"{label}: ring {number}", said)
        if shapely.Polygon(hole).area == 0:
            said.append(
                f"{label}: ring {number} at position 0, {shown(hole[0])}: a hole without area, left out"
            )
            continue
        holes.append(np.stack([near(hole[:, 0], middle), hole[:, 1]], axis=1))
    return Polygon(outer, holes)


def _ring(row: Any, label: str, said: list[str]) -> Floats:
    if not isinstance(row, list) or len(row) < 3:
        got = len(row) if isinstance(row, list) else repr(row)
        raise GeometryRefusedError(f"{label} is too short: got {got} positions, want at least 4")
    if len(row) > MAX_POSITIONS:
        raise GeometryRefusedError(_too_many(label, len(row)))
    points = read_numbers(row, label)
    _refuse_far(points, label)
    if not (points[0] == points[-1]).all():
        last = len(points) - 1
        said.append(
            f"{label} is not closed: got {shown(points[last])} at position {last}, "
            f"want {shown(points[0])} as at 0: closed"
        )
        points = np.concatenate([points, points[:1]])
    if len(points) < 4:
        raise GeometryRefusedError(f"{label} is too short: got {len(points)} positions, want at least 4")
    return _over_the_seam(points, label, said)


def _over_the_seam(points: Floats, label: str, said: list[str]) -> Floats:
    lon = unwrapped(points[:, 0])
    beyond = np.nonzero((lon != points[:, 0]) | (np.abs(lon) > 180))[0]
    if not len(beyond):
        return points
    at = int(beyond[0])
    if lon[0] != lon[-1]:
        raise GeometryRefusedError(
            f"{label} goes around the world from position {at} on: got lon {shown(points[at])}, "
            "want a ring that comes back to where it began (none around a pole)"
        )
    middle = (float(lon.min()) + float(lon.max())) / 2
    lon = lon - 360.0 * np.rint(middle / 360.0)
    what = (
        "lies beyond lon 180: brought back"
        if np.abs(lon).max() <= 180
        else "crosses the antimeridian: cut there"
    )
    said.append(f"{label}, position {at}, {shown(points[at])}, {what}")
    return np.stack([lon, points[:, 1]], axis=1)


def _refuse_far(points: Floats, label: str) -> None:
    bad = ~(np.isfinite(points).all(axis=1) & (np.abs(points) <= [_FAR, 90.0]).all(axis=1))
    if not bad.any():
        return
    at = int(np.nonzero(bad)[0][0])
    swapped = bool((np.abs(points[:, ::-1]) <= [180.0, 90.0]).all())
    hint = "; lat and lon look swapped" if swapped else ""
    if float(np.abs(points[at]).max()) > _METRES:
        hint = "; these look like metres of a map projection, want degrees WGS84"
    raise GeometryRefusedError(
        f"{label}, position {at} is out of range: got {shown(points[at])}, "
        f"want lon -180..180 lat -90..90{hint}"
    )


def _too_many(label: str, got: int) -> str:
    return f"{label}: enormous: got {got} positions, want at most {MAX_POSITIONS}: simplify it"
