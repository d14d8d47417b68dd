"""Files of zones: what comes in, what is mended, what is refused, and that each message says where."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences import geodesy
from geofences.geojson import read_zones, zone_feature
from geofences.imports import Finding, Form, Options, Severity, read_document, read_zone_file
from geofences.zone import Zone, ZoneKind

SQUARE = [[101.0, 21.0], [101.1, 21.0], [101.1, 21.1], [101.0, 21.1], [101.0, 21.0]]
HOLE = [[101.02, 21.02], [101.04, 21.02], [101.04, 21.04], [101.02, 21.02]]
BOWTIE = [[101.0, 21.0], [101.1, 21.1], [101.1, 21.0], [101.0, 21.1], [101.0, 21.0]]
SWAPPED = [[y, x] for x, y in SQUARE]


def collection(*rings: Any, shape: str = "Polygon") -> bytes:
    features = [
        {"type": "Feature", "properties": {"id": f"z{n}"}, "geometry": {"type": shape, "coordinates": c}}
        for n, c in enumerate(rings)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def read(
    content: bytes | str, name: str = "yards.geojson", **options: Any
) -> tuple[list[Zone], list[Finding]]:
    raw = content.encode() if isinstance(content, str) else content
    zones, findings = read_zone_file(name, raw, Options(**options))
    return list(zones), list(findings)


def only(content: bytes | str, severity: Severity, name: str = "yards.geojson") -> str:
    """The message of the one finding, which must be of ``severity``."""
    zones, findings = read(content, name)
    assert [f.severity for f in findings] == [severity], [str(f) for f in findings]
    assert all(shapely.is_valid(zone.geometry) for zone in zones)
    return findings[0].message


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "Feature", "properties": None, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [SQUARE]}]},
        {
            "type": "MultiPolygon",
            "coordinates": [[[[int(x), int(y)] for x, y in [[1, 2], [3, 2], [3, 4], [1, 2]]]]],
        },
    ],
)
def test_a_feature_and_a_bare_geometry_are_read(document: Any) -> None:
    (zone,), findings = read(orjson.dumps(document), kind=ZoneKind.YARD, grace_s=60, min_dwell_s=5)
    assert findings == []
    assert (zone.id, zone.kind, zone.grace_s, zone.min_dwell_s) == ("yards-1", ZoneKind.YARD, 60, 5)


def test_an_export_comes_back_equal() -> None:
    zone = Zone("p", ZoneKind.PORT, "P", shapely.box(1, 1, 2, 2), "g", "LA", "LA", 60, 5, plausible=True)
    text = orjson.dumps({"type": "FeatureCollection", "features": [zone_feature(zone)]})
    assert read(text) == ([zone], [])


def test_the_name_comes_from_the_property_that_is_asked_for() -> None:
    properties = {"id": "a", "name": "wrong", "站名": "磨憨"}
    document = {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    assert read(orjson.dumps(document), name="x.geojson")[0][0].name == "wrong"
    (zone,), _ = read_zone_file("x.geojson", orjson.dumps(document), Options(name="站名", prefix="own-"))
    assert (zone.name, zone.id) == ("磨憨", "own-a")


MENDED = [
    (
        [SQUARE[:-1]],
        "ring 0 is not closed: got 101.0 21.1 at position 3, want 101.0 21.0 as at 0: closed",
        0.01,
    ),
    ([BOWTIE], "ring 0 after position 0: self-intersection at 101.0500000 21.0500000: taken apart", 0.005),
    ([SQUARE, [[101.02, 21.02]] * 4], "ring 1 at position 0, 101.02 21.02: a hole without area", 0.01),
    (
        [[[179.0, 10.0], [-179.0, 10.0], [-179.0, 11.0], [179.0, 11.0], [179.0, 10.0]]],
        "ring 0, position 1, -179.0 10.0, crosses the antimeridian: cut there",
        2.0,
    ),
    (
        [[[185.0, 10.0], [186.0, 10.0], [186.0, 11.0], [185.0, 11.0], [185.0, 10.0]]],
        "ring 0, position 0, 185.0 10.0, lies beyond lon 180: brought back",
        1.0,
    ),
]


@pytest.mark.parametrize(("coordinates", "message", "area"), MENDED)
def test_what_is_plain_to_mend_is_mended_and_said(coordinates: Any, message: str, area: float) -> None:
    said = only(collection(coordinates), Severity.REPAIRED)
    assert said.startswith("feature 0 (z0)")
    assert message in said
    (zone,), _ = read(collection(coordinates))
    assert zone.geometry.area == pytest.approx(area)
    west, _, east, _ = zone.geometry.bounds
    assert -180 <= west <= east <= 180


REFUSED = [
    ([[]], "ring 0 is too short: got 0 positions, want at least 4"),
    ([], "empty geometry: got []"),
    ([[[101.0, 21.0], [102.0, "x"], [102.0, 22.0], [101.0, 21.0]]], "ring 0, position 1 is no position"),
    ([[[101.0, 21.0], [102.0, 21.0], [103.0, 21.0], [101.0, 21.0]]], "encloses nothing"),
    (
        [[[101.0, 21.0], [191.0, 91.0], [103.0, 21.0], [101.0, 21.0]]],
        "position 1 is out of range: got 191.0 91.0",
    ),
    (
        [[[500000.0, 2300000.0], [500001.0, 2300000.0], [500001.0, 2300001.0], [500000.0, 2300000.0]]],
        "position 0 is out of range: got 500000.0 2300000.0, want lon -180..180 lat -90..90; "
        "these look like metres",
    ),
    ([[[0.0, 70.0], [120.0, 70.0], [-120.0, 70.0], [0.0, 70.0]]], "goes around the world from position 2 on"),
    ([[[0.0, -60.0], [170.0, -60.0], [170.0, 60.0], [0.0, 60.0], [0.0, -60.0]]], "enormous: got 208,5"),
    (
        [SQUARE, [[102.0, 21.0], [102.1, 21.0], [102.1, 21.1], [102.0, 21.0]]],
        "ring 1 after position 0: hole lies",
    ),
    ([[[101.0, 80.0], [101.1, 80.0], [101.1, 80.1], [101.0, 80.0]]], "position 0 lies where no road leads"),
]


@pytest.mark.parametrize(("coordinates", "message"), REFUSED)
def test_what_can_not_be_mended_is_refused_with_its_place(coordinates: Any, message: str) -> None:
    zones, (finding,) = read(collection(coordinates))
    assert (zones, finding.severity, finding.feature, finding.file) == (
        [],
        Severity.ERROR,
        0,
        "yards.geojson",
    )
    assert message in finding.message


def test_too_many_positions_are_refused() -> None:
    turn = np.linspace(0, 2 * np.pi, 1_000_002)
    ring = np.stack([101 + np.cos(turn), 21 + np.sin(turn)], axis=1).tolist()
    ring[-1] = ring[0]
    said = only(collection([ring]), Severity.ERROR)
    assert "enormous: got 1000002 positions, want at most 1000000" in said


def test_one_broken_feature_leaves_the_others() -> None:
    far = [[x + 1, y] for x, y in SQUARE]
    zones, findings = read(collection([SQUARE], [[]], [far], [BOWTIE]))
    assert [zone.id for zone in zones] == ["z0", "z2", "z3"]
    assert [(f.feature, f.severity) for f in findings] == [(1, Severity.ERROR), (3, Severity.REPAIRED)]


def test_latitude_first_throughout_is_swapped_and_said_once() -> None:
    plain = [[20.0, 10.0], [20.1, 10.0], [20.1, 10.1], [20.0, 10.0]]
    (finding,) = read(collection([SWAPPED], [[[y, x] for x, y in plain]]))[1]
    assert (finding.severity, finding.feature) == (Severity.REPAIRED, None)
    assert "latitude stands before longitude: feature 0 (z0) fits only swapped" in finding.message
    zones, _ = read(collection([SWAPPED], [[[y, x] for x, y in plain]]))
    assert [zone.geometry.bounds[:2] for zone in zones] == [(101.0, 21.0), (20.0, 10.0)]


def test_latitude_first_in_some_features_only_is_refused() -> None:
    zones, (finding,) = read(collection([SQUARE], [SWAPPED]))
    assert [zone.id for zone in zones] == ["z0"]
    assert "feature 1 (z1): ring 0, position 0 is out of range: got 21.0 101.0" in finding.message
    assert "lat and lon look swapped" in finding.message


def test_an_id_that_comes_twice_is_refused() -> None:
    text = collection([SQUARE], [SQUARE]).replace(b'"z1"', b'"z0"')
    assert "feature 1 (z0): id 'z0' is used twice, first by feature 0 (z0)" in only(text, Severity.ERROR)


def test_a_zone_smaller_than_a_truck_is_warned_of() -> None:
    ring = [[101.0, 21.0], [101.00001, 21.0], [101.00001, 21.00001], [101.0, 21.0]]
    assert "got 0.6 m2" in only(collection([ring]), Severity.WARNING)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "not GeoJSON: got 'list'"),
        (b'{"type":"Topology"}', "not GeoJSON: got 'Topology'"),
        (b'{"type":"FeatureCollection"}', "features missing: got None"),
        (
            b'{"type":"FeatureCollection","features":[],"crs":{"properties":{"name":"urn:ogc:def:crs:EPSG::3857"}}}',
            "coordinates of another system: got 'urn:ogc:def:crs:EPSG::3857'",
        ),
    ],
)
def test_what_is_no_geojson_is_one_error(text: bytes, message: str) -> None:
    zones, (finding,) = read(text)
    assert (zones, finding.severity, finding.feature) == ([], Severity.ERROR, None)
    assert message in finding.message


def test_an_empty_collection_is_warned_of() -> None:
    assert "no zones in it" in only(b'{"type":"FeatureCollection","features":[]}', Severity.WARNING)


def test_circles_and_routes_are_drawn() -> None:
    def one(shape: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
        return {
            "type": "Feature",
            "properties": properties,
            "geometry": {"type": shape, "coordinates": coordinates},
        }

    features = [
        one("Point", [101, 21], id="c", radius_m=500),
        one("LineString", [[101, 21], [101.1, 21]], id="r", width_m=100),
        one("LineString", [[101, 21], [101.1, 21]], id="bad", width_m="wide"),
        one("Point", [101, 21], id="bare"),
    ]
    zones, findings = read_document({"type": "FeatureCollection", "features": features}, "body")
    assert [zone.id for zone in zones] == ["c", "r"]
    assert [f.message for f in findings] == [
        "feature 2 (bad): width_m: got 'wide', want above 0 and at most 50000",
        "feature 3 (bare): a zone is an area: got 'Point', want Polygon or MultiPolygon",
    ]


KML = """<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>
<Placemark id="yard 1"><name>Yard</name>
<ExtendedData><Data name="grace_s"><value>60</value></Data></ExtendedData><MultiGeometry>
<Polygon><outerBoundaryIs><LinearRing><coordinates>
101,21,0 101.1, 21,0 101.1,21.1 101,21.1 101,21</coordinates></LinearRing></outerBoundaryIs>
<innerBoundaryIs><LinearRing><coordinates>101.02,21.02 101.04,21.02 101.04,21.04 101.02,21.02
</coordinates></LinearRing></innerBoundaryIs></Polygon>
<Polygon><outerBoundaryIs><LinearRing><coordinates>102,21 102.1,21 102.1,21.1 102,21
</coordinates></LinearRing></outerBoundaryIs></Polygon></MultiGeometry></Placemark>
<Placemark><name>Pin</name><Point><coordinates>101,21</coordinates></Point></Placemark>
</Folder></Document></kml>"""


def test_kml_is_read_with_inner_rings_and_data() -> None:
    (zone,), findings = read(KML, "yards.kml")
    assert (zone.id, zone.name, zone.grace_s) == ("yard-1", "Yard", 60)
    assert zone.geometry.area == pytest.approx(0.01 - 0.0002 + 0.005)
    assert [(f.severity, f.message.split(":")[0]) for f in findings] == [
        (Severity.REPAIRED, "placemark 0 (Yard)"),
        (Severity.WARNING, "placemark 1 (Pin)"),
    ]


def test_a_number_that_is_none_in_kml_is_named_by_its_place() -> None:
    said = read(KML.replace("102.1,21 ", "102.1,x "), "yards.kml")[1][0].message
    assert (
        said
        == "placemark 0 (Yard): polygon 1: ring 0, position 1 is no position: got '102.1,x', want [lon, lat]"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '<!DOCTYPE kml [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><kml>&c;</kml>',
            "a document type is refused: got <!DOCTYPE kml>",
        ),
        ('<!DOCTYPE kml SYSTEM "file:///etc/passwd"><kml/>', "a document type is refused"),
        ("<kml>&nbsp;</kml>", "not XML: undefined entity"),
        ("<kml><a></kml>", "not XML: mismatched tag"),
        ("<svg/>", "not KML: got the element 'svg'"),
        ("PK\x03\x04", "got a KMZ archive"),
        ("<kml>" + "<Folder>" * 200 + "</Folder>" * 200 + "</kml>", "nested deeper than 100"),
    ],
)
def test_what_is_no_plain_kml_is_refused(text: str, message: str) -> None:
    assert message in only(text, Severity.ERROR, "yards.kml")


def test_wkt_is_read_a_line_each_with_its_name() -> None:
    text = (
        "# yards\n\n"
        "POLYGON((101 21,101.1 21,101.1 21.1,101 21))\tYard A\n"
        "Yard B;MULTIPOLYGON Z(((102 21 5,102.1 21 5,102.1 21.1 5,102 21 5)))\n"
        '"SRID=4326;POLYGON((103 21,103.1 21,103.1 21.1,103 21))",Yard C\n'
    )
    zones, findings = read(text, "y.wkt")
    assert findings == []
    assert [(zone.id, zone.name) for zone in zones] == [
        ("y-3", "Yard A"),
        ("y-4", "Yard B"),
        ("y-5", "Yard C"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("POINT(1 2)", "line 1: a zone is an area: got POINT"),
        ("hello", "line 1: no WKT: got 'hello'"),
        (
            "POLYGON((101 21,101.1 x,101.1 21.1,101 21))",
            "line 1: ring 0, position 1 is no position: got '101.1 x'",
        ),
        ("POLYGON EMPTY", "line 1: empty geometry"),
        ("POLYGON((101 21,101 22", "line 1: a bracket of POLYGON is not closed"),
        ("SRID=3857;POLYGON((1 1,2 2,3 1,1 1))", "got SRID 3857, want 4326"),
        ("POLYGON((101 21,,101 22))", "line 1: brackets or commas out of place"),
    ],
)
def test_a_line_that_is_no_area_is_refused(line: str, message: str) -> None:
    assert message in only(line, Severity.ERROR, "y.wkt")


@pytest.mark.parametrize(
    "header", ["name,lat,lon,radius_m", "radius_m;lon;lat;name", "name\tLatitude\tLng\tradius"]
)
def test_circles_are_read_in_the_order_of_the_header(header: str) -> None:
    values = {"name": "A", "lat": "21", "lon": "101", "radius_m": "500"}
    values |= {"Latitude": "21", "Lng": "101", "radius": "500"}
    mark = next(m for m in ",;\t" if m in header)
    text = f"{header}\n{mark.join(values[n] for n in header.split(mark))}\n"
    (zone,), findings = read(text, "c.csv")
    assert findings == []
    assert zone.name == "A"
    points = shapely.get_coordinates(zone.geometry)
    reach = geodesy.distance_mm(np.array([101.0]), np.array([21.0]), points[:, 0], points[:, 1])
    assert (np.abs(reach / 500_000 - 1) < 0.002).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A,21,101,-5", "row 2 (A): radius_m: got -5.0, want above 0 and at most 100000"),
        ("A,21,101,nan", "row 2 (A): radius_m: got nan"),
        ("A,21,,500", "row 2 (A): lon: got '', want a number"),
        ("A,21,200,500", "row 2 (A): centre is out of range: got lon 200.0 lat 21.0"),
    ],
)
def test_a_circle_that_can_not_be_drawn_is_refused(row: str, message: str) -> None:
    assert message in only(f"name,lat,lon,radius_m\n{row}\n", Severity.ERROR, "c.csv")


def test_circles_with_swapped_columns_are_swapped_only_when_all_are() -> None:
    zones, (finding,) = read("name,lat,lon,radius_m\nA,101,21,500\nB,50,20,500\n", "c.csv")
    assert finding.severity is Severity.REPAIRED
    assert [round(zone.geometry.centroid.x) for zone in zones] == [101, 50]
    zones, (finding,) = read("name,lat,lon,radius_m\nA,101,21,500\nB,21,101,500\n", "c.csv")
    assert (len(zones), finding.severity) == (1, Severity.ERROR)
    assert "lat and lon look swapped" in finding.message


def test_a_header_without_the_columns_is_refused() -> None:
    assert "header: got 'name, lat'" in only("name,lat\nA,1\n", Severity.ERROR, "c.csv")


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (collection([SQUARE]), Form.GEOJSON),
        (KML.encode(), Form.KML),
        (b"POLYGON((101 21,101.1 21,101.1 21.1,101 21))", Form.WKT),
        (b"name,lat,lon,radius_m\nA,21,101,500\n", Form.CSV),
    ],
)
def test_the_form_is_seen_without_an_ending(content: bytes, form: Form) -> None:
    assert len(read(content, "yards")[0]) == 1
    assert read_zone_file("yards", content, form=form)[0] == read_zone_file("yards", content)[0]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.floats(-200, 200).map(lambda x: round(x, 3)), st.floats(-95, 95).map(lambda x: round(x, 3))
        ),
        min_size=0,
        max_size=9,
    )
)
def test_whatever_comes_out_is_sound(ring: list[tuple[float, float]]) -> None:
    """Any ring: refused, or a zone that the strict reader takes as it is."""
    zones, findings = read(collection([[list(p) for p in ring]]))
    assert len(zones) == 1 or any(f.severity is Severity.ERROR for f in findings)
    text = orjson.dumps({"type": "FeatureCollection", "features": [zone_feature(zone) for zone in zones]})
    assert read_zones(text) == tuple(zones)
