"""KML 2.2 to drafts: every Placemark with a Polygon, alone or in MultiGeometry, inner rings included.

XML is read without anything that can reach out or grow: a document type, and with it every entity, is
refused before it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from geofences.errors import GeometryRefusedError
from geofences.imports.draft import Draft

_DEPTH: Final = 100
_COMMA: Final = re.compile(r"\s*,\s*")


def drafts_of(text: bytes) -> tuple[list[Draft], list[tuple[int, str]]]:
    """The placemarks of a KML text that have an area, and a word on each that has none.

    Raises GeometryRefusedError when it is no KML.
    """
    if text[:2] == b"PK":
        raise GeometryRefusedError("got a KMZ archive, want the KML file that is in it: unpack it")
    root = _tree(text)
    if root.tag not in ("kml", "Document", "Folder", "Placemark"):
        raise GeometryRefusedError(f"not KML: got the element {root.tag!r}, want kml")
    drafts: list[Draft] = []
    left_out: list[tuple[int, str]] = []
    for number, placemark in enumerate(root.iter("Placemark")):
        properties = _properties(placemark)
        name = properties.get("name")
        label = f"placemark {number} ({name})" if name else f"placemark {number}"
        polygons = [_rings(polygon) for polygon in placemark.iter("Polygon")]
        if not polygons:
            left_out.append((number, f"{label}: has no area, left out: want a Polygon"))
            continue
        shape = {"type": "MultiPolygon", "coordinates": polygons}
        if len(polygons) == 1:
            shape = {"type": "Polygon", "coordinates": polygons[0]}
        drafts.append(Draft(number, label, shape, properties.get("id") or placemark.get("id"), properties))
    return drafts, left_out


def _tree(text: bytes) -> Element:
    """The elements by local name."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise GeometryRefusedError(f"not KML: got elements nested deeper than {_DEPTH}")
        builder.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(":")[2])

    def refuse(name: str, *_: Any) -> None:
        raise GeometryRefusedError(f"a document type is refused: got <!DOCTYPE {name}>, want plain KML")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise GeometryRefusedError(f"not XML: {error}") from None
    return builder.close()


def _properties(placemark: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for data in placemark.iter("Data"):
        found[data.get("name", "")] = _text(data.find("value"))
    for data in placemark.iter("SimpleData"):
        found[data.get("name", "")] = _text(data)
    name = _text(placemark.find("name"))
    return {**found, "name": name} if name else found


def _rings(polygon: Element) -> list[list[Any]]:
    outer = [_positions(_text(c)) for c in _coordinates(polygon, "outerBoundaryIs")]
    inner = [_positions(_text(c)) for c in _coordinates(polygon, "innerBoundaryIs")]
    return [outer[0] if outer else [], *inner]


def _coordinates(polygon: Element, boundary: str) -> Iterator[Element]:
    for edge in polygon.iter(boundary):
        yield from edge.iter("coordinates")


def _positions(text: str) -> list[Any]:
    """Tuples lon,lat[,alt]; what is no number stays as it is, for the message that names its place."""
    return [_position(word) for word in _COMMA.sub(",", text).split()]


def _position(word: str) -> Any:
    try:
        return [float(x) for x in word.split(",")[:2]]
    except ValueError:
        return word


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""
