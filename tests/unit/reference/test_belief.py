"""Rules 1 to 3: which samples are believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.reference.belief import believed
from tests.reference.values import Sample
from tests.unit.reference.tracks import RULES, at


def lons(samples: list[Sample]) -> list[float]:
    return [x.lon / 1e7 for x in believed(samples, RULES)]


def test_equal_samples_are_one() -> None:
    x = at(0, -0.2)
    assert len(believed([x, replace(x, received=x.t + 5_000), x], RULES)) == 1


def test_of_copies_one_that_is_good_is_enough() -> None:
    x = at(200, -0.2)
    early, late = replace(x, received=x.t - 130_000), replace(x, received=x.t + 5_000)
    assert believed([early], RULES) == []
    assert believed([early, late], RULES) == believed([late, early], RULES) == [late]


def test_of_two_contents_at_one_instant_the_smallest_counts() -> None:
    assert lons([at(0, -0.1), at(0, -0.2), at(0, -0.15)]) == [-0.2]


def test_of_two_contents_at_one_instant_a_good_one_counts_before_a_smaller_bad_one() -> None:
    assert lons([at(0, -0.1), at(0, -0.2, fix=0)]) == [-0.1]


def test_what_was_not_measured_is_smaller_than_any_measure() -> None:
    assert [x.speed for x in believed([at(0, -0.1, 3.0), at(0, -0.1)], RULES)] == [None]


@pytest.mark.parametrize(
    "bad",
    [
        at(0, -0.2, fix=0),
        at(0, -0.2, fix=1),
        at(0, -0.2, hdop=2_000),
        at(0, 0.0, lat=0.0),
        replace(at(500, -0.2), received=at(0, 0).t + 379_999),
        replace(at(0, -0.2), t=946_684_799_999),
        replace(at(0, -0.2), received=at(0, 0).t + 1024 * 7 * 86_400_000 - 86_400_000),
    ],
)
def test_a_sample_with_a_flag_is_not_believed(bad: Sample) -> None:
    assert believed([bad], RULES) == []


@pytest.mark.parametrize("good", [at(0, -0.2, fix=None, hdop=None), at(0, -0.2, fix=2, hdop=1_999)])
def test_a_sample_that_does_not_say_or_is_just_good_enough_is_believed(good: Sample) -> None:
    assert believed([good], RULES) == [good]


def test_a_single_jump_is_left_out() -> None:
    assert lons([at(0, -0.2), at(10, 0.2), at(20, -0.2)]) == [-0.2, -0.2]


def test_three_jumps_that_agree_move_the_asset_over() -> None:
    assert lons([at(0, -0.2), at(10, 0.2), at(20, 0.2), at(30, 0.2), at(40, 0.2)]) == [-0.2, 0.2, 0.2]


def test_jumps_that_do_not_agree_never_count() -> None:
    assert lons([at(0, -0.2), *(at(10 * i, 0.2 * (-1) ** i + 0.3) for i in range(1, 9))]) == [-0.2]


def test_a_fix_between_jumps_that_follows_makes_the_count_begin_anew() -> None:
    samples = [at(0, -0.2), at(10, 0.2), at(20, 0.2), at(30, -0.2), at(40, 0.2), at(50, 0.2)]
    assert lons(samples) == [-0.2, -0.2]


def test_after_ten_minutes_any_place_is_believed() -> None:
    assert lons([at(0, -0.2), at(599.999, 0.9)]) == [-0.2]
    assert lons([at(0, -0.2), at(600, 0.9)]) == [-0.2, 0.9]


def test_the_same_place_while_the_wheels_turn_is_not_believed() -> None:
    assert lons([at(0, -0.2), at(10, -0.2, wheel=720)]) == [-0.2]
    assert lons([at(0, -0.2), at(10, -0.2, wheel=719)]) == [-0.2, -0.2]
    assert lons([at(0, -0.2), at(10, -0.1999, wheel=720)]) == [-0.2, -0.1999]
