"""Zones and gates from GeoJSON (RFC 7946) and back, and the refusal of broken geometry.

A file that loads is sound: rings are closed and simple, positions finite, lon before lat, inside the
world, and no ring spans the antimeridian. A refusal names the feature, the ring and the position. Nothing
is repaired in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping

from geofences.errors import GeometryRefusedError
from geofences.zone import Gate, Office, Zone, ZoneKind

Floats: TypeAlias = NDArray[np.float64]

_ROADS_NORTH, _ROADS_SOUTH = 79.0, -78.0  # no road leads farther; a zone there has lon and lat swapped


def read_zones(text: str | bytes) -> tuple[Zone, ...]:
    """The zones of a FeatureCollection: its features whose ``kind`` is not "gate", in the file's order.

    Properties: ``id``, ``kind``, ``name``; optional ``gate``, ``side``, ``country``, ``grace_s``,
    ``min_dwell_s``, ``plausible``. Raises GeometryRefusedError for the first feature that is not sound.
    """
    features = [(n, f) for n, f in enumerate(_features(text)) if _kind(f) != "gate"]
    labels = [_label(number, feature) for number, feature in features]
    polygons = [
        _polygon(_member(f, "geometry", label), label) for (_, f), label in zip(features, labels, strict=True)
    ]
    _refuse_crossing_rings(polygons, labels)
    zones = tuple(
        _zone(_member(feature, "properties", label), polygon, label)
        for (_, feature), polygon, label in zip(features, polygons, labels, strict=True)
    )
    _refuse_doubles(zones, labels)
    return zones


def read_gates(text: str | bytes) -> tuple[Gate, ...]:
    """The gates of a FeatureCollection: its features whose ``kind`` is "gate"."""
    found = [(n, f) for n, f in enumerate(_features(text)) if _kind(f) == "gate"]
    return tuple(_gate(feature, _label(number, feature)) for number, feature in found)


def zone_feature(zone: Zone) -> dict[str, Any]:
    """The zone as a GeoJSON feature that `read_zones` reads back to an equal one; ``version`` beside."""
    properties = {
        "id": zone.id,
        "kind": zone.kind.value,
        "name": zone.name,
        "gate": zone.gate,
        "side": zone.side,
        "country": zone.country,
        "grace_s": zone.grace_s,
        "min_dwell_s": zone.min_dwell_s,
        "plausible": zone.plausible,
        "version": zone.version,
    }
    return {"type": "Feature", "id": zone.id, "properties": properties, "geometry": mapping(zone.geometry)}


def _features(text: str | bytes) -> list[Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise GeometryRefusedError(f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        got = document.get("type") if isinstance(document, dict) else type(document).__name__
        raise GeometryRefusedError(f"not a zone file: got {got!r}, want a FeatureCollection")
    features = document.get("features")
    if not isinstance(features, list):
        raise GeometryRefusedError("features missing: want a list")
    return features


def _kind(feature: Any) -> Any:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    return properties.get("kind") if isinstance(properties, dict) else None


def _label(number: int, feature: Any) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    name = properties.get("id") if isinstance(properties, dict) else None
    return f"feature {number}" if name is None else f"feature {number} ({name})"


def _member(feature: Any, name: str, label: str) -> dict[str, Any]:
    value = feature.get(name) if isinstance(feature, dict) else None
    if not isinstance(value, dict):
        raise GeometryRefusedError(f"{label}: {name} missing: got {value!r}, want an object")
    return value


def _zone(properties: Mapping[str, Any], polygon: Polygon | MultiPolygon, label: str) -> Zone:
    kind = properties.get("kind")
    if kind not in set(ZoneKind):
        raise GeometryRefusedError(
            f"{label}: kind not known: got {kind!r}, want one of {', '.join(ZoneKind)}"
        )
    if kind != ZoneKind.COUNTRY:
        _refuse_roadless(polygon, label)
    return Zone(
        id=_text(properties, "id", label),
        kind=ZoneKind(kind),
        name=_text(properties, "name", label),
        geometry=polygon,
        gate=_text_or_none(properties, "gate", label),
        side=_text_or_none(properties, "side", label),
        country=_text_or_none(properties, "country", label),
        grace_s=_seconds(properties, "grace_s", label),
        min_dwell_s=_seconds(properties, "min_dwell_s", label),
        plausible=properties.get("plausible") is True,
    )


def _gate(feature: Any, label: str) -> Gate:
    properties, geometry = _member(feature, "properties", label), _member(feature, "geometry", label)
    if geometry.get("type") not in ("LineString", "MultiLineString"):
        raise GeometryRefusedError(
            f"{label}: a gate is a line: got {geometry.get('type')!r}, want LineString"
        )
    rows = geometry["coordinates"] if geometry["type"] == "MultiLineString" else [geometry["coordinates"]]
    lines = [_positions(row, f"{label}: line {number}", 2) for number, row in enumerate(rows)]
    line = shapely.multilinestrings([shapely.LineString(points) for points in lines])
    try:
        a, b = properties["a"], properties["b"]
        return Gate(
            id=properties["id"],
            name=properties["name"],
            a_country=a["country"],
            b_country=b["country"],
            a_ports=tuple(a["ports"]),
            b_ports=tuple(b["ports"]),
            a_approaches=tuple(a["approaches"]),
            b_approaches=tuple(b["approaches"]),
            line=line,
            lon=float(properties["lon"]),
            lat=float(properties["lat"]),
            offices=tuple(Office(**office) for office in properties.get("offices", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise GeometryRefusedError(f"{label}: a gate's properties are not complete: {error!r}") from None


def _polygon(geometry: Mapping[str, Any], label: str) -> Polygon | MultiPolygon:
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
    points = _positions(row, label, 4)
    if not (points[0] == points[-1]).all():
        last = len(points) - 1
        raise GeometryRefusedError(
            f"{label} is not closed: got {_shown(points[last])} at position {last}, want {_shown(points[0])} as at 0"
        )
    west, east = float(points[:, 0].min()), float(points[:, 0].max())
    jump = int(np.abs(np.diff(points[:, 0])).argmax())
    if abs(float(points[jump + 1, 0] - points[jump, 0])) > 180:
        raise GeometryRefusedError(
            f"{label} jumps from lon {west} to {east} at position {jump + 1}: split it at the antimeridian"
        )
    return points


def _positions(row: Any, label: str, least: int) -> Floats:
    """Positions as (n, 2) numbers; an altitude is dropped."""
    if not isinstance(row, list) or len(row) < least:
        got = len(row) if isinstance(row, list) else repr(row)
        raise GeometryRefusedError(f"{label} is too short: got {got} positions, want at least {least}")
    try:
        points = np.array(row, dtype=np.float64)
    except (ValueError, TypeError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        _refuse_position(row, label)
    points = np.ascontiguousarray(points[:, :2])
    bad = ~(np.isfinite(points).all(axis=1) & (np.abs(points) <= [180.0, 90.0]).all(axis=1))
    if bad.any():
        at = int(np.nonzero(bad)[0][0])
        swapped = bool((np.abs(points[:, ::-1]) <= [180.0, 90.0]).all())
        hint = "; lat and lon look swapped" if swapped else ""
        raise GeometryRefusedError(
            f"{label}, position {at} is out of range: got {_shown(points[at])}, want lon -180..180 lat -90..90{hint}"
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


def _refuse_roadless(polygon: Polygon | MultiPolygon, label: str) -> None:
    _, south, _, north = polygon.bounds
    if north > _ROADS_NORTH or south < _ROADS_SOUTH:
        raise GeometryRefusedError(
            f"{label}: lies at latitude {south} to {north}, where no road leads: are lon and lat swapped?"
        )


def _refuse_crossing_rings(polygons: Sequence[Polygon | MultiPolygon], labels: Sequence[str]) -> None:
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


def _refuse_doubles(zones: Sequence[Zone], labels: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for zone, label in zip(zones, labels, strict=True):
        if zone.id in seen:
            raise GeometryRefusedError(f"{label}: id {zone.id!r} is used twice, first by {seen[zone.id]}")
        seen[zone.id] = label


def _text(properties: Mapping[str, Any], name: str, label: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise GeometryRefusedError(f"{label}: {name} missing: got {value!r}, want text")
    return value


def _text_or_none(properties: Mapping[str, Any], name: str, label: str) -> str | None:
    return None if properties.get(name) is None else _text(properties, name, label)


def _seconds(properties: Mapping[str, Any], name: str, label: str) -> int:
    value = properties.get(name, 0)
    if type(value) is not int or value < 0:
        raise GeometryRefusedError(f"{label}: {name}: got {value!r}, want whole seconds, at least 0")
    return value


def _shown(point: Floats) -> str:
    return f"{float(point[0])} {float(point[1])}"
