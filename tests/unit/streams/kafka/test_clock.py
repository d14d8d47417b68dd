"""A clock that does not go with Kafka's is found, and nothing is taken until it is set."""

from __future__ import annotations

import pytest

from streams.kafka.clock import MOST_MS, Clock, ClockOffError


class Wall:
    """Kafka's clock, and ours beside it."""

    def __init__(self) -> None:
        self.true_ms, self.ahead_ms, self.asked = 1_700_000_000_000, 0, 0
        self.clock = Clock(lambda: self.true_ms + self.ahead_ms)

    def ask(self) -> None:
        self.asked += 1
        sent = self.clock.now_ms()
        self.true_ms += 20
        stamped = self.true_ms
        self.true_ms += 20
        self.clock.compare(sent, stamped)

    def require(self) -> None:
        self.clock.require(self.ask)


@pytest.mark.parametrize("ahead_ms", [0, 1_000, -1_000, MOST_MS - 100, 100 - MOST_MS])
def test_a_clock_that_goes_well_is_asked_once(ahead_ms: int) -> None:
    wall = Wall()
    wall.ahead_ms = ahead_ms
    wall.require()
    wall.require()
    assert wall.asked == 1


@pytest.mark.parametrize(("ahead_ms", "way"), [(3_600_000, "3600 s ahead of"), (-3_600_000, "3600 s behind")])
def test_a_clock_that_is_an_hour_off_is_told(ahead_ms: int, way: str) -> None:
    wall = Wall()
    wall.ahead_ms = ahead_ms
    with pytest.raises(ClockOffError, match=way) as caught:
        wall.require()
    assert caught.value.retry_after > 0


def test_a_clock_that_was_set_is_trusted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wall, now = Wall(), 0.0
    monkeypatch.setattr("streams.kafka.clock.time.monotonic", lambda: now)
    wall.ahead_ms = 3_600_000
    with pytest.raises(ClockOffError):
        wall.require()
    wall.ahead_ms = 0
    with pytest.raises(ClockOffError):  # it is not asked at every turn
        wall.require()
    now = 6.0
    wall.require()
    assert wall.asked == 2


def test_a_clock_that_jumps_is_found_by_what_is_appended() -> None:
    wall = Wall()
    wall.require()
    wall.ahead_ms = -3_600_000
    wall.ask()
    with pytest.raises(ClockOffError, match="behind"):
        wall.require()


def test_a_slow_confirmation_is_no_wrong_clock() -> None:
    wall = Wall()
    sent = wall.clock.now_ms()
    wall.true_ms += 10 * MOST_MS
    wall.clock.compare(sent, wall.true_ms - MOST_MS)
    assert wall.clock.off_ms == 0


def test_when_nothing_can_be_told_work_goes_on() -> None:
    Wall().clock.require(lambda: None)
