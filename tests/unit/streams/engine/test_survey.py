"""The compiled passes over steps, against the same said in plain Python."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine import kernel, survey
from streams.engine.units import NONE

STEP = st.tuples(
    st.integers(0, 3),  # asset
    st.sampled_from([0, 0, 0, kernel.SET, kernel.WAKE, kernel.WAKE | kernel.FAR]),
    st.sampled_from([-1, 5, 6]),  # cells before and now
    st.sampled_from([-1, 5, 6]),
    st.booleans(),  # whether there was a fix before
    st.booleans(),  # whether it cuts a zone
)


def steps_of(drawn: list[tuple[int, int, int, int, bool, bool]]) -> tuple[Any, Any]:
    """Steps as the kernel writes them, and the samples' columns, all of different numbers."""
    steps = np.arange(len(drawn) * kernel.STEP_WIDTH).reshape(-1, kernel.STEP_WIDTH) + 1_000
    steps[:, kernel.INDEX] = np.arange(len(drawn))[::-1]
    for step, (asset, mark, before, now, known, _) in zip(steps, drawn, strict=True):
        step[kernel.ASSET], step[kernel.MARK] = asset, mark
        step[kernel.CELL0], step[kernel.CELL1] = before, now
        if not known:
            step[kernel.T0] = NONE
    columns = np.arange(6 * len(drawn)).reshape(6, -1) + 1_000_000
    return steps, columns


@given(st.lists(STEP, max_size=30).map(sorted))
@settings(max_examples=200, deadline=None)
def test_busy_steps_and_assets_are_those_with_a_mark_or_a_cut(drawn: list[Any]) -> None:
    steps, _ = steps_of(drawn)
    cuts = np.array([n for n, one in enumerate(drawn) if one[5]], np.int64)
    at, parts = np.empty(len(steps), np.int64), np.empty((len(steps), 3), np.int64)
    marked, assets = survey.busy(steps, cuts, at, parts)
    wanted = [n for n, one in enumerate(drawn) if one[1] & ~kernel.WAKE or one[5]]
    assert at[:marked].tolist() == wanted
    of_assets = []
    for row, some in groupby(range(len(drawn)), key=lambda n: drawn[n][0]):
        numbers = list(some)
        if any(drawn[n][1] or drawn[n][5] for n in numbers):
            of_assets.append([row, numbers[0], numbers[-1] + 1])
    assert parts[:assets].tolist() == of_assets


@given(st.lists(STEP, max_size=30).map(sorted))
@settings(max_examples=100, deadline=None)
def test_ways_are_of_steps_from_a_known_fix_that_leave_a_plain_cell(drawn: list[Any]) -> None:
    steps, (t, lon, lat, *_) = steps_of(drawn)
    got = survey.ways(steps, t, lon, lat).T.tolist()
    wanted = []
    for n, step in enumerate(steps.tolist()):
        cells, i = step[kernel.CELL0 : kernel.CELL1 + 1], step[kernel.INDEX]
        if step[kernel.T0] != NONE and (cells[0] != cells[1] or cells[0] < 0):
            sets = step[kernel.OLD : kernel.NEXT + 1]
            ends = [step[kernel.LON0], step[kernel.LAT0], lon[i], lat[i]]
            wanted.append([n, *ends, *cells, *sets, t[i]])
    assert got == wanted


def test_a_walked_step_is_the_fix_before_the_fix_and_what_is_around() -> None:
    steps, columns = steps_of([(0, kernel.SET, 5, 6, True, False), (0, kernel.SET, 5, 6, True, False)])
    (row,) = survey.table(np.array([1]), steps, *columns).tolist()
    step, (t, lon, lat, speed, position, hdop) = steps[1].tolist(), columns[:, 0].tolist()
    gone = step[kernel.CUM] - step[kernel.DIST]
    assert row == [
        *step[kernel.T0 : kernel.LAT0 + 1],
        gone,
        *step[kernel.SPEED0 : kernel.POS0 + 1],
        *(t, lon, lat, step[kernel.CUM], speed, position),
        *step[kernel.OLD : kernel.NEXT + 1],
        kernel.SET,
        hdop,
    ]
