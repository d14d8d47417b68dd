import numpy as np
import pytest

from firmware_sim import route
from firmware_sim.errors import ScenarioError


@pytest.fixture(scope="module")
def road() -> route.Route:
    return route.build()


def nearest_m(road: route.Route, lon: float, lat: float) -> float:
    east, north = route.metres_per_degree(road.lat)
    return float(np.hypot((road.lon - lon) * east, (road.lat - lat) * north).min())


def test_passes_every_place_of_the_shipped_file(road: route.Route) -> None:
    for place in route.places("Kunming", "Vientiane"):
        assert nearest_m(road, place.lon, place.lat) < 30, place.name


def test_runs_straight_through_both_towns_of_the_gate_and_over_the_line(road: route.Route) -> None:
    inside = (road.m >= road.exit_m) & (road.m <= road.entry_m)
    assert np.ptp(road.heading_deg[inside]) < 6
    assert road.exit_m < road.line_m < road.entry_m
    assert nearest_m(road, 101.68147, 21.18766) < 100


def test_the_same_seed_gives_the_same_road_and_another_one_another(road: route.Route) -> None:
    assert np.array_equal(route.build().lon, road.lon)
    assert not np.array_equal(route.build(seed=2).lon[:1000], road.lon[:1000])


def test_is_no_row_of_straight_lines(road: route.Route) -> None:
    bends = np.abs((np.diff(road.heading_deg) + 180) % 360 - 180)
    assert np.mean(bends > 0.05) > 0.8


def test_rows_lie_one_step_apart_on_the_ellipsoid(road: route.Route) -> None:
    east, north = route.metres_per_degree((road.lat[1:] + road.lat[:-1]) / 2)
    steps = np.hypot(np.diff(road.lon) * east, np.diff(road.lat) * north)
    assert steps.max() <= route.STEP_M + 0.01
    assert np.mean(steps) > route.STEP_M * 0.995


def test_limits_can_be_kept_by_braking_in_both_directions(road: route.Route) -> None:
    for limit in (road.limit_there, road.limit_back[::-1]):
        assert (np.diff(limit**2) >= -2 * 0.5 * route.STEP_M - 1e-9).all()
        assert limit.min() > 2


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [("Paris", "Vientiane", "unknown place: got 'Paris'"), ("Nateuy", "Vientiane", "misses the gate")],
)
def test_a_road_that_can_not_be_built_is_refused(first: str, last: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        route.build(first, last)
