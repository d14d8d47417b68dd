"""Uptime from the instants at which the log grew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.clearance.uptime import uptime


def test_a_log_that_ticks_was_up() -> None:
    found = uptime(range(0, 600_000, 10_000), 0, 600_000)
    assert (found["up_permille"], found["down_s"], found["outages"]) == (1000, 0, [])


def test_a_silence_is_an_outage_with_its_ends() -> None:
    found = uptime([0, 10_000, 310_000, 320_000, 400_000], 0, 420_000, silence_ms=100_000)
    assert found["outages"] == [{"from_ms": 10_000, "until_ms": 310_000}]
    assert (found["down_s"], found["up_permille"]) == (300, 285)


def test_a_log_without_records_in_the_period_was_down() -> None:
    found = uptime([5], 1_000_000, 2_000_000)
    assert (found["up_permille"], found["outages"]) == (0, [{"from_ms": 1_000_000, "until_ms": 2_000_000}])


def test_an_empty_period_has_no_share() -> None:
    assert uptime([], 5, 5)["up_permille"] is None


@given(st.lists(st.integers(0, 1_000_000), max_size=50), st.integers(1, 200_000))
def test_outages_do_not_overlap_and_sum_up(instants: list[int], silence: int) -> None:
    found = uptime(instants, 0, 1_000_000, silence)
    ends = [end for outage in found["outages"] for end in (outage["from_ms"], outage["until_ms"])]
    assert ends == sorted(ends)
    assert found["down_s"] == round(sum(o["until_ms"] - o["from_ms"] for o in found["outages"]) / 1000)
