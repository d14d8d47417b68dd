"""GCJ-02 and BD-09: published pairs, inverses, and what happens at China's border."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geofences import datum, geodesy, world

Floats = NDArray[np.float64]
ZONES = {zone.id: zone for zone in world()[0]}
GATES = {gate.id: gate for gate in world()[1]}
CHINA = ZONES["country-cn"].geometry
SHIFTED = datum.DATUMS[1:]
# islands, corners and the places where the formula has its kink and its largest waves
PLACES = {
    "Tiananmen": (116.39089, 39.90734),
    "Mohan": (101.6877, 21.1908),
    "Hainan": (109.9, 19.2),
    "Zhoushan": (122.2, 30.0),
    "Chongming": (121.5, 31.65),
    "Xiamen": (118.1, 24.48),
    "Fuyuan": (134.4, 48.3),
    "Kashgar": (75.2, 39.2),
    "Mohe": (122.5, 53.3),
    "meridian 105": (105.0, 35.0),
}


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def apart_m(one: tuple[Floats, ...], other: tuple[Floats, ...]) -> Floats:
    return np.asarray(geodesy.distance_mm(one[0], one[1], other[0], other[1]) / 1000)


def e7(degrees: Floats) -> NDArray[np.int64]:
    return np.rint(degrees * 1e7).astype(np.int64)


def in_china(count: int, seed: int) -> tuple[Floats, Floats]:
    """Places in China, every second one within some kilometres of its border or coast."""
    dice = np.random.default_rng(seed)
    west, south, east, north = CHINA.bounds
    lon, lat = dice.uniform(west, east, count), dice.uniform(south, north, count)
    ring = shapely.get_coordinates(CHINA)
    at = ring[dice.integers(0, len(ring), count)] + dice.normal(0, 0.02, (count, 2))
    lon, lat = np.r_[lon, at[:, 0]], np.r_[lat, at[:, 1]]
    inside = datum.in_china(lon, lat)
    return lon[inside], lat[inside]


@pytest.mark.parametrize(
    ("wgs84", "gcj02", "within_deg"),
    [
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164), 1e-12),  # coordtransform
        ((119.3122312, 26.0240049), (119.31705425869873, 26.02096344048847), 1e-12),  # wgs2mars
        ((121.0917077, 30.6107779), (121.09626935575027, 30.608604331756705), 1e-7),  # geotool
        ((120.596931, 31.280844), (120.60109998322247, 31.278648624428175), 1e-7),  # evil_transform
        ((121.42958967, 31.16014354), (121.434204, 31.158247), 2e-5),  # read off a map of the country
        ((116.42079, 39.90105), (116.42703, 39.90245), 1e-5),  # Beijing railway station, geoChina
    ],
)
def test_published_pairs_of_gcj02(
    wgs84: tuple[float, float], gcj02: tuple[float, float], within_deg: float
) -> None:
    lon, lat = datum.wgs84_to_gcj02(column(wgs84[0]), column(wgs84[1]))
    assert (lon[0], lat[0]) == pytest.approx(gcj02, abs=within_deg, rel=0)


def test_published_pairs_of_bd09() -> None:
    lon, lat = datum.gcj02_to_bd09(column(116.404, 121.09626935575027), column(39.915, 30.608604331756705))
    assert lon.tolist() == pytest.approx([116.41036949371029, 121.10271732371203], abs=1e-12, rel=0)
    assert lat.tolist() == pytest.approx([39.92133699351021, 30.61484572185035], abs=1e-12, rel=0)


def test_the_inverse_of_bd09_is_exact_where_the_published_one_is_not() -> None:
    sent = column(116.404), column(39.915)
    found = datum.bd09_to_gcj02(*sent)
    assert 0.01 < apart_m(found, (column(116.39762729119315), column(39.90865673957631)))[0] < 0.5
    assert apart_m(datum.gcj02_to_bd09(*found), sent)[0] < 1e-3


def test_the_shift_is_as_large_as_it_is_known_to_be() -> None:
    lon, lat = (column(*values) for values in zip(*PLACES.values(), strict=True))
    moved = apart_m(datum.wgs84_to_gcj02(lon, lat), (lon, lat))
    by_name = dict(zip(PLACES, moved.tolist(), strict=True))
    assert 500 < by_name["Tiananmen"] < 600
    assert 300 < by_name["Mohan"] < 350
    lon, lat = in_china(20_000, 1)
    moved = apart_m(datum.wgs84_to_gcj02(lon, lat), (lon, lat))
    assert 10 < moved.min() < moved.max() < 730
    assert 700 < apart_m(datum.from_wgs84(lon, lat, "bd09"), (lon, lat)).max() < 1_800


@pytest.mark.parametrize("name", SHIFTED)
def test_there_and_back_is_within_a_millimetre_all_over_china(name: str) -> None:
    lon, lat = in_china(40_000, 2)
    lon, lat = np.r_[lon, [p[0] for p in PLACES.values()]], np.r_[lat, [p[1] for p in PLACES.values()]]
    gcj02 = datum.wgs84_to_gcj02(lon, lat)
    back = datum.gcj02_to_wgs84(*gcj02)
    if name == "bd09":
        back = datum.gcj02_to_wgs84(*datum.bd09_to_gcj02(*datum.gcj02_to_bd09(*gcj02)))
    assert apart_m(back, (lon, lat)).max() <= 0.001


@pytest.mark.parametrize("name", SHIFTED)
def test_what_a_device_sends_comes_back_also_at_the_edges_and_on_islands(name: str) -> None:
    lon, lat = in_china(20_000, 3)
    away = np.ones(len(lon), dtype=bool)
    for gate in GATES.values():  # near these the road decides, see below
        away &= apart_m((lon, lat), (np.full_like(lon, gate.lon), np.full_like(lat, gate.lat))) > 8_000
    lon, lat = lon[away], lat[away]
    back_lon, back_lat, converted = datum.to_wgs84(*datum.from_wgs84(lon, lat, name), name)
    assert converted.all()
    assert apart_m((back_lon, back_lat), (lon, lat)).max() <= 0.001
    sent_lon, sent_lat = datum.from_wgs84(lon, lat, name)
    lon_e7, lat_e7, converted = datum.to_wgs84_e7(e7(sent_lon), e7(sent_lat), name)
    assert converted.all()
    assert np.abs(lon_e7 - e7(lon)).max() <= 1
    assert np.abs(lat_e7 - e7(lat)).max() <= 1


@pytest.mark.parametrize("name", SHIFTED)
def test_far_outside_nothing_moves(name: str) -> None:
    lon = column(102.6, 100.5, 0.0, -180.0, 180.0, 121.5, 114.17, 142.0, 77.2, 116.0, np.nan, 0.0)
    lat = column(17.97, 13.75, 0.0, -90.0, 90.0, 25.04, 22.3, 43.0, 28.6, 5.0, np.nan, 90.0)
    for found in (datum.from_wgs84(lon, lat, name), datum.to_wgs84(lon, lat, name)):
        assert found[0].tobytes() == lon.tobytes()
        assert found[1].tobytes() == lat.tobytes()
    assert not datum.to_wgs84(lon, lat, name)[2].any()


def test_wgs84_is_left_as_it_is_and_an_unknown_datum_is_an_error() -> None:
    lon, lat = column(116.4), column(39.9)
    found = datum.to_wgs84(lon, lat, "wgs84")
    assert (found[0][0], found[1][0], found[2][0]) == (116.4, 39.9, False)
    with pytest.raises(ValueError, match="unknown datum: got 'nad27', want wgs84, gcj02, bd09"):
        datum.to_wgs84(lon, lat, "nad27")


@given(st.floats(74, 134), st.floats(19, 53), st.floats(0, 6.28), st.floats(1e-7, 1e-4))
def test_neighbours_stay_neighbours(lon: float, lat: float, course: float, deg: float) -> None:
    x = column(lon, lon + deg * np.cos(course))
    y = column(lat, lat + deg * np.sin(course))
    before = apart_m((x[:1], y[:1]), (x[1:], y[1:]))[0]
    for there in (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84, datum.gcj02_to_bd09, datum.bd09_to_gcj02):
        x1, y1 = there(x, y)
        # half a decimetre: the root in the formula is steep beside the meridian of 105 degrees
        assert abs(apart_m((x1[:1], y1[:1]), (x1[1:], y1[1:]))[0] - before) < 0.03 * before + 0.05


@given(st.lists(st.tuples(st.floats(70, 140), st.floats(15, 55)), min_size=1, max_size=40), st.data())
def test_batching_and_order_change_no_bit(places: list[tuple[float, float]], data: st.DataObject) -> None:
    # half of the places near the gate, where all rules are at work
    near = [(101.68 + (x - 105) * 2e-4, 21.188 + (y - 35) * 4e-4) for x, y in places]
    lon, lat = (column(*values) for values in zip(*places, *near, strict=True))
    order = np.array(data.draw(st.permutations(range(len(lon)))))
    cut = data.draw(st.integers(0, len(lon)))
    for name in SHIFTED:
        whole = datum.to_wgs84(lon, lat, name)
        parts = [datum.to_wgs84(lon[at], lat[at], name) for at in (order[:cut], order[cut:])]
        for one, other in zip(whole, zip(*parts, strict=True), strict=True):
            assert np.concatenate(other).tobytes() == one[order].tobytes()


def way(gate_id: str, step_m: float = 2.0) -> tuple[Floats, Floats]:
    """The way that is drawn through a gate, from well inside one country to well inside the other."""
    gate = GATES[gate_id]
    ends = [ZONES[ports[0]].geometry.centroid for ports in (gate.a_ports, gate.b_ports)]
    knots = np.array([(ends[0].x, ends[0].y), (gate.lon, gate.lat), (ends[1].x, ends[1].y)])
    knots = np.vstack([3 * knots[0] - 2 * knots[1], knots, 3 * knots[2] - 2 * knots[1]])
    length = np.r_[0.0, np.cumsum(apart_m(tuple(knots[:-1].T), tuple(knots[1:].T)))]
    m = np.arange(0.0, length[-1], step_m)
    return np.interp(m, length, knots[:, 0]), np.interp(m, length, knots[:, 1])


@pytest.mark.parametrize("name", SHIFTED)
@pytest.mark.parametrize("gate_id", sorted(GATES.keys() - {"suifenhe-pogranichny"}))
def test_a_track_through_a_gate_has_no_jump(gate_id: str, name: str) -> None:
    lon, lat = way(gate_id)
    sent = datum.from_wgs84(lon, lat, name)
    leap = apart_m((sent[0][:-1], sent[1][:-1]), (sent[0][1:], sent[1][1:])).max()
    assert leap > 200  # the device's own, where it stops shifting
    x, y, _ = datum.to_wgs84(*sent, name)
    assert apart_m((x[:-1], y[:-1]), (x[1:], y[1:])).max() < 3
    assert apart_m((x, y), (lon, lat)).max() < 0.01


@pytest.mark.parametrize("name", SHIFTED)
def test_where_the_shift_runs_along_the_road_a_strip_stays_unknown(name: str) -> None:
    lon, lat = way("suifenhe-pogranichny")
    x, y, converted = datum.to_wgs84(*datum.from_wgs84(lon, lat, name), name)
    wrong = apart_m((x, y), (lon, lat)) > 0.01
    assert converted[wrong].all()  # read as still in China
    assert not datum.in_china(lon[wrong], lat[wrong]).any()
    assert wrong.sum() * 2.0 < 100


def test_a_device_whose_border_lies_too_far_out_is_still_read_right_on_the_road() -> None:
    lon, lat = way("mohan-boten")
    inside = datum.in_china(lon, lat)
    late = inside | np.r_[np.zeros(25, dtype=bool), inside[:-25]]  # 50 m more of shifting
    assert (late & ~inside).sum() == 25
    gcj02 = datum.wgs84_to_gcj02(lon, lat)
    x, y, _ = datum.to_wgs84(np.where(late, gcj02[0], lon), np.where(late, gcj02[1], lat), "gcj02")
    assert apart_m((x, y), (lon, lat)).max() < 0.01
    early = inside & np.r_[inside[25:], np.zeros(25, dtype=bool)]  # 50 m less
    x, y, _ = datum.to_wgs84(np.where(early, gcj02[0], lon), np.where(early, gcj02[1], lat), "gcj02")
    wrong = apart_m((x, y), (lon, lat)) > 0.01
    assert (wrong == (inside & ~early)).all()  # nothing contradicts the rule there


def test_away_from_gates_what_both_explain_was_shifted_and_what_neither_explains_is_halved() -> None:
    # along a meridian and a parallel the border of Yunnan with Myanmar and Laos is met both ways
    ring = shapely.get_coordinates(CHINA)
    ring = ring[(ring[:, 0] > 97.5) & (ring[:, 0] < 99.5) & (ring[:, 1] < 25) & (ring[:, 1] > 22)]
    lon, lat = (np.repeat(ring[:, axis], 40) for axis in (0, 1))
    lat = lat + np.tile(np.linspace(-0.004, 0.004, 40), len(ring))
    inverse = datum.gcj02_to_wgs84(lon, lat)
    could, would = datum.in_china(*inverse), ~datum.in_china(lon, lat)
    _, _, converted = datum.to_wgs84(lon, lat, "gcj02")
    assert converted[could & ~would].all()
    assert not converted[would & ~could].any()
    assert (could & would).any()
    assert converted[could & would].all()
    neither = ~could & ~would
    middle = datum.in_china((lon + inverse[0]) / 2, (lat + inverse[1]) / 2)
    assert neither.any()
    assert (converted[neither] == middle[neither]).all()
