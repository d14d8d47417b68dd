"""Makes the shipped geography from its public sources; run by hand when a source or the plan changes.

    python -m geofences.data.build_data --osm DIR --natural-earth DIR --route FILE.csv

``--osm`` holds ``countries-11.geojson`` and ``window-*.geojson`` (npm @geo-maps/countries-maritime-10m,
ODbL); ``--natural-earth`` holds ``world-atlas-countries-10m.topojson``
(npm world-atlas, public domain). Inside the windows around border crossings each of eleven countries has
OpenStreetMap's outline at full precision, outside Natural Earth's; the two are joined at the window's
edge. Overlaps and gaps between neighbours are those of the source.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
import shapely
from shapely.geometry import box, mapping, shape
from shapely.geometry.base import BaseGeometry

from geofences.data.gate_plan import PLANS, TOWNS, Plan, Side
from geofences.data.topology import Topology
from geofences.geodesy import A_M, E2, RAD

Named: TypeAlias = dict[str, BaseGeometry]

DATA = Path(__file__).parent
A3 = {"CHN": "CN", "LAO": "LA", "RUS": "RU", "MNG": "MN", "KAZ": "KZ", "VNM": "VN"}
A3 |= {"MMR": "MM", "THA": "TH", "KGZ": "KG", "PRK": "KP", "KHM": "KH"}
REGION = box(60, -2, 150, 62)
GRID = 1e-6
ROADLESS = "AQ"  # Antarctica surrounds the pole, which no polygon in degrees does
LINE_GAP_M = 110.0


def main() -> None:
    """Write all files of the data folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--osm", "--natural-earth", "--route"):
        parser.add_argument(name, type=Path, required=True)
    args = parser.parse_args()
    osm = {f["properties"]["A3"]: f for f in _features(args.osm / "countries-11.geojson")}
    outlines = {A3[a3]: shapely.make_valid(shape(f["geometry"])) for a3, f in osm.items()}
    windows = [_window(path) for path in sorted(args.osm.glob("window-*.geojson"))]
    topology = Topology.read(args.natural_earth / "world-atlas-countries-10m.topojson")

    fine = topology.countries(lambda code: 0.0015 if code in outlines else 0.03)
    countries = _joined(fine, outlines, windows)
    _write("osm/countries.geojson", [_country(c, topology.names[c], countries[c], 6) for c in outlines])
    rest = [
        _country(c, topology.names[c], countries[c], 4)
        for c in sorted(fine)
        if c not in (*outlines, ROADLESS)
    ]
    _write("natural-earth/countries.geojson", rest)

    gates = [feature for plan in PLANS for feature in _gate(plan, countries)]
    _write("osm/gates.geojson", gates)
    _write("osm/places.geojson", _places(args.route))

    near = [
        box(*(w.centroid.x - 0.3, w.centroid.y - 0.3, w.centroid.x + 0.3, w.centroid.y + 0.3))
        for w in windows
    ]
    coarse = topology.countries(lambda code: 0.02, REGION)
    shown = _joined(coarse, outlines, near)
    _write("osm/basemap.geojson", [_country(c, topology.names[c], shown[c], 5) for c in sorted(shown)])


def _joined(base: Named, outlines: Named, windows: list[BaseGeometry]) -> Named:
    """The base outside the windows, the precise outlines inside."""
    holes = shapely.union_all(windows)
    out = {}
    for code, outline in base.items():
        if not shapely.intersects(outline, holes):
            out[code] = outline
            continue
        joined = shapely.difference(outline, holes, grid_size=GRID)
        if code in outlines:
            inner = shapely.intersection(outlines[code], holes, grid_size=GRID)
            joined = shapely.union(joined, inner, grid_size=GRID)
        out[code] = _areas(joined)
    return out


def _gate(plan: Plan, countries: Named) -> list[dict[str, Any]]:
    """The gate and its four zones. Its line is the border of country ``a``; where the source leaves a gap
    between the neighbours, the ports keep their distance from both borders."""
    line = shapely.boundary(countries[plan.a.country])
    at = _crossing(plan, line)
    plane = _Plane(at.x, at.y)
    disc = plane.back(shapely.Point(0, 0).buffer(plan.approach_m, quad_segs=16))
    near = shapely.intersection(line, plane.back(shapely.Point(0, 0).buffer(plan.approach_m + 2_000)))
    borders_m = plane.to(
        near.union(shapely.boundary(countries[plan.b.country]).intersection(near.buffer(0.02)))
    )
    features = []
    sides = {}
    for side, other in ((plan.a, plan.b), (plan.b, plan.a)):
        own, foreign = countries[side.country], countries[other.country]
        strip = _strip(plan, side, plane, plane.to(own)).difference(borders_m.buffer(LINE_GAP_M))
        port = _largest(plane.back(strip).intersection(own).difference(foreign))
        approach = _largest(disc.intersection(own))
        zones = {"port": port, "approach": approach}
        ids = {kind: f"{plan.id}-{side.country.lower()}-{kind}" for kind in zones}
        sides[side.country] = {
            "country": side.country,
            "ports": [ids["port"]],
            "approaches": [ids["approach"]],
        }
        for kind, area in zones.items():
            properties: dict[str, Any] = {"id": ids[kind], "kind": kind, "name": f"{side.name} {kind}"}
            properties |= {"gate": plan.id, "side": side.country, "country": side.country}
            properties |= {"plausible": True, "grace_s": 120, "min_dwell_s": 10}
            features.append(_feature(properties, area, 6))
    offices = [
        {"country": side.country, "scheme": "UN/LOCODE", "code": code, "note": note}
        for side in (plan.a, plan.b)
        for code, note in side.offices
    ]
    gate: dict[str, Any] = {"id": plan.id, "kind": "gate", "name": plan.name}
    gate |= {"a": sides[plan.a.country], "b": sides[plan.b.country]}
    gate |= {"lon": round(at.x, 7), "lat": round(at.y, 7), "plausible": True, "offices": offices}
    return [_feature(gate, shapely.line_merge(near), 6), *features]


def _crossing(plan: Plan, line: BaseGeometry) -> shapely.Point:
    """Where the road passes the line: nearest to the plan's middle, else on the way from town to town."""
    if plan.middle is not None:
        return line.interpolate(line.project(shapely.Point(plan.middle)))
    met = shapely.LineString([plan.a.town, plan.b.town]).intersection(line)
    return min(shapely.get_parts(met), key=lambda p: p.distance(shapely.Point(plan.a.town)))


def _strip(plan: Plan, side: Side, plane: _Plane, own_m: BaseGeometry) -> BaseGeometry:
    """The port's strip along the way from the crossing into ``own_m``, in metres: straight to the town, or
    square to the border when the plan names a bridge."""
    if plan.middle is None:
        way = np.array(plane.to(shapely.Point(side.town)).coords[0])
    else:
        along = shapely.get_coordinates(own_m.boundary.intersection(shapely.Point(0, 0).buffer(600)))
        step = along[along[:, 0].argmax()] - along[along[:, 0].argmin()]
        way = np.array([-step[1], step[0]])
    way /= np.hypot(*way)
    if not own_m.contains(shapely.Point(way * side.to_m)):
        way = -way
    strip = shapely.LineString([way * side.from_m, way * side.to_m])
    return strip.buffer(plan.half_width_m, cap_style="flat")


class _Plane:
    """Metres east and north of a place; good for some ten kilometres."""

    def __init__(self, lon: float, lat: float) -> None:
        w = 1 - E2 * np.sin(lat * RAD) ** 2
        self.origin = np.array([lon, lat])
        self.scale = np.array([A_M / w**0.5 * np.cos(lat * RAD), A_M * (1 - E2) / w**1.5]) * RAD

    def to(self, geometry: BaseGeometry) -> Any:
        return shapely.transform(geometry, lambda xy: (xy - self.origin) * self.scale)

    def back(self, geometry: BaseGeometry) -> Any:
        return shapely.transform(geometry, lambda xy: xy / self.scale + self.origin)


def _places(route: Path) -> list[dict[str, Any]]:
    with route.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    out = [
        _feature(
            {"name": row["name"], "country": row["cc"], "route": "kunming-vientiane", "seq": int(row["seq"])},
            shapely.Point(float(row["lon"]), float(row["lat"])),
            7,
        )
        for row in rows
    ]
    return out + [_feature({"name": n, "country": c}, shapely.Point(x, y), 7) for n, c, x, y in TOWNS]


def _window(path: Path) -> BaseGeometry:
    return box(*(round(x, 6) for x in orjson.loads(path.read_bytes())["bbox"]))


def _features(path: Path) -> list[Any]:
    return list(orjson.loads(path.read_bytes())["features"])


def _areas(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a result, without slivers of less than some 100 square metres."""
    parts = shapely.get_parts(geometry)
    keep = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 1e-8)
    return shapely.multipolygons(parts[keep]) if keep.sum() > 1 else parts[keep][0]


def _largest(geometry: BaseGeometry) -> BaseGeometry:
    return max(shapely.get_parts(geometry), key=lambda part: part.area)


def _country(code: str, name: str, geometry: BaseGeometry, digits: int) -> dict[str, Any]:
    return _feature(
        {"id": f"country-{code.lower()}", "kind": "country", "name": name, "country": code}, geometry, digits
    )


def _feature(properties: dict[str, Any], geometry: BaseGeometry, digits: int) -> dict[str, Any]:
    rounded = shapely.set_precision(geometry, 10.0**-digits)
    if not rounded.is_valid or rounded.is_empty:
        raise SystemExit(f"{properties.get('id')}: broken by rounding to {digits} digits")
    shown = shapely.transform(rounded, lambda xy: np.round(xy, digits))
    return {"type": "Feature", "properties": properties, "geometry": mapping(shown)}


def _write(name: str, features: list[dict[str, Any]]) -> None:
    head = b'{"type":"FeatureCollection","features":[\n'
    body = b",\n".join(orjson.dumps(feature) for feature in features)
    (DATA / name).write_bytes(head + body + b"\n]}\n")
    print(f"{name}: {len(features)} features, {(DATA / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
