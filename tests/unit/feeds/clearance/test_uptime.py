"""Uptime from the spans in which the system ran."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.clearance.uptime import uptime


def test_a_system_that_ran_all_the_time_was_up() -> None:
    found = uptime([(0, 300_000), (310_000, 700_000)], 0, 600_000)
    assert (found["up_permille"], found["down_s"], found["outages"]) == (1000, 0, [])


def test_an_outage_has_its_ends() -> None:
    found = uptime([(310_000, 400_000), (0, 10_000)], 0, 420_000, silence_ms=100_000)
    assert found["outages"] == [{"from_ms": 10_000, "until_ms": 310_000}]
    assert (found["down_s"], found["up_permille"]) == (300, 285)


def test_a_system_that_never_ran_was_down() -> None:
    found = uptime([(5, 6)], 1_000_000, 2_000_000)
    assert (found["up_permille"], found["outages"]) == (0, [{"from_ms": 1_000_000, "until_ms": 2_000_000}])


def test_an_empty_period_has_no_share() -> None:
    assert uptime([], 5, 5)["up_permille"] is None


@given(
    st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 300_000)), max_size=30),
    st.integers(1, 200_000),
)
def test_outages_are_exactly_the_long_gaps(runs: list[tuple[int, int]], silence: int) -> None:
    spans = [(begin, begin + length) for begin, length in runs]
    found = uptime(spans, 0, 1_000_000, silence)
    ends = [end for outage in found["outages"] for end in (outage["from_ms"], outage["until_ms"])]
    assert ends == sorted(ends)
    for outage in found["outages"]:
        assert outage["until_ms"] - outage["from_ms"] > silence
        assert not any(a < outage["until_ms"] and b > outage["from_ms"] for a, b in spans)
    covered = sorted([*spans, *((o["from_ms"], o["until_ms"]) for o in found["outages"])])
    up_to = 0
    for begin, end in [*covered, (1_000_000, 1_000_000)]:
        assert begin - up_to <= silence
        up_to = max(up_to, end)
