"""Hours of the local day against counting minute by minute."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cover.localtime import DAY_MS, NIGHT, month, offset_ms, within

MINUTE = 60_000
DAY = st.integers(0, 1_439)


def plainly(begin: int, end: int, hours: tuple[int, int], ahead_ms: int) -> int:
    """Minute by minute."""
    count = 0
    for at in range(begin, end, MINUTE):
        local = (at + ahead_ms) // MINUTE % 1_440
        first, last = hours
        count += first <= local < last if first <= last else local >= first or local < last
    return count * MINUTE


@given(st.integers(-3_000, 30_000), st.integers(0, 4_000), DAY, DAY, st.integers(-840, 840))
@settings(deadline=None, max_examples=200)
def test_it_is_what_counting_minutes_gives(
    begin: int, length: int, first: int, last: int, ahead: int
) -> None:
    ends = begin * MINUTE, (begin + length) * MINUTE
    got = within(*ends, (first, last), ahead * MINUTE)
    assert got == plainly(*ends, (first, last), ahead * MINUTE)


@given(st.integers(0, 10**9), st.integers(0, 10**8), st.integers(0, 10**8))
def test_parts_sum_up_to_the_whole(begin: int, a: int, b: int) -> None:
    whole = within(begin, begin + a + b, NIGHT, 0)
    assert within(begin, begin + a, NIGHT, 0) + within(begin + a, begin + a + b, NIGHT, 0) == whole


def test_a_month_is_the_local_one() -> None:
    last = 20_758 * DAY_MS - 3_600_000  # 2026-11-01 less an hour, UTC
    assert month(last, 0) == "2026-10"
    assert month(last, offset_ms("CN")) == "2026-11"
    assert month(last, offset_ms("CN", {"CN": 0})) == "2026-10"
    assert offset_ms("XX") == 0
