"""Distances against exact geodesics, computed once with GeographicLib and written down."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geofences import geodesy

VECTORS = Path(__file__).parents[2] / "data" / "geodesy" / "karney.csv"
# lon0, lat0, lon1, lat1, distance (m), azimuth at the start, lon and lat of the middle
EXACT = np.loadtxt(VECTORS, delimiter=",", skiprows=1)

Floats: TypeAlias = NDArray[np.float64]

lons = st.floats(-180, 180)
lats = st.floats(-89.9, 89.9)


def columns(*values: float) -> list[Floats]:
    return [np.array([value]) for value in values]


@pytest.mark.parametrize(("longest_m", "error_mm"), [(120_000, 1), (600_000, 900), (6_000_000, 8_000)])
def test_distances_are_those_of_the_ellipsoid(longest_m: float, error_mm: int) -> None:
    rows = EXACT[EXACT[:, 4] < longest_m]
    got = geodesy.distance_mm(*rows[:, :4].T)
    assert got.dtype == np.int64
    assert np.abs(got - rows[:, 4] * 1000).max() <= error_mm


def test_bearings_destinations_and_middles_are_those_of_the_ellipsoid() -> None:
    rows = EXACT[EXACT[:, 4] < 25_000]
    lon0, lat0, lon1, lat1, distance, azimuth, middle_lon, middle_lat = rows.T
    off = geodesy.wrap_deg(geodesy.bearing_deg(lon0, lat0, lon1, lat1) - azimuth)
    assert np.abs(off).max() < 1e-3
    there = geodesy.destination(lon0, lat0, azimuth, distance)
    assert geodesy.distance_mm(*there, lon1, lat1).max() < 100
    halfway = geodesy.interpolate(lon0, lat0, lon1, lat1, np.full(len(rows), 0.5))
    assert geodesy.distance_mm(*halfway, middle_lon, middle_lat).max() < 100


def test_a_degree_of_the_equator_and_of_a_meridian() -> None:
    assert geodesy.distance_mm(*columns(10, 0, 11, 0))[0] == 111_319_491
    assert geodesy.distance_mm(*columns(0, 44.5, 0, 45.5))[0] == pytest.approx(111_131_778, abs=5)


def test_a_sphere_would_be_metres_off_where_this_is_not() -> None:
    exact = EXACT[(EXACT[:, 4] > 5_000) & (EXACT[:, 4] < 25_000)]
    p0, p1 = np.radians(exact[:, 1]), np.radians(exact[:, 3])
    half = np.sin((p1 - p0) / 2) ** 2
    half += np.cos(p0) * np.cos(p1) * np.sin(np.radians(exact[:, 2] - exact[:, 0]) / 2) ** 2
    sphere = 2 * geodesy.MEAN_RADIUS_M * np.arcsin(np.sqrt(half))
    assert np.abs(sphere - exact[:, 4]).max() > 5


@given(lons, lats, lons, lats)
def test_distance_is_symmetric_and_not_negative(lon0: float, lat0: float, lon1: float, lat1: float) -> None:
    there = geodesy.distance_mm(*columns(lon0, lat0, lon1, lat1))[0]
    back = geodesy.distance_mm(*columns(lon1, lat1, lon0, lat0))[0]
    assert there == back >= 0


@given(lons, lats)
def test_no_way_is_no_distance(lon: float, lat: float) -> None:
    assert geodesy.distance_mm(*columns(lon, lat, lon, lat))[0] == 0


@given(st.lists(st.tuples(lons, lats, lons, lats), min_size=1, max_size=40), st.integers(1, 7))
def test_batching_changes_no_millimetre(rows: list[tuple[float, ...]], size: int) -> None:
    table = np.array(rows)
    whole = geodesy.distance_mm(*table.T)
    parts = [geodesy.distance_mm(*table[n : n + size].T) for n in range(0, len(table), size)]
    assert np.concatenate(parts).tolist() == whole.tolist()


lons_e7 = st.integers(-1_800_000_000, 1_800_000_000)
lats_e7 = st.integers(-900_000_000, 900_000_000)
near_e7 = st.integers(-20_000_000, 20_000_000)


@given(lons_e7, lats_e7, st.one_of(lons_e7, near_e7), st.one_of(lats_e7, near_e7))
def test_whole_numbers_give_the_same_millimetre(lon0: int, lat0: int, lon1: int, lat1: int) -> None:
    wanted = geodesy.distance_mm(*(column * 1e-7 for column in columns(lon0, lat0, lon1, lat1)))
    assert geodesy.distance_mm_e7(lon0, lat0, lon1, lat1) == wanted[0]


def test_one_point_to_many() -> None:
    got = geodesy.distance_mm(np.array([10.0]), np.array([0.0]), np.array([10.0, 11.0]), np.zeros(2))
    assert got.tolist() == [0, 111_319_491]


def test_the_way_over_the_antimeridian_is_short() -> None:
    assert geodesy.distance_mm(*columns(179.999, 10, -179.999, 10))[0] < 220_000
    start_lon, start_lat, end_lon, end_lat = columns(179.9, 10, -179.7, 10)
    lon, _ = geodesy.interpolate(start_lon, start_lat, end_lon, end_lat, np.array([0.5]))
    assert lon[0] == pytest.approx(-179.9, abs=1e-9)


def test_interpolation_gives_the_ends_exactly() -> None:
    ends = columns(101.6877196, 21.1907876, 101.6725976, 21.1841821)
    lon, lat = geodesy.interpolate(ends[0], ends[1], ends[2], ends[3], np.array([0.0, 1.0]))
    assert lon.tolist() == [101.6877196, 101.6725976]
    assert lat.tolist() == [21.1907876, 21.1841821]
