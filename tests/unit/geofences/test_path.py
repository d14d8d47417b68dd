"""Cuts and meeting points of ways and fences."""

from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geofences import ZoneIndex, default_index, geodesy, path
from geofences.zone import Zone, ZoneKind

INDEX = default_index()
YARD = Zone("yard", ZoneKind.YARD, "Yard", shapely.box(102.0, 18.0, 102.01, 18.01))
LAND = Zone("laos", ZoneKind.COUNTRY, "Laos", shapely.box(100.0, 14.0, 107.0, 22.0), country="LA")


def point_at(ends: tuple[float, float, float, float], fraction: float) -> tuple[float, float]:
    lon0, lat0, lon1, lat1 = (np.array([value]) for value in ends)
    lon, lat = geodesy.interpolate(lon0, lat0, lon1, lat1, np.array([fraction]))
    return float(lon[0]), float(lat[0])


def cuts(index: ZoneIndex, *ways: tuple[float, float, float, float]) -> list[tuple[int, int]]:
    segment, zone = index.cut(*np.array(ways, dtype=np.float64).T)
    return list(zip(segment.tolist(), zone.tolist(), strict=True))


def test_a_way_through_a_zone_is_a_cut_and_one_that_ends_there_is_none() -> None:
    index = ZoneIndex([LAND, YARD])
    through = (101.99, 18.005, 102.02, 18.005)
    into = (101.99, 18.005, 102.005, 18.005)
    within = (102.001, 18.001, 102.009, 18.009)
    past = (101.99, 18.02, 102.02, 18.02)
    from_border = (102.0, 18.005, 102.02, 18.005)
    assert cuts(index, past, through, into, within, from_border, through) == [(1, 1), (5, 1)]


def test_countries_are_never_cut() -> None:
    index = ZoneIndex([LAND])
    assert cuts(index, (99.0, 18.0, 108.0, 18.0)) == []


def test_touching_a_fence_counts_and_one_way_may_cut_several() -> None:
    other = Zone("other", ZoneKind.PORT, "Other", shapely.box(102.02, 18.0, 102.03, 18.01))
    index = ZoneIndex([YARD, other])
    assert cuts(index, (101.9, 18.005, 102.1, 18.005)) == [(0, 0), (0, 1)]
    assert cuts(index, (102.0, 17.9, 102.0, 18.1)) == [(0, 0)]


def test_a_long_way_bends_with_the_geodesic() -> None:
    # 1,000 km along latitude 60: the geodesic lies some 33 km north of the straight line in degrees
    lon, lat = point_at((20.0, 60.0, 38.0, 60.0), 0.5)
    assert lat > 60.25
    on_way = Zone("on", ZoneKind.YARD, "on", shapely.Point(lon, lat).buffer(0.01))
    on_chord = Zone("chord", ZoneKind.YARD, "chord", shapely.Point(29.0, 60.0).buffer(0.01))
    assert cuts(ZoneIndex([on_chord, on_way]), (20.0, 60.0, 38.0, 60.0)) == [(0, 1)]


def test_a_way_over_the_antimeridian_cuts_only_what_lies_there() -> None:
    east = Zone("east", ZoneKind.YARD, "east", shapely.box(179.99, 65.0, 180.0, 65.1))
    west = Zone("west", ZoneKind.YARD, "west", shapely.box(-180.0, 65.0, -179.99, 65.1))
    far = Zone("far", ZoneKind.YARD, "far", shapely.box(0.0, 65.0, 0.1, 65.1))
    index = ZoneIndex([east, west, far])
    assert cuts(index, (179.9, 65.05, -179.9, 65.05)) == [(0, 0), (0, 1)]
    assert cuts(index, (-179.9, 65.05, 179.9, 65.05)) == [(0, 0), (0, 1)]
    assert index.meets(0, -179.9, 65.05, 179.9, 65.05) == pytest.approx([0.5, 0.55], abs=1e-3)


def test_ends_without_a_position_cut_nothing() -> None:
    assert cuts(ZoneIndex([YARD]), (np.nan, 18.0, 102.1, 18.0)) == []


def test_cuts_are_the_same_when_the_cells_are_known() -> None:
    rng = np.random.default_rng(2)
    index = INDEX
    lon = 101.68 + np.cumsum(rng.normal(0, 0.003, 2_000))
    lat = 21.187 + np.cumsum(rng.normal(0, 0.003, 2_000)) % 0.05
    _, cells = index.locate_cells(lon, lat)
    ends = lon[:-1], lat[:-1], lon[1:], lat[1:]
    known = index.cut(*ends, cells=(cells[:-1], cells[1:]))
    assert [part.tolist() for part in known] == [part.tolist() for part in index.cut(*ends)]


def test_cuts_are_those_of_plain_shapely() -> None:
    rng = np.random.default_rng(5)
    index = INDEX
    small = [n for n, zone in enumerate(index.zones) if zone.kind is not ZoneKind.COUNTRY]
    gate = rng.integers(0, len(small), 1_500)
    middle = shapely.get_coordinates(shapely.centroid([index.zones[small[n]].geometry for n in gate]))
    start = middle + rng.normal(0, 0.008, middle.shape)
    end = start + rng.normal(0, 0.01, middle.shape)
    wanted = []
    for n, (a, b) in enumerate(zip(start, end, strict=True)):
        way = shapely.LineString([a, b])
        for zone in small:
            area = index.zones[zone].geometry
            ends_in = area.intersects(shapely.Point(a)) or area.intersects(shapely.Point(b))
            if way.intersects(area) and not ends_in:
                wanted.append((n, zone))
    assert len(wanted) > 20
    assert cuts(index, *np.hstack([start, end])) == wanted


def plain_cuts(zones: Sequence[Zone], ways: NDArray[np.float64]) -> list[tuple[int, int]]:
    """By shapely alone, for ways that are straight in degrees."""
    lines = shapely.linestrings(ways.reshape(-1, 2, 2))
    areas = [zone.geometry for zone in zones]
    met = np.stack([shapely.intersects(area, lines) for area in areas], axis=1)
    for lon, lat in (ways.T[:2], ways.T[2:]):
        met &= ~np.stack([shapely.intersects_xy(area, lon, lat) for area in areas], axis=1)
    return [(segment, zone) for segment, zone in np.argwhere(met).tolist()]


def crowd(count: int, seed: int) -> tuple[Zone, ...]:
    """Small zones, round, with a hole, or drawn on whole hundredths of a millidegree, over each other."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform([102.5, 17.9], [102.54, 17.94], (count, 2)).round(5)
    shapes = list(shapely.buffer(shapely.points(centre), rng.uniform(0.0002, 0.002, count), quad_segs=3))
    for n in range(0, count, 3):
        x, y = centre[n]
        shapes[n] = shapely.box(x, y, x + 0.001, y + 0.0005)
    for n in range(1, count, 9):
        shapes[n] = shapes[n].difference(shapely.Point(centre[n]).buffer(0.0001))
    return tuple(Zone(f"z{n}", ZoneKind.YARD, "", shape) for n, shape in enumerate(shapes))


@given(st.integers(0, 10_000), st.floats(0.0001, 0.01), st.booleans())
@settings(max_examples=25, deadline=None)
def test_cuts_among_many_small_zones_are_those_of_plain_shapely(seed: int, length: float, e7: bool) -> None:
    zones = crowd(90, seed)
    rng = np.random.default_rng(seed)
    corners = shapely.get_coordinates([zone.geometry for zone in zones])
    start = rng.uniform([102.5, 17.9], [102.54, 17.94], (400, 2))
    start[:100] = corners[rng.integers(0, len(corners), 100)] + rng.choice([0.0, 1e-5, -1e-5], (100, 2))
    end = start + rng.normal(0, length, start.shape)
    end[50:150] = corners[rng.integers(0, len(corners), 100)]
    end[150:200, 0] = start[150:200, 0]
    ways = np.hstack([start, end])
    ways = ways[np.abs(end - start).max(axis=1) < 0.012]
    index = ZoneIndex(zones)
    if e7:
        whole = np.rint(ways * 1e7).astype(np.int64)
        ways = whole * 1e-7
        segment, zone = index.cut_e7(*whole.T)
        assert list(zip(segment.tolist(), zone.tolist(), strict=True)) == plain_cuts(zones, ways)
    assert cuts(index, *ways) == plain_cuts(zones, ways)


def test_cuts_of_long_ways_are_those_of_their_lines() -> None:
    zones = crowd(120, 3)
    rng = np.random.default_rng(3)
    start = rng.uniform([102.4, 17.8], [102.6, 18.0], (300, 2))
    ways = np.hstack([start, start + rng.normal(0, 0.3, start.shape)])
    lines, owner = path.lines(*ways.T)
    assert owner.tolist() == list(range(len(ways)))
    wanted = []
    for n, line in enumerate(lines):
        for number, zone in enumerate(zones):
            held = shapely.intersects_xy(zone.geometry, ways[n, [0, 2]], ways[n, [1, 3]]).any()
            if zone.geometry.intersects(line) and not held:
                wanted.append((n, number))
    assert len(wanted) > 100
    assert cuts(ZoneIndex(zones), *ways) == wanted


def test_cuts_do_not_depend_on_batching() -> None:
    zones = crowd(200, 8)
    rng = np.random.default_rng(8)
    start = rng.uniform([102.5, 17.9], [102.54, 17.94], (500, 2))
    ways = np.hstack([start, start + rng.normal(0, 0.004, start.shape)])
    whole, parts = ZoneIndex(zones), ZoneIndex(zones)
    singly = [(n, zone) for n, way in enumerate(ways) for _, zone in cuts(parts, tuple(way.tolist()))]
    assert cuts(whole, *ways) == singly


def test_a_zone_of_very_many_edges_is_cut_like_any() -> None:
    lake = Zone("lake", ZoneKind.CUSTOM, "Lake", shapely.Point(102, 18).buffer(0.004, quad_segs=3_000))
    index = ZoneIndex([lake])
    assert cuts(index, (101.9951, 18.001, 102.0049, 18.001), (101.9951, 18.001, 102.0, 18.0)) == [(0, 0)]


def test_reach_is_how_far_a_zone_lies_on_either_side_of_the_chord() -> None:
    index = ZoneIndex([YARD])
    east, north = geodesy.metres_per_degree(18.005)
    left, right = index.reach(0, 101.99, 18.002, 102.02, 18.002)
    assert left == pytest.approx(0.008 * north * 1000, rel=1e-4)
    assert right == pytest.approx(0.002 * north * 1000, rel=1e-4)
    assert index.reach(0, 102.02, 18.002, 101.99, 18.002) == (right, left)
    left, right = index.reach(0, 102.004, 17.99, 102.004, 18.02)
    assert (left, right) == (round(0.004 * east * 1000), round(0.006 * east * 1000))


def test_reach_counts_only_parts_that_the_chord_meets() -> None:
    far = shapely.box(102.0, 18.1, 102.01, 18.2)
    both = Zone("both", ZoneKind.YARD, "", YARD.geometry.union(far))
    chord = (101.99, 18.002, 102.02, 18.002)
    assert ZoneIndex([both]).reach(0, *chord) == ZoneIndex([YARD]).reach(0, *chord)
    assert ZoneIndex([both]).reach(0, 101.99, 18.05, 102.02, 18.05) == (0, 0)
    assert ZoneIndex([YARD]).reach(0, 102.005, 18.005, 102.005, 18.005) == (0, 0)


def test_the_meeting_points_of_a_way_through_are_two_fractions() -> None:
    index = ZoneIndex([YARD])
    assert index.meets(0, 101.99, 18.005, 102.02, 18.005) == pytest.approx([1 / 3, 2 / 3], abs=1e-6)
    assert index.meets(0, 101.99, 18.005, 102.005, 18.005) == pytest.approx([2 / 3], abs=1e-6)
    assert index.meets(0, 101.99, 18.05, 102.02, 18.05) == []


def test_a_way_along_a_fence_gives_the_ends_of_the_stretch() -> None:
    index = ZoneIndex([YARD])
    assert index.meets(0, 102.0, 17.995, 102.0, 18.015) == pytest.approx([0.25, 0.75], abs=1e-6)


def test_a_fix_on_the_fence_meets_at_the_end() -> None:
    index = ZoneIndex([YARD])
    assert index.meets(0, 101.99, 18.005, 102.0, 18.005) == pytest.approx([1.0])
    assert index.meets(0, 102.0, 18.005, 101.99, 18.005) == pytest.approx([0.0])


def test_no_way_on_a_fence_and_elsewhere() -> None:
    index = ZoneIndex([YARD])
    assert index.meets(0, 102.005, 18.005, 102.005, 18.005) == []
    assert index.meets(0, 101.0, 18.005, 101.0, 18.005) == []


@given(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))
@settings(max_examples=150, deadline=None)
def test_what_changes_between_the_ends_is_met(x0: float, y0: float, x1: float, y1: float) -> None:
    shape = shapely.Point(0, 0).buffer(0.01, quad_segs=5).difference(shapely.box(-0.002, -0.02, 0.002, 0.0))
    index = ZoneIndex([Zone("u", ZoneKind.YARD, "u", shape)])
    got = index.meets(0, x0, y0, x1, y1)
    inside = shapely.intersects_xy(shape, [x0, x1], [y0, y1])
    assert got == sorted(got)
    assert all(0 <= fraction <= 1 for fraction in got)
    if inside[0] != inside[1]:
        assert got
    for fraction in got:
        assert shapely.Point(point_at((x0, y0, x1, y1), fraction)).distance(shape.boundary) < 1e-6


def test_country_fences_are_met_where_shapely_meets_them() -> None:
    index = INDEX
    china = index.numbers["country-cn"]
    ends = (101.6877196, 21.1907876, 101.6725976, 21.1841821)
    (fraction,) = index.meets(china, *ends)
    assert point_at(ends, fraction) == pytest.approx((101.6812884, 21.1879784), abs=1e-6)


def test_lines_of_long_ways_have_points_every_two_kilometres() -> None:
    way, owner = path.lines(*(np.array([v]) for v in (101.0, 21.0, 101.0, 21.09)))
    assert owner.tolist() == [0]
    assert shapely.get_num_coordinates(way[0]) == 6
