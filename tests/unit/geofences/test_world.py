"""The shipped gates and countries: that they are where they should be."""

from importlib.resources import files

import numpy as np
import orjson
import pytest
import shapely

from geofences import ALPHA2, Gate, Zone, default_index, geodesy, world
from geofences.zone import ZoneKind

ZONES = {zone.id: zone for zone in world()[0]}
GATES = world()[1]
INDEX = default_index()
GATE_IDS = ["mohan-boten", "manzhouli-zabaikalsk", "suifenhe-pogranichny", "heihe-blagoveshchensk", "khorgos"]
MOHAN, BOTEN = (101.6877196, 21.1907876), (101.6725976, 21.1841821)


def sides(gate: Gate) -> list[tuple[str, str, Zone, Zone]]:
    a, b = gate.a_country, gate.b_country
    return [
        (a, b, ZONES[gate.a_ports[0]], ZONES[gate.a_approaches[0]]),
        (b, a, ZONES[gate.b_ports[0]], ZONES[gate.b_approaches[0]]),
    ]


def metres(one: shapely.Point, other: shapely.Point) -> float:
    ends = (np.array([v]) for v in (one.x, one.y, other.x, other.y))
    return float(geodesy.distance_mm(*ends)[0]) / 1000


def apart_m(one: shapely.Geometry, other: shapely.Geometry) -> float:
    a, b = shapely.get_parts(shapely.get_point(shapely.shortest_line(one, other), [0, 1]))
    return metres(a, b)


def test_the_gates_are_the_five() -> None:
    assert [gate.id for gate in GATES] == GATE_IDS


@pytest.mark.parametrize("gate", GATES, ids=GATE_IDS)
def test_ports_lie_in_their_country_away_from_the_line(gate: Gate) -> None:
    for own, other, port, approach in sides(gate):
        assert (port.kind, port.side, port.country, port.plausible) == (ZoneKind.PORT, own, own, True)
        assert ZONES[f"country-{own.lower()}"].geometry.covers(port.geometry)
        assert not ZONES[f"country-{other.lower()}"].geometry.intersects(port.geometry)
        assert apart_m(port.geometry, gate.line) > 70
        assert approach.geometry.covers(port.geometry)
        west, south, east, north = port.geometry.bounds
        assert 300 < metres(shapely.Point(west, south), shapely.Point(east, north)) < 1200


@pytest.mark.parametrize("gate", GATES, ids=GATE_IDS)
def test_the_line_runs_between_the_ports(gate: Gate) -> None:
    (_, _, a_port, a_approach), (_, _, b_port, b_approach) = sides(gate)
    way = shapely.LineString([a_port.geometry.centroid, b_port.geometry.centroid])
    assert way.intersects(gate.line)
    assert gate.line.distance(shapely.Point(gate.lon, gate.lat)) < 1e-6
    overlap = a_approach.geometry.intersection(b_approach.geometry).area
    assert overlap < 0.02 * a_approach.geometry.area


@pytest.mark.parametrize("gate", GATES, ids=GATE_IDS)
def test_zones_and_gate_name_each_other(gate: Gate) -> None:
    named = {*gate.a_ports, *gate.b_ports, *gate.a_approaches, *gate.b_approaches}
    assert named == {zone.id for zone in ZONES.values() if zone.gate == gate.id}
    assert {office.country for office in gate.offices} == {gate.a_country, gate.b_country}


def test_the_road_of_the_demo_passes_the_stages_in_order() -> None:
    index = INDEX
    share = np.linspace(0, 1, 2_000)
    lon0, lat0, lon1, lat1 = (np.array([value]) for value in (*MOHAN, *BOTEN))
    lon, lat = geodesy.interpolate(lon0, lat0, lon1, lat1, share)
    sets = index.locate(lon, lat)
    port, country = index.table.port[sets], index.table.country[sets]
    names = ["" if n < 0 else index.zones[n].id for n in port[np.r_[True, np.diff(port) != 0]]]
    assert names == ["mohan-boten-cn-port", "", "mohan-boten-la-port"]
    # the source leaves 330 m between the two countries' outlines here
    assert country[np.r_[True, np.diff(country) != 0]].tolist() == [156, 0, 418]


def places() -> list[tuple[str, str, float, float]]:
    text = files("geofences").joinpath("data/osm/places.geojson").read_bytes()
    features = orjson.loads(text)["features"]
    return [
        (f["properties"]["name"], f["properties"]["country"], *f["geometry"]["coordinates"]) for f in features
    ]


def test_towns_on_both_sides_of_the_borders_are_in_their_countries() -> None:
    index, towns = INDEX, places()
    assert len(towns) >= 17
    lon, lat = (np.array([town[n] for town in towns], dtype=np.float64) for n in (2, 3))
    sets = index.locate(lon, lat)
    got = [ALPHA2[number] for number in index.table.country[sets].tolist()]
    assert got == [country for _, country, _, _ in towns]
    assert (index.table.n_countries[sets] == 1).all()


CITIES = [
    ("KZ", 63.30, 45.62),  # Baikonur, which the source keeps apart
    ("RU", 176.0, 66.0),  # Chukotka, near the antimeridian
    ("RU", -175.0, 66.5),  # and beyond it
    ("US", -122.33, 47.61),
    ("DE", 13.4, 52.52),
    ("BR", -47.9, -15.8),
    ("NZ", 174.78, -41.29),
    ("XK", 21.16, 42.66),
    ("LS", 28.2, -29.5),  # inside South Africa
]


def test_the_rest_of_the_world_is_there() -> None:
    index = INDEX
    lon, lat = (np.array([city[n] for city in CITIES], dtype=np.float64) for n in (1, 2))
    sets = index.locate(lon, lat)
    got = [ALPHA2.get(number, "") for number in index.table.country[sets].tolist()]
    assert got == [code for code, _, _ in CITIES]


def test_the_open_sea_is_no_country() -> None:
    index = INDEX
    assert index.locate(np.array([-30.0, 160.0]), np.array([30.0, 0.0])).tolist() == [0, 0]


def test_each_folder_of_data_carries_its_notice() -> None:
    for folder, words in (("osm", "(c) OpenStreetMap contributors"), ("natural-earth", "public domain")):
        assert words in files("geofences").joinpath(f"data/{folder}/NOTICE").read_text("utf-8")


def test_the_base_map_is_sound_and_light() -> None:
    text = files("geofences").joinpath("data/osm/basemap.geojson").read_bytes()
    assert len(text) < 1_000_000
    shapes = [shapely.from_geojson(orjson.dumps(f["geometry"])) for f in orjson.loads(text)["features"]]
    assert all(shape.is_valid for shape in shapes)
