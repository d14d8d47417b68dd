"""The index against plain shapely, point by point: at borders, in crowds, in overlaps and gaps."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geofences import ZoneIndex, default_index, grid, world
from geofences.zone import Zone, ZoneKind

Floats: TypeAlias = NDArray[np.float64]


@pytest.fixture(scope="module")
def index() -> ZoneIndex:
    return default_index()


def near_borders(
    geometries: Sequence[BaseGeometry], count: int, spread_deg: float, seed: int
) -> tuple[Floats, Floats]:
    """Points on border vertices, on the middle of edges, and scattered beside them."""
    rng = np.random.default_rng(seed)
    points = shapely.get_coordinates(np.array(geometries, dtype=object))
    at = rng.integers(0, len(points) - 1, count)
    share = rng.choice([0.0, 0.0, 0.5, 0.25], count)[:, None]
    place = points[at] * (1 - share) + points[at + 1] * share
    place[count // 2 :] += rng.normal(0, spread_deg, (count - count // 2, 2))
    return place[:, 0].clip(-180, 180), place[:, 1].clip(-90, 90)


def plain(zones: Sequence[Zone], lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    return np.stack([shapely.intersects_xy(zone.geometry, lon, lat) for zone in zones])


def held(index: ZoneIndex, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    sets = index.locate(lon, lat)
    table = np.zeros((len(index.zones), len(index.table)), dtype=np.bool_)
    for number in range(len(index.table)):
        table[list(index.members(number)), number] = True
    return table[:, sets]


def test_countries_at_their_borders_are_those_of_plain_shapely(index: ZoneIndex) -> None:
    precise = [zone.geometry for zone in world()[0] if zone.country in ("CN", "LA", "MM", "RU", "KZ")]
    for seed, spread in ((1, 1e-12), (2, 1e-4), (3, 0.3)):
        lon, lat = near_borders(precise, 3_000, spread, seed)
        assert (held(index, lon, lat) == plain(index.zones, lon, lat)).all()


def test_the_whole_world_is_that_of_plain_shapely(index: ZoneIndex) -> None:
    lon, lat = near_borders([zone.geometry for zone in index.zones], 1_500, 0.5, 4)
    assert (held(index, lon, lat) == plain(index.zones, lon, lat)).all()


def test_splitting_hot_cells_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    index = default_index()
    gates = [zone.geometry for zone in index.zones if zone.gate == "mohan-boten"]
    lon, lat = near_borders(gates, 4_000, 0.002, 5)
    wanted = plain(index.zones, lon, lat)
    plain_cells = []
    for hot in (10**9, 4_000, 400, 40, 4):
        monkeypatch.setattr(grid, "HOT", hot)
        assert (held(index, lon, lat) == wanted).all()
        plain_cells.append(int((index.locate_cells(lon, lat)[1] >= 0).sum()))
    assert plain_cells == sorted(plain_cells)
    assert plain_cells[-1] > 1.2 * plain_cells[0]


@given(st.lists(st.tuples(st.integers(1_016_000_000, 1_017_600_000), st.integers(211_000_000, 212_700_000))))
@settings(max_examples=30, deadline=None)
def test_whole_numbers_are_located_as_their_degrees(index: ZoneIndex, places: list[tuple[int, int]]) -> None:
    whole = np.array(places, dtype=np.int64).reshape(-1, 2).T
    wanted = index.locate_cells(*(whole * 1e-7))
    for columns in (whole, whole.astype(np.int32)):
        got = index.locate_e7(*columns)
        assert [part.tolist() for part in got] == [part.tolist() for part in wanted]


def test_points_level_with_corners_and_on_them_are_exact() -> None:
    rng = np.random.default_rng(12)
    low = rng.integers(0, 40, (60, 2)) / 1000 + [102.5, 17.9]
    sizes = rng.integers(1, 12, (60, 2)) / 1000
    shapes = [shapely.box(x, y, x + w, y + h) for (x, y), (w, h) in zip(low, sizes, strict=True)]
    stars = [shapely.Point(x, y).buffer(0.003, quad_segs=1) for x, y in low]
    zones = tuple(Zone(f"z{n}", ZoneKind.YARD, "", shape) for n, shape in enumerate(shapes + stars))
    index = ZoneIndex(zones)
    corners = shapely.get_coordinates(shapes + stars)
    lon, lat = rng.choice(corners[:, 0], 4_000), rng.choice(corners[:, 1], 4_000)
    lon[::4] += rng.uniform(-0.002, 0.002, 1_000)
    assert (held(index, lon, lat) == plain(zones, lon, lat)).all()


@given(st.integers(1, 400), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_batching_and_history_change_no_verdict(size: int, seed: int) -> None:
    zones = scattered(120, 0.004, seed)
    lon, lat = near_borders([zone.geometry for zone in zones], 600, 0.002, seed)
    whole, parts = ZoneIndex(zones), ZoneIndex(zones)
    at_once = [whole.members(number) for number in whole.locate(lon, lat).tolist()]
    batches = [parts.locate(lon[n : n + size], lat[n : n + size]) for n in range(0, len(lon), size)]
    assert [parts.members(number) for number in np.concatenate(batches).tolist()] == at_once


def scattered(count: int, radius: float, seed: int, width: float = 0.1) -> tuple[Zone, ...]:
    """Yards of odd shapes, many over each other, around Vientiane."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform([102.5, 17.9], [102.5 + width, 17.9 + width], (count, 2))
    shapes = shapely.buffer(shapely.points(centre), rng.uniform(radius / 10, radius, count), quad_segs=3)
    return tuple(Zone(f"z{n}", ZoneKind.YARD, f"z{n}", shape) for n, shape in enumerate(shapes))


def test_a_crowd_of_overlapping_zones_is_exact() -> None:
    zones = scattered(400, 0.01, 9, width=0.02)
    index = ZoneIndex(zones)
    lon, lat = near_borders([zone.geometry for zone in zones], 3_000, 0.003, 9)
    for _ in range(3):
        assert (held(index, lon, lat) == plain(zones, lon, lat)).all()


def test_rings_with_holes_and_parts_are_exact() -> None:
    rng = np.random.default_rng(3)
    hill = shapely.Point(10, 50).buffer(3, quad_segs=400)
    sieve = hill.difference(
        shapely.union_all(shapely.buffer(shapely.points(rng.uniform([8, 48], [12, 52], (60, 2))), 0.1))
    )
    zones = (Zone("sieve", ZoneKind.CUSTOM, "Sieve", sieve.union(shapely.box(20, 40, 20.3, 40.3))),)
    index = ZoneIndex(zones)
    lon, lat = near_borders([sieve], 4_000, 0.01, 6)
    for _ in range(3):
        assert (held(index, lon, lat) == plain(zones, lon, lat)).all()


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=4, max_size=30), st.data())
@settings(max_examples=60, deadline=None)
def test_any_valid_polygon_is_exact(corners: list[tuple[float, float]], data: st.DataObject) -> None:
    with np.errstate(all="ignore"):  # repairing may divide by nothing on its way
        shape = shapely.make_valid(shapely.Polygon([*corners, corners[0]]))
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0]
    zones = tuple(Zone(f"p{n}", ZoneKind.CUSTOM, "p", part) for n, part in enumerate(parts))
    index = ZoneIndex(zones)
    places = st.tuples(st.floats(-2.3, 2.3), st.floats(-2.3, 2.3))
    points = np.array([*data.draw(st.lists(places, min_size=1, max_size=30)), *corners])
    lon, lat = points[:, 0].copy(), points[:, 1].copy()
    if zones:
        assert (held(index, lon, lat) == plain(zones, lon, lat)).all()
    else:
        assert (index.locate(lon, lat) == 0).all()


def test_the_border_belongs_to_the_zone() -> None:
    index = ZoneIndex([Zone("box", ZoneKind.YARD, "box", shapely.box(1.0, 1.0, 1.25, 1.25))])
    lon = np.array([1.0, 1.25, 1.125, 1.0, np.nextafter(1.0, 0), np.nextafter(1.25, 2)])
    lat = np.array([1.0, 1.25, 1.0, 1.125, 1.125, 1.125])
    assert [index.members(n) for n in index.locate(lon, lat).tolist()] == [(0,)] * 4 + [()] * 2


def test_positions_outside_the_world_are_in_no_zone(index: ZoneIndex) -> None:
    lon = np.array([np.nan, 102.6, np.inf, 180.1, 102.6, -181.0, 102.6])
    lat = np.array([17.96, np.nan, 17.96, 65.0, 90.1, -np.inf, 17.96])
    sets, cells = index.locate_cells(lon, lat)
    assert sets[:6].tolist() == [0] * 6
    assert cells[:6].tolist() == [-1] * 6
    assert index.table.country[sets[6]] == 418


def test_the_worlds_own_edges_are_inside_it(index: ZoneIndex) -> None:
    lon, lat = np.array([180.0, -180.0, 0.0, 0.0]), np.array([66.5, 66.5, 90.0, -90.0])
    sets = index.locate(lon, lat)
    assert index.table.country[sets].tolist() == [643, 643, 0, 0]


def test_nothing_asked_is_nothing_answered(index: ZoneIndex) -> None:
    empty = np.zeros(0)
    assert len(index.locate(empty, empty)) == 0
    assert len(ZoneIndex([]).locate(np.array([1.0]), np.array([1.0]))) == 1
    assert [len(part) for part in index.cut(empty, empty, empty, empty)] == [0, 0]


def test_overlap_and_gap_near_mohan_are_sets_of_two_and_of_none(index: ZoneIndex) -> None:
    by_id = {zone.id: zone.geometry for zone in index.zones}
    china, laos = by_id["country-cn"], by_id["country-la"]
    both = shapely.get_parts(china.intersection(laos).intersection(shapely.box(101.1, 20.6, 102.2, 21.7)))
    point = max(both, key=lambda part: part.area).representative_point()
    gap = (
        shapely.box(101.6784, 21.1866, 101.681, 21.1875).difference(china.union(laos)).representative_point()
    )
    sets = index.locate(np.array([point.x, gap.x]), np.array([point.y, gap.y]))
    assert index.table.n_countries[sets].tolist() == [2, 0]
    assert index.table.country[sets].tolist() == [156, 0]
    names = {index.zones[number].id for number in index.members(int(sets[0]))}
    assert {"country-cn", "country-la"} <= names


def test_columns_of_sets_name_country_port_and_approach(index: ZoneIndex) -> None:
    port = index.numbers["mohan-boten-cn-port"]
    inside = index.zones[port].geometry.representative_point()
    number = int(index.locate(np.array([inside.x]), np.array([inside.y]))[0])
    assert index.table.country[number] == 156
    assert index.table.port[number] == port
    assert index.table.approach[number] == index.numbers["mohan-boten-cn-approach"]
    assert (index.table.country[0], index.table.port[0], index.table.approach[0]) == (0, -1, -1)


def test_equal_cells_have_no_border_between_them(index: ZoneIndex) -> None:
    lon, lat = near_borders([index.zones[index.numbers["mohan-boten-la-approach"]].geometry], 8_000, 0.02, 8)
    index.locate(lon, lat)
    _, cells = index.locate_cells(lon, lat)
    order = np.argsort(cells, kind="stable")
    same = (cells[order][1:] == cells[order][:-1]) & (cells[order][1:] >= 0)
    pairs = np.stack([order[:-1][same], order[1:][same]])
    assert pairs.shape[1] > 100
    ways = shapely.linestrings(np.stack([lon[pairs.T], lat[pairs.T]], axis=-1))
    fences = shapely.STRtree([zone.geometry.boundary for zone in index.zones])
    assert fences.query(ways, predicate="intersects").shape[1] == 0


def test_a_hundred_thousand_zones_load_and_answer() -> None:
    rng = np.random.default_rng(11)
    centre = rng.uniform([97, 17], [107, 27], (100_000, 2))
    shapes = shapely.box(*(centre - 0.002).T, *(centre + 0.002).T)
    zones = [Zone(str(n), ZoneKind.CUSTOM, "", shape) for n, shape in enumerate(shapes)]
    index = ZoneIndex(zones)
    at = rng.integers(0, len(zones), 300)
    lon, lat = centre[at].T + rng.normal(0, 0.001, (2, 300))
    tree = shapely.STRtree(shapes)
    point, zone = tree.query(shapely.points(lon, lat), predicate="intersects")
    wanted = [tuple(sorted(zone[point == n].tolist())) for n in range(300)]
    assert [index.members(n) for n in index.locate(lon, lat).tolist()] == wanted
