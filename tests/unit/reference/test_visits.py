"""Rules 4 to 7: brackets, visits, cuts and countries."""

from __future__ import annotations

import pytest

from tests.reference.fences import time_share
from tests.unit.reference.tracks import T0, at, drive, seconds, stand, visits


def test_an_end_lies_between_the_last_fix_outside_and_the_first_one_inside() -> None:
    (visit,) = visits(
        [at(0, -0.012), at(100, -0.008), at(200, -0.004), at(300, 0.0), at(400, 0.001)], "port-la"
    )
    assert seconds(visit["enter"]) == (0, 50, 100)
    assert seconds(visit["leave"]) == (200, 250, 300)
    assert visit["enter"]["lon_e7"] == -100_000
    assert visit["dwell_ms"] == 200_000
    assert (visit["state"], visit["how"], visit["confidence_permille"]) == ("closed", "path", 1000)


def test_a_truck_that_brakes_meets_the_fence_in_the_middle_before_half_of_the_time() -> None:
    assert time_share(0.5, 4_000, 4_000) == 0.5
    assert time_share(0.75, 4_000, 0) == pytest.approx(0.5)
    assert time_share(0.25, 0, 4_000) == pytest.approx(0.5)
    assert time_share(0.75, 199, 0) == 0.75
    assert time_share(0.75, None, 4_000) == 0.75
    assert time_share(1.0, 0, 4_000) == 1.0


def test_the_first_fix_inside_is_an_open_beginning() -> None:
    (visit,) = visits([at(5, -0.005)], "port-la")
    assert seconds(visit["enter"]) == (None, 5, 5)
    assert (visit["how"], visit["state"], visit["leave"], visit["dwell_ms"]) == (
        "open_beginning",
        "open",
        None,
        None,
    )


def test_an_absence_shorter_than_the_grace_is_none() -> None:
    samples = [at(0, -0.005), at(10, -0.011), at(59.999, -0.005)]
    assert len(visits(samples, "port-la")) == 1
    assert visits(samples, "port-la")[0]["leave"] is None


@pytest.mark.parametrize("back_s", [60, 100])
def test_an_absence_of_the_grace_or_longer_ends_the_visit(back_s: float) -> None:
    first, second = visits([at(0, -0.005), at(10, -0.011), at(back_s, -0.005)], "port-la")
    assert seconds(first["leave"])[::2] == (0, 10)
    assert seconds(second["enter"])[::2] == (10, back_s)


def test_a_visit_is_open_until_a_fix_outside_shows_that_the_grace_has_passed() -> None:
    samples = [at(0, -0.005), at(10, -0.011), at(59, -0.011)]
    assert [v["state"] for v in visits(samples, "port-la")] == ["open"]
    assert [v["state"] for v in visits([*samples, at(60, -0.011)], "port-la")] == ["closed"]


def test_a_long_gap_inside_does_not_end_a_visit() -> None:
    assert len(visits([at(0, -0.005), at(90_000, -0.006)], "port-la")) == 1


def test_a_stay_shorter_than_the_minimum_dwell_is_no_visit() -> None:
    outside = [at(0, -0.51), at(99, -0.5001), at(1_000, -0.52)]
    assert visits([*outside, at(100, -0.4999), at(217, -0.4999), at(219, -0.5001)], "yard") == []
    assert len(visits([*outside, at(100, -0.4999), at(220, -0.4999), at(222, -0.5001)], "yard")) == 1


def test_a_stay_seen_by_one_fix_counts_when_its_estimate_is_long_enough() -> None:
    samples = [at(0, -0.51), at(300, -0.45), at(600, -0.51), at(1_000, -0.52)]
    (visit,) = visits(samples, "yard")
    assert visit["enter"]["latest_ms"] == visit["leave"]["earliest_ms"] == T0 + 300_000


def test_two_parts_of_a_visit_count_together_for_the_minimum_dwell() -> None:
    samples = [at(0, -0.51), at(100, -0.45), at(110, -0.39), at(150, -0.45), at(220, -0.45), at(900, -0.51)]
    (visit,) = visits(samples, "yard")
    assert visit["enter"]["latest_ms"] == T0 + 100_000
    assert visit["leave"]["earliest_ms"] == T0 + 220_000


def test_a_fast_way_through_a_port_is_a_sure_cut() -> None:
    (visit,) = visits([at(0, -0.012), at(40, 0.0)], "port-la")
    assert (visit["how"], visit["confidence_permille"], visit["state"]) == ("cut", 1000, "closed")
    assert seconds(visit["enter"]) == (0, 6.667, 40)
    assert seconds(visit["leave"]) == (0, 33.333, 40)


def test_a_gap_long_enough_to_drive_round_a_port_makes_a_possible_visit() -> None:
    """An hour at 130 km/h reaches 64.8 km to each side; the fence is 1.095 km away: 1.095 / 64.8 = 0.0169."""
    (visit,) = visits([at(0, -0.012), at(3_600, 0.0)], "port-la")
    assert visit["how"] == "possible"
    assert visit["confidence_permille"] == 16
    slower, faster = (visits([at(0, -0.012), at(s, 0.0)], "port-la")[0] for s in (900, 300))
    assert 16 < slower["confidence_permille"] < faster["confidence_permille"] < 1000


def test_a_cut_while_the_grace_runs_belongs_to_the_visit() -> None:
    samples = [at(0, -0.005), at(10, -0.011), at(50, -0.001), at(69, -0.001)]
    (visit,) = visits(samples, "port-la")
    assert visit["state"] == "open"
    (visit,) = visits([*samples, at(70, -0.001)], "port-la")
    assert seconds(visit["leave"])[::2] == (10, 50)
    assert visit["leave"]["lon_e7"] == -20_000


def test_a_cut_after_the_grace_is_a_visit_of_its_own() -> None:
    first, second = visits([at(0, -0.005), at(10, -0.011), at(60, -0.001)], "port-la")
    assert first["leave"]["latest_ms"] == T0 + 10_000
    assert second["how"] == "cut"


def test_nothing_is_added_to_a_cut() -> None:
    assert [v["how"] for v in visits([at(0, -0.012), at(40, 0.0), at(50, -0.005)], "port-la")] == [
        "cut",
        "path",
    ]


def test_the_country_changes_when_the_other_one_has_held_for_the_grace() -> None:
    back, stays = at(29, -0.001), at(30, 0.002)
    assert [v["state"] for v in visits([at(-10, -0.001), at(0, 0.001), back], "la")] == ["open"]
    (la,) = visits([at(-10, -0.001), at(0, 0.001), stays], "la")
    (cn,) = visits([at(-10, -0.001), at(0, 0.001), stays], "cn")
    assert la["leave"] == cn["enter"]
    assert seconds(la["leave"]) == (-10, -5, 0)
    assert (la["how"], cn["how"]) == ("open_beginning", "path")


def test_wobbling_over_the_line_is_no_change_of_country() -> None:
    samples = [at(10 * i, 0.0002 if i % 2 else -0.0002) for i in range(50)]
    assert len(visits(samples, "la")) == 1
    assert visits(samples, "cn") == []


def test_standing_on_the_line_is_in_no_country_and_changes_nothing() -> None:
    """It belongs to both: crossed between the last fix in one alone and the first in the other alone."""
    samples = [at(0, -0.001), *stand(10, 500, 0.0), at(510, 0.001), at(540, 0.002)]
    (cn,) = visits(samples, "cn")
    assert seconds(cn["enter"])[::2] == (0, 510)


def test_a_drive_through_the_world_visits_all_its_zones_once() -> None:
    samples = drive(0, -0.2, 0.2)
    for zone in ("la", "cn", "ap-la", "ap-cn", "port-la", "port-cn"):
        assert len(visits(samples, zone)) == 1, zone
