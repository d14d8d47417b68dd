"""What loads, what is refused, and that each refusal names the ring and the position."""

from typing import Any

import orjson
import pytest

from geofences.errors import GeometryRefusedError
from geofences.geojson import read_gates, read_zones, zone_feature
from geofences.zone import Zone, ZoneKind

SQUARE = [[101.0, 21.0], [101.1, 21.0], [101.1, 21.1], [101.0, 21.1], [101.0, 21.0]]
HOLE = [[101.02, 21.02], [101.04, 21.02], [101.04, 21.04], [101.02, 21.02]]


def document(coordinates: Any, shape: str = "Polygon", /, **properties: Any) -> bytes:
    given = {"id": "yard-7", "kind": "yard", "name": "Yard 7"} | properties
    feature = {
        "type": "Feature",
        "properties": given,
        "geometry": {"type": shape, "coordinates": coordinates},
    }
    return orjson.dumps({"type": "FeatureCollection", "features": [feature]})


def test_a_zone_reads_with_its_properties() -> None:
    (zone,) = read_zones(document([SQUARE, HOLE], country="LA", grace_s=60, min_dwell_s=5))
    assert (zone.id, zone.kind, zone.name, zone.country) == ("yard-7", ZoneKind.YARD, "Yard 7", "LA")
    assert (zone.grace_s, zone.min_dwell_s, zone.plausible) == (60, 5, False)
    assert zone.geometry.area == pytest.approx(0.01 - 0.0002)


def test_what_is_written_reads_back_equal() -> None:
    (zone,) = read_zones(document([SQUARE, HOLE], gate="mohan-boten", side="LA", plausible=True))
    text = orjson.dumps({"type": "FeatureCollection", "features": [zone_feature(zone)]})
    assert read_zones(text) == (zone,)


def test_the_version_follows_the_content() -> None:
    (zone,) = read_zones(document([SQUARE]))
    (same,) = read_zones(document([SQUARE]))
    (renamed,) = read_zones(document([SQUARE], name="Yard 8"))
    (moved,) = read_zones(document([[[x + 1e-7, y] for x, y in SQUARE]]))
    assert zone.version == same.version
    assert len({zone.version, renamed.version, moved.version}) == 3
    assert len(zone.version) == 64


def changed(ring: list[list[float]], at: int, value: Any) -> list[Any]:
    return [*ring[:at], value, *ring[at + 1 :]]


BOWTIE = [[101.0, 21.0], [101.1, 21.1], [101.1, 21.0], [101.0, 21.1], [101.0, 21.0]]
BROKEN = [
    (
        [SQUARE[:-1]],
        "feature 0 (yard-7): ring 0 is not closed: got 101.0 21.1 at position 3, want 101.0 21.0",
    ),
    ([SQUARE, [*HOLE[:-1], [101.0, 21.0]]], "ring 1 is not closed: got 101.0 21.0 at position 3"),
    ([BOWTIE], "ring 0 after position 0: self-intersection at 101.05"),
    ([SQUARE, BOWTIE], "self-intersection"),
    ([[[y, x] for x, y in SQUARE]], "ring 0, position 0 is out of range: got 21.0 101.0"),
    ([[[y, x] for x, y in SQUARE]], "lat and lon look swapped"),
    ([changed(SQUARE, 2, [181.0, 21.1])], "ring 0, position 2 is out of range: got 181.0 21.1"),
    (
        [changed(SQUARE, 2, [None, 21.1])],
        "ring 0, position 2 is no position: got [None, 21.1], want [lon, lat]",
    ),
    ([changed(SQUARE, 1, "here")], "ring 0, position 1 is no position: got 'here'"),
    ([changed(SQUARE, 1, [1.0])], "ring 0, position 1 is no position: got [1.0]"),
    ([changed(SQUARE, 1, ["101.1", 21.0])], "ring 0, position 1 is no position"),
    ([changed(SQUARE, 1, [101.1, 21.0, 300.0])], "ring 0: positions of mixed length"),
    ([SQUARE[:3]], "ring 0 is too short: got 3 positions, want at least 4"),
    ([], "empty geometry"),
    ([[]], "ring 0 is too short: got 0 positions"),
    ([[[101.0, 21.0]] * 4], "feature 0 (yard-7)"),
    (
        [[[179.0, 10.0], [-179.0, 10.0], [-179.0, 11.0], [179.0, 10.0]]],
        "position 1: split it at the antimeridian",
    ),
    ([[[44.2, 80.4], [44.3, 80.4], [44.3, 80.5], [44.2, 80.4]]], "are lon and lat swapped?"),
]


@pytest.mark.parametrize(("coordinates", "message"), BROKEN)
def test_broken_geometry_is_refused_by_ring_and_position(coordinates: Any, message: str) -> None:
    with pytest.raises(GeometryRefusedError) as caught:
        read_zones(document(coordinates))
    assert message in str(caught.value)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(word: str) -> None:
    text = document([SQUARE]).replace(b"101.1,21.1", f"{word},21.1".encode())
    with pytest.raises(GeometryRefusedError, match=r"not JSON|position 2"):
        read_zones(text)


def test_a_ring_of_a_multipolygon_is_named_with_its_polygon() -> None:
    far = [[[x + 1, y] for x, y in SQUARE]]
    bow = [[[x + 2, y] for x, y in BOWTIE]]
    with pytest.raises(GeometryRefusedError, match="polygon 1: ring 0 is not closed"):
        read_zones(document([[SQUARE], [far[0][:-1]]], "MultiPolygon"))
    with pytest.raises(GeometryRefusedError, match="polygon 2, ring 0 after position 0"):
        read_zones(document([[SQUARE], far, bow], "MultiPolygon"))


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"kind": "lake"}, "kind not known: got 'lake', want one of country, approach, port"),
        ({"id": ""}, "id missing: got '', want text"),
        ({"name": 5}, "name missing: got 5"),
        ({"country": "XX"}, "country not known: got 'XX', want ISO 3166-1 alpha-2"),
        ({"kind": "country"}, "a zone of kind country needs its country"),
        ({"grace_s": -1}, "grace_s: got -1, want whole seconds, at least 0"),
        ({"grace_s": 1.5}, "grace_s: got 1.5"),
    ],
)
def test_broken_properties_are_refused(properties: dict[str, Any], message: str) -> None:
    with pytest.raises(GeometryRefusedError) as caught:
        read_zones(document([SQUARE], **properties))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a zone file: got 'list', want a FeatureCollection"),
        (b'{"type":"Feature"}', "not a zone file: got 'Feature'"),
        (b'{"type":"FeatureCollection"}', "features missing"),
        (b'{"type":"FeatureCollection","features":[5]}', "feature 0: geometry missing"),
        (
            b'{"type":"FeatureCollection","features":[{"geometry":null}]}',
            "feature 0: geometry missing: got None",
        ),
    ],
)
def test_what_is_no_zone_file_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(GeometryRefusedError) as caught:
        read_zones(text)
    assert message in str(caught.value)


def test_a_line_is_no_zone() -> None:
    with pytest.raises(GeometryRefusedError, match="a zone is an area: got 'LineString'"):
        read_zones(document(SQUARE, "LineString"))


def test_two_zones_of_one_id_are_refused() -> None:
    feature = orjson.loads(document([SQUARE]))["features"][0]
    text = orjson.dumps({"type": "FeatureCollection", "features": [feature, feature]})
    with pytest.raises(GeometryRefusedError, match="id 'yard-7' is used twice, first by feature 0"):
        read_zones(text)


def test_a_gate_without_its_sides_is_refused() -> None:
    text = document([[101.0, 21.0], [101.1, 21.1]], "LineString", kind="gate")
    with pytest.raises(GeometryRefusedError, match="a gate's properties are not complete"):
        read_gates(text)


def test_a_zone_needs_no_altitude_but_may_have_it() -> None:
    (flat,) = read_zones(document([SQUARE]))
    (high,) = read_zones(document([[[x, y, 900.0] for x, y in SQUARE]]))
    assert isinstance(flat, Zone)
    assert flat.version == high.version


def test_all_at_once_and_ring_by_ring_give_the_same_zones() -> None:
    """An altitude anywhere sends the whole file the slow way; the zones must not differ."""
    far = [[x + 2, y] for x, y in SQUARE]
    kinds = [("Polygon", [SQUARE, HOLE]), ("MultiPolygon", [[SQUARE, HOLE], [far]]), ("Polygon", [far])]
    features = [
        {
            "type": "Feature",
            "properties": {"id": str(number), "kind": "yard", "name": "y"},
            "geometry": {"type": kind, "coordinates": coordinates},
        }
        for number, (kind, coordinates) in enumerate([*kinds, ("MultiPolygon", [[far]])])
    ]
    quick = read_zones(orjson.dumps({"type": "FeatureCollection", "features": features}))
    features.append(orjson.loads(document([[[*point, 5.0] for point in SQUARE]]))["features"][0])
    slow = read_zones(orjson.dumps({"type": "FeatureCollection", "features": features}))
    assert [zone.geometry.geom_type for zone in quick] == [
        "Polygon",
        "MultiPolygon",
        "Polygon",
        "MultiPolygon",
    ]
    assert [zone.version for zone in slow[:-1]] == [zone.version for zone in quick]


def test_no_zones_are_no_error() -> None:
    assert read_zones(b'{"type":"FeatureCollection","features":[]}') == ()
