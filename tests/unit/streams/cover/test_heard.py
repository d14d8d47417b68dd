"""Sums of reports: the same whatever the order, and however often they were summed up between."""

from __future__ import annotations

import random
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cover import heard
from streams.cover.driving import WIDTH
from streams.engine import coverears
from streams.engine.coverears import Ears

MINUTE = 60_000
REPORT = st.tuples(
    st.integers(0, 3),  # row
    st.integers(0, 300),  # minute of the beginning
    st.integers(0, 20),  # minutes that it lasts
    st.integers(-5, 5),
    st.integers(0, 2),
)


Report = tuple[int, int, int, int, int]


def rows(reports: list[Report]) -> npt.NDArray[np.int64]:
    """The reports as columns of ``told``."""
    made = [
        [row, t * MINUTE, lon, -lon, (t + lasts) * MINUTE, lon + 1, lon - 1, signed, 900, 10]
        for row, t, lasts, lon, signed in reports
    ]
    return np.array(made, np.int64).reshape(-1, WIDTH)


def sums(ears: Ears, row: int) -> tuple[list[heard.Run], dict[str, heard.Sums]]:
    """What is known of a row."""
    pieces = ears.take(row)
    held: dict[str, heard.Sums] = {}
    for _, hour, one in pieces:
        heard.counted(held, hour, one)
    return heard.united([], [run for run, _, _ in pieces]), dict(sorted(held.items()))


def plainly(reports: list[Report], row: int) -> tuple[list[heard.Run], dict[str, heard.Sums]]:
    """The same, report by report."""
    runs: list[heard.Run] = []
    hours: dict[str, heard.Sums] = {}
    for one in rows([report for report in reports if report[0] == row]).tolist():
        runs = heard.united(runs, [one[1:7]])
        heard.counted(hours, one[1] // heard.HOUR_MS, [1, int(one[7] == 1), int(one[7] == 2), *one[8:]])
    return runs, dict(sorted(hours.items()))


@given(st.lists(REPORT, max_size=60), st.integers(1, 9), st.integers(0, 1 << 30))
@settings(deadline=None, max_examples=200)
def test_any_order_gives_what_report_by_report_gives(reports: list[Report], size: int, seed: int) -> None:
    shuffled = random.Random(seed).sample(reports, len(reports))
    with patch.object(coverears, "_FIRST", 1):
        ears, again = Ears(), Ears()
        for first in range(0, len(shuffled), size):
            ears.add(rows(shuffled[first : first + size]), 4)
        again.load(memoryview(ears.dump()), 4)
    for row in range(4):
        want = plainly(reports, row)
        assert sums(ears, row) == want
        assert sums(again, row) == want
        assert sums(ears, row) == ([], {})


@given(st.lists(REPORT, max_size=40))
@settings(deadline=None)
def test_runs_are_apart_by_more_than_a_silence_and_hold_all(
    reports: list[Report],
) -> None:
    parts = rows(reports)[:, 1:7].tolist()
    runs = heard.united([], parts)
    for before, after in pairwise(runs):
        assert after[0] - before[3] > heard.SILENCE_MS
    for part in parts:
        assert sum(run[0] <= part[0] and part[3] <= run[3] for run in runs) == 1


def test_what_was_taken_comes_no_more_but_what_is_new_does() -> None:
    ears = Ears()
    assert ears.add(rows([(1, 0, 5, 0, 0), (2, 0, 5, 0, 1), (1, 7, 5, 0, 0)]), 3).tolist() == [1, 2]
    assert [sums for _, _, sums in ears.take(1)] == [[2, 0, 0, 1_800, 20]]
    assert ears.add(rows([(1, 10, 5, 0, 2), (2, 5, 0, 0, 0)]), 3).tolist() == [1]
    assert [sums for _, _, sums in ears.take(1)] == [[1, 0, 1, 900, 10]]
    assert [sums for _, _, sums in ears.take(2)] == [[2, 1, 0, 1_800, 20]]
    assert ears.take(0) == []
