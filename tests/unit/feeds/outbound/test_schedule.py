"""When a delivery is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.outbound.schedule import PAUSES_S, Answer, Verdict, judge, throttles


@pytest.mark.parametrize(
    ("status", "want"), [(200, Verdict.DELIVERED), (204, Verdict.DELIVERED), (410, Verdict.GONE)]
)
def test_an_end_is_an_end(status: int, want: Verdict) -> None:
    assert judge(Answer(status), 1, "e") == (want, 0.0)


@given(
    status=st.one_of(st.none(), st.integers(300, 599).filter(lambda s: s != 410)), attempt=st.integers(1, 9)
)
def test_everything_else_is_tried_again_ever_later(status: int | None, attempt: int) -> None:
    verdict, pause = judge(Answer(status), attempt, "e")
    assert verdict is Verdict.AGAIN
    assert PAUSES_S[attempt - 1] <= pause <= 1.2 * PAUSES_S[attempt - 1]


def test_after_the_tenth_attempt_it_is_parked() -> None:
    assert judge(Answer(500), len(PAUSES_S) + 1, "e")[0] is Verdict.PARKED


def test_it_is_tried_for_more_than_three_days() -> None:
    assert sum(PAUSES_S) > 3 * 86_400


def test_two_deliveries_do_not_come_back_at_the_same_instant() -> None:
    assert judge(Answer(500), 3, "a")[1] != judge(Answer(500), 3, "b")[1]


def test_the_receivers_wish_counts_up_to_a_day() -> None:
    assert judge(Answer(500, retry_after_s=4_000), 1, "e")[1] == 4_000
    assert judge(Answer(500, retry_after_s=1e9), 1, "e")[1] == 86_400


@pytest.mark.parametrize(
    ("status", "away"), [(None, True), (429, True), (503, True), (500, False), (302, False)]
)
def test_an_answer_that_says_that_the_receiver_is_away(status: int | None, away: bool) -> None:
    assert throttles(Answer(status)) is away
