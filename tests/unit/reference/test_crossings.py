"""Rules 8 and 9: crossings, and crossings of the line away from any gate."""

from __future__ import annotations

import pytest

from tests.reference.values import Sample
from tests.unit.reference.tracks import at, crossings, drive, seconds, seen, stand

STAGES = ["approach", "exit_port", "exit_port_left", "line", "entry_port", "leave"]


def test_a_drive_through_the_gate_is_one_completed_crossing_with_its_stages_in_order() -> None:
    (crossing,) = crossings(drive(0, -0.2, 0.2))
    assert (crossing["direction"], crossing["state"]) == ("LA>CN", "completed")
    assert seen(crossing) == STAGES
    estimates = [seconds(crossing["stages"][name])[1] for name in STAGES]
    assert estimates == sorted(estimates)
    assert crossing["duration_ms"] == pytest.approx(0.020 * 111_319.5 / (40 / 3.6) * 1000, rel=0.01)
    dwell = crossing["dwell_ms"]
    assert dwell["exit_port"] + dwell["between"] + dwell["entry_port"] == crossing["duration_ms"]
    assert crossing["confidence_permille"] == 1000


def test_the_way_back_is_another_one_in_the_other_direction() -> None:
    samples = drive(0, -0.2, 0.2) + drive(10_000, 0.2, -0.2)
    assert [c["direction"] for c in crossings(samples)] == ["LA>CN", "CN>LA"]


@pytest.mark.parametrize(
    ("until", "state"),
    [(-0.006, "at_exit_port"), (-0.001, "at_exit_port"), (0.0015, "between"), (0.006, "at_entry_port")],
)
def test_the_state_tells_how_far_it_has_come(until: float, state: str) -> None:
    samples = drive(0, -0.2, until)
    end_s = (samples[-1].t - samples[0].t) / 1000
    (crossing,) = crossings([*samples, *stand(end_s + 10, end_s + 100, until)])
    assert crossing["state"] == state
    assert crossing["duration_ms"] is None


def test_a_truck_that_turns_at_the_exit_port_has_turned_back() -> None:
    (crossing,) = crossings(drive(0, -0.2, -0.005) + drive(4_000, -0.005, -0.2))
    assert crossing["state"] == "turned_back"
    assert seen(crossing) == ["approach", "exit_port", "exit_port_left", "leave"]
    assert crossing["duration_ms"] is None


def test_a_truck_that_comes_back_to_the_exit_port_is_still_in_the_same_crossing() -> None:
    first = drive(0, -0.2, -0.02) + drive(2_000, -0.02, -0.005) + drive(3_000, -0.005, -0.03)
    (crossing,) = crossings([*first, *drive(4_000, -0.03, 0.2)])
    assert crossing["state"] == "completed"
    assert seconds(crossing["stages"]["exit_port"])[1] < 2_200
    assert seconds(crossing["stages"]["exit_port_left"])[1] > 4_000


def test_a_truck_that_leaves_the_entry_port_towards_the_line_has_crossed_and_crosses_again() -> None:
    samples = drive(0, -0.2, 0.005) + drive(3_000, 0.005, -0.0015)
    there, back = crossings([*samples, *stand(3_200, 3_400, -0.0015)])
    assert (there["direction"], there["state"]) == ("LA>CN", "completed")
    assert (back["direction"], back["state"]) == ("CN>LA", "between")


def test_a_truck_that_crosses_the_line_and_comes_back_before_the_entry_port_is_at_the_exit_port_again() -> (
    None
):
    samples = drive(0, -0.2, 0.001) + stand(2_100, 2_200, 0.001) + drive(2_210, 0.001, -0.0015)
    (crossing,) = crossings([*samples, *stand(2_300, 2_400, -0.0015)])
    assert crossing["state"] == "at_exit_port"
    assert "line" not in seen(crossing)


def test_a_short_gap_over_the_whole_gate_still_gives_a_sure_crossing() -> None:
    samples = drive(0, -0.2, -0.015) + drive(1_950, 0.015, 0.2)
    (crossing,) = crossings(samples)
    assert crossing["state"] == "completed"
    assert seen(crossing) == STAGES
    assert crossing["confidence_permille"] == 1000


def test_a_long_gap_over_the_whole_gate_gives_a_crossing_that_is_not_sure() -> None:
    (crossing,) = crossings(drive(0, -0.2, -0.015) + drive(6_000, 0.015, 0.2))
    assert crossing["state"] == "completed"
    assert 0 < crossing["confidence_permille"] < 200


def test_a_track_that_begins_beyond_the_exit_port_has_no_exit_port() -> None:
    (crossing,) = crossings(drive(0, -0.001, 0.2))
    assert crossing["state"] == "completed"
    assert seen(crossing) == ["approach", "line", "entry_port", "leave"]
    assert seconds(crossing["stages"]["approach"])[0] is None


def beside_the_gate(t_s: float, lon0: float, lon1: float, lat: float, hdop: int | None = 100) -> list[Sample]:
    """A drive at some latitude, a fix each 30 s at 40 km/h."""
    return [
        at(t_s + (x.t - drive(0, 0, 1)[0].t) / 1000, x.lon / 1e7, 40, lat, hdop=hdop)
        for x in drive(0, lon0, lon1)
    ]


def test_the_line_crossed_far_from_any_gate_is_off_gate() -> None:
    (crossing,) = crossings(beside_the_gate(0, -0.1, 0.1, 0.5))
    assert (crossing["gate"], crossing["gate_name"], crossing["state"]) == (None, None, "off_gate")
    assert crossing["direction"] == "LA>CN"
    assert seen(crossing) == ["line"]


@pytest.mark.parametrize(("hdop", "metres"), [(100, 115), (None, 130), (1_000, 250)])
def test_off_gate_needs_a_fix_deeper_in_the_other_country_than_its_doubt(
    hdop: int | None, metres: float
) -> None:
    def depth(metres: float) -> list[Sample]:
        lon = metres / 111_319.5
        there = [at(60 + 10 * i, lon, 0.0, 0.5, hdop=hdop) for i in range(9)]
        return [*beside_the_gate(0, -0.001, -0.0005, 0.5), *there]

    assert crossings(depth(metres - 1)) == []
    assert [c["state"] for c in crossings(depth(metres + 1))] == ["off_gate"]


def test_a_deep_fix_after_the_way_back_does_not_make_the_first_line_off_gate() -> None:
    lon = 100 / 111_319.5
    there = [at(10 * i, -lon if i < 10 or i > 20 else lon, 0.0, 0.5) for i in range(40)]
    directions = [c["direction"] for c in crossings([*there, *beside_the_gate(500, -0.0009, -0.1, 0.5)])]
    assert "LA>CN" not in directions
