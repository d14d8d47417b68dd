"""Zones and gates from GeoJSON (RFC 7946) and back, and the refusal of broken geometry.

A file that loads is sound: rings are closed and simple, positions finite, lon before lat, inside the
world, and no ring spans the antimeridian. A refusal names the feature, the ring and the position. Nothing
is repaired in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry import mapping

from geofences.errors import GeometryRefusedError
from geofences.rings import read_polygons, read_positions, refuse_roadless
from geofences.zone import Gate, Office, Zone, ZoneKind

_KINDS = frozenset(ZoneKind)


def read_zones(text: str | bytes) -> tuple[Zone, ...]:
    """The zones of a FeatureCollection: its features whose ``kind`` is not "gate", in the file's order.

    Properties: ``id``, ``kind``, ``name``; optional ``gate``, ``side``, ``country``, ``grace_s``,
    ``min_dwell_s``, ``plausible``. Raises GeometryRefusedError for the first feature that is not sound.
    """
    return zones_of([(n, f) for n, f in enumerate(_features(text)) if _kind(f) != "gate"])


def zones_of(features: Sequence[tuple[int, Any]]) -> tuple[Zone, ...]:
    """The zones of features, each with the number that messages call it by; see `read_zones`."""
    labels = [_label(number, feature) for number, feature in features]
    if not features:
        return ()
    column = read_polygons(
        [_member(f, "geometry", x) for (_, f), x in zip(features, labels, strict=True)], labels
    )
    zones = tuple(
        _zone(_member(feature, "properties", label), polygon, label)
        for (_, feature), polygon, label in zip(features, column.tolist(), labels, strict=True)
    )
    small = [number for number, zone in enumerate(zones) if zone.kind is not ZoneKind.COUNTRY]
    refuse_roadless(column[small], [labels[number] for number in small])
    _refuse_doubles(zones, labels)
    return zones


def read_gates(text: str | bytes) -> tuple[Gate, ...]:
    """The gates of a FeatureCollection: its features whose ``kind`` is "gate"."""
    found = [(n, f) for n, f in enumerate(_features(text)) if _kind(f) == "gate"]
    return tuple(_gate(feature, _label(number, feature)) for number, feature in found)


def zone_properties(zone: Zone) -> dict[str, Any]:
    """All that a zone is but its geometry, as the properties of a GeoJSON feature."""
    return {
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


def zone_feature(zone: Zone) -> dict[str, Any]:
    """The zone as a GeoJSON feature that `read_zones` reads back to an equal one; ``version`` beside."""
    geometry, properties = mapping(zone.geometry), zone_properties(zone)
    return {"type": "Feature", "id": zone.id, "properties": properties, "geometry": geometry}


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
    if kind not in _KINDS:
        raise GeometryRefusedError(
            f"{label}: kind not known: got {kind!r}, want one of {', '.join(ZoneKind)}"
        )
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
    lines = [read_positions(row, f"{label}: line {number}", 2) for number, row in enumerate(rows)]
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
