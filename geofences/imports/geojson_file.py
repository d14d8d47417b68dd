"""GeoJSON (RFC 7946) to drafts: a FeatureCollection, one Feature, or a bare geometry.

A Point with the property ``radius_m`` is a circle, a LineString with ``width_m`` the surroundings of a route.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import orjson

from geofences.errors import GeometryRefusedError
from geofences.imports.circles import MAX_RADIUS_M, circles
from geofences.imports.draft import Draft
from geofences.rings import read_positions
from geofences.route_zone import MAX_WIDTH_M, route_zone

_SHAPES: Final = frozenset(
    ("Polygon", "MultiPolygon", "GeometryCollection", "Point", "MultiPoint", "LineString", "MultiLineString")
)
_DEGREES: Final = ("crs84", "4326")


def drafts_of(text: bytes) -> list[Draft]:
    """The features of a GeoJSON text. Raises GeometryRefusedError when it is none."""
    try:
        document = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise GeometryRefusedError(f"not JSON: {error}") from None
    return drafts_of_document(document)


def drafts_of_document(document: Any) -> list[Draft]:
    """As `drafts_of`, of JSON values."""
    kind = document.get("type") if isinstance(document, dict) else type(document).__name__
    if kind in _SHAPES:
        return [_draft(0, {"type": "Feature", "geometry": document})]
    if kind == "Feature":
        return [_draft(0, document)]
    if kind != "FeatureCollection":
        raise GeometryRefusedError(
            f"not GeoJSON: got {kind!r}, want a FeatureCollection, a Feature, a Polygon or a MultiPolygon"
        )
    features = document.get("features")
    if not isinstance(features, list):
        raise GeometryRefusedError(f"features missing: got {features!r}, want a list")
    _refuse_other_datum(document.get("crs"))
    return [_draft(number, feature) for number, feature in enumerate(features)]


def _draft(number: int, feature: Any) -> Draft:
    if not isinstance(feature, dict):
        return Draft(number, f"feature {number}", {"type": None})
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    own = properties.get("id", feature.get("id"))
    id_ = str(own) if isinstance(own, str | int) and not isinstance(own, bool) and str(own) else None
    name = id_ or properties.get("name")
    label = f"feature {number} ({name})" if isinstance(name, str) and name else f"feature {number}"
    held = feature.get("geometry")
    geometry = held if isinstance(held, dict) else {"type": None}
    return Draft(number, label, geometry, id_, properties)


def drawn(draft: Draft) -> None:
    """Make a polygon of a circle or a route. Raises GeometryRefusedError."""
    shape, properties = draft.geometry, draft.properties
    if not isinstance(shape, dict):
        return
    try:
        if shape.get("type") == "Point" and "radius_m" in properties:
            radius = _metres(properties["radius_m"], "radius_m", MAX_RADIUS_M)
            at = read_positions([shape.get("coordinates")], "centre", 1)
            draft.geometry = circles(at[:, 0], at[:, 1], np.array([radius]))[0]
        elif shape.get("type") == "LineString" and "width_m" in properties:
            width = _metres(properties["width_m"], "width_m", MAX_WIDTH_M)
            line = read_positions(shape.get("coordinates"), "route", 2)
            draft.geometry = route_zone(line[:, 0], line[:, 1], width)
    except GeometryRefusedError as error:
        raise GeometryRefusedError(f"{draft.label}: {error}") from None


def _metres(value: Any, name: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise GeometryRefusedError(f"{name}: got {value!r}, want above 0 and at most {most:.0f}")
    return float(value)


def _refuse_other_datum(crs: Any) -> None:
    """GeoJSON of before 2016 may name another system of coordinates."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(name, str) and not name.lower().endswith(_DEGREES):
        raise GeometryRefusedError(f"coordinates of another system: got {name!r}, want degrees WGS84 (CRS84)")
