"""A track beside the road by a datum's shift is noticed; a track on it, far from it, or a stand is not.

The road is the simulator's: real places, invented bends.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware_sim import route
from geofences import datum
from geofences.datum_suspicion import Road, Suspicion, suspect

Floats = NDArray[np.float64]
WAY = route.build()
ROAD = Road(WAY.lon, WAY.lat)
BEFORE_THE_GATE_M = 40_000.0


def track(seed: int = 1, every_m: float = 150.0, noise_m: float = 5.0) -> tuple[Floats, Floats]:
    """Samples on the last kilometres of the road in China, with a receiver's noise."""
    dice = np.random.default_rng(seed)
    m = np.arange(WAY.line_m - BEFORE_THE_GATE_M, WAY.line_m - 500, every_m)
    lon, lat = np.interp(m, WAY.m, WAY.lon), np.interp(m, WAY.m, WAY.lat)
    east, north = route.metres_per_degree(lat)
    return lon + dice.normal(0, noise_m, len(m)) / east, lat + dice.normal(0, noise_m, len(m)) / north


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_a_shifted_track_is_suspected_of_its_datum(name: str) -> None:
    found = suspect(*datum.from_wgs84(*track(), name), ROAD)
    assert found.datum == name
    assert found.only_shifted_permille[name] >= 800
    assert found.as_it_is_permille < 200


def test_a_track_on_the_road_is_not() -> None:
    found = suspect(*track(), ROAD)
    assert found.datum is None
    assert found.as_it_is_permille > 950
    assert max(found.only_shifted_permille.values()) == 0


@pytest.mark.parametrize("name", ["wgs84", "gcj02", "bd09"])
def test_a_truck_that_stands_says_nothing(name: str) -> None:
    dice = np.random.default_rng(3)
    lon, lat = track(noise_m=0.0)
    lon, lat = datum.from_wgs84(np.full(5_000, lon[100]), np.full(5_000, lat[100]), name)
    found = suspect(lon + dice.normal(0, 5e-5, 5_000), lat + dice.normal(0, 5e-5, 5_000), ROAD)
    assert found.places < 10
    assert found.datum is None


def test_a_way_beside_the_road_by_some_other_distance_is_not_suspected() -> None:
    lon, lat = track()
    found = suspect(lon + 0.004, lat + 0.003, ROAD)
    assert found.places > 100
    assert found.datum is None


def test_what_lies_elsewhere_is_not_looked_at() -> None:
    lon, lat = track()
    nothing = Suspicion(0, 0, {"gcj02": 0, "bd09": 0}, None)
    assert suspect(lon + 1.0, lat + 1.0, ROAD) == nothing  # no road there
    m = np.arange(WAY.line_m + 2_000, WAY.line_m + 30_000, 150.0)
    assert suspect(np.interp(m, WAY.m, WAY.lon), np.interp(m, WAY.m, WAY.lat), ROAD) == nothing  # in Laos
    assert suspect(np.full(30, np.nan), np.full(30, np.nan), ROAD) == nothing
    assert suspect(lon[:0], lat[:0], ROAD) == nothing


def test_few_places_are_not_enough() -> None:
    lon, lat = datum.from_wgs84(*track(), "gcj02")
    assert suspect(lon[:15], lat[:15], ROAD).datum is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_order_and_repetition_make_no_difference(seed: int, times: int) -> None:
    lon, lat = datum.from_wgs84(*track(), "gcj02")
    at = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(lon)), times))
    assert suspect(lon[at], lat[at], ROAD) == suspect(lon, lat, ROAD)


def test_the_distance_to_a_road_is_that_in_metres() -> None:
    road = Road(np.array([101.0, 101.1]), np.array([22.0, 22.0]))
    east, north = route.metres_per_degree(np.array(22.0))
    lon = np.array([101.05, 101.1 + 300 / float(east), 101.05, 101.05])
    lat = np.array([22.0 + 1_000 / float(north), 22.0, 22.0, 23.0])
    assert road.distance_m(lon, lat, 2_000.0) == pytest.approx([1_000, 300, 0, np.inf], rel=0.01, abs=1e-6)
