"""TopoJSON countries decoded to polygons, simplified arc by arc so that neighbours still share borders.

Only what world-atlas uses of the format: quantised arcs, polygons and multipolygons. Countries are named
by ISO 3166-1; areas that the source keeps apart without a code go where that standard counts them, and
those that it does not list are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geofences.iso3166 import ALPHA2

Floats: TypeAlias = NDArray[np.float64]

_COUNTED_WITH = {
    "Baikonur": "KZ",
    "N. Cyprus": "CY",
    "Cyprus U.N. Buffer Zone": "CY",
    "Somaliland": "SO",
    "Kosovo": "XK",
    "USNB Guantanamo Bay": "CU",
    "Ashmore and Cartier Is.": "AU",
    "Coral Sea Is.": "AU",
}


_WORLD = shapely.box(-180, -90, 180, 90)


class Topology:
    """The arcs of a TopoJSON file and the rings made of them, by country."""

    def __init__(
        self, arcs: list[Floats], shapes: dict[str, list[list[list[int]]]], names: dict[str, str]
    ) -> None:
        self._arcs, self._shapes, self.names = arcs, shapes, names

    @classmethod
    def read(cls, path: Path) -> Topology:
        """Decode the object ``countries`` of a quantised TopoJSON file."""
        document = orjson.loads(path.read_bytes())
        scale, translate = (np.array(document["transform"][key]) for key in ("scale", "translate"))
        arcs = [np.round(np.cumsum(np.array(arc), axis=0) * scale + translate, 4) for arc in document["arcs"]]
        shapes: dict[str, list[list[list[int]]]] = {}
        names: dict[str, str] = {}
        for item in document["objects"]["countries"]["geometries"]:
            code = _code(item)
            if code is None:
                continue
            polygons = [item["arcs"]] if item["type"] == "Polygon" else item["arcs"]
            shapes.setdefault(code, []).extend(polygons)
            names.setdefault(code, item["properties"]["name"])
        return cls(
            arcs, shapes, names | {"AU": "Australia", "CY": "Cyprus", "KZ": "Kazakhstan", "SO": "Somalia"}
        )

    def countries(
        self, tolerance_deg: Callable[[str], float], within: BaseGeometry | None = None
    ) -> dict[str, BaseGeometry]:
        """Valid polygons by country, each arc simplified to the finest tolerance of those that share it."""
        fineness: dict[int, float] = {}
        for code, polygons in self._shapes.items():
            for arc in (_plain(a) for polygon in polygons for ring in polygon for a in ring):
                fineness[arc] = min(fineness.get(arc, 9.0), tolerance_deg(code))
        drawn = {arc: _simplified(self._arcs[arc], tolerance) for arc, tolerance in fineness.items()}
        out = {}
        for code, polygons in self._shapes.items():
            parts = [p for polygon in polygons if (p := _polygon(polygon, drawn)) is not None]
            area = shapely.union_all(parts)
            area = area if within is None else area.intersection(within)
            kept = [p for p in shapely.get_parts(area) if p.geom_type == "Polygon" and p.area > 0]
            if kept:
                out[code] = kept[0] if len(kept) == 1 else shapely.MultiPolygon(kept)
        return out


def _code(item: dict[str, Any]) -> str | None:
    name = item["properties"]["name"]
    return _COUNTED_WITH.get(name) or (ALPHA2[int(item["id"])] if item.get("id") else None)


def _plain(arc: int) -> int:
    return arc if arc >= 0 else ~arc


def _simplified(arc: Floats, tolerance: float) -> Floats:
    if len(arc) <= 2:
        return arc
    line = shapely.LineString(arc).simplify(tolerance, preserve_topology=True)
    return np.asarray(shapely.get_coordinates(line))


def _polygon(rings: list[list[int]], arcs: dict[int, Floats]) -> BaseGeometry | None:
    """The polygon inside the world, cut at the antimeridian where a ring runs over it."""
    closed = [_ring(ring, arcs) for ring in rings]
    if len(closed[0]) < 4:
        return None
    whole = shapely.make_valid(shapely.Polygon(closed[0], [ring for ring in closed[1:] if len(ring) >= 4]))
    west, _, east, _ = whole.bounds
    if west >= -180 and east <= 180:
        return whole
    turned = (
        shapely.transform(whole, lambda xy, by=by: xy + np.array([by, 0.0])) for by in (-360.0, 0.0, 360.0)
    )
    return shapely.union_all([part.intersection(_WORLD) for part in turned])


def _ring(ring: list[int], arcs: dict[int, Floats]) -> Floats:
    """One closed ring; longitudes go on past 180 where it crosses the antimeridian, a ring around a pole
    is closed over it."""
    lines = [arcs[a] if a >= 0 else arcs[~a][::-1] for a in ring]
    points = np.concatenate([lines[0], *(line[1:] for line in lines[1:])])
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    if abs(points[-1, 0] - points[0, 0]) > 180:
        pole = np.copysign(90.0, points[0, 1])
        over = [[points[-1, 0], pole], [points[0, 0], pole], points[0]]
        points = np.concatenate([points, over])
    return points
