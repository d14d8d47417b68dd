from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.clock import SimClock


def test_it_runs_faster_until_it_has_caught_up_and_then_with_the_wall() -> None:
    clock = SimClock(sim_s=1_000.0, wall_s=7_000.0, speed_up=61.0)
    assert clock.at(7_010.0) == 1_610.0
    assert clock.at(7_100.0) == 7_100.0
    assert clock.at(9_000.0) == 9_000.0


@given(st.floats(0, 1e6), st.floats(1, 1e4), st.floats(0, 1e6), st.floats(0, 1e6))
def test_it_never_lies_in_the_future_and_never_goes_back(
    lag: float, speed: float, a: float, b: float
) -> None:
    clock = SimClock(1e9 - lag, 1e9, speed)
    first, last = sorted((a, b))
    assert clock.at(1e9 + last) <= 1e9 + last
    assert clock.at(1e9 + first) <= clock.at(1e9 + last)
