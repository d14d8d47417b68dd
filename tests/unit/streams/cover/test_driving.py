"""Harsh driving in columns against the same rule said plainly, pair by pair."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cover import driving
from streams.cover.driving import SORTS, judge

NONE = -(1 << 62)
SPEED = st.one_of(st.just(NONE), st.integers(0, 9_000))
SAMPLE = st.tuples(st.integers(100, 3_000), SPEED, SPEED, st.one_of(st.just(NONE), st.integers(0, 35_999)))
Samples = list[tuple[int, int, int, int]]


def plainly(samples: Samples) -> dict[str, int]:
    """The hardest find of each sort in one report."""
    best: dict[str, int] = {}
    for (_, speed0, wheel0, head0), (gone, speed1, wheel1, head1) in pairwise(samples):
        if not driving.LEAST_MS <= gone <= driving.PAIR_MS:
            continue
        before, after = (wheel0, wheel1) if min(wheel0, wheel1) >= 0 else (speed0, speed1)
        if min(before, after) < 0:
            continue
        slower, faster = ((a - b) * 25_000 // (9 * gone) for a, b in ((before, after), (after, before)))
        found = {"harsh_braking": slower, "harsh_acceleration": faster, "harsh_cornering": 0}
        if min(before, after) >= driving.TURNING_CKMH and min(head0, head1) >= 0:
            turn = (head1 - head0 + 18_000) % 36_000 - 18_000
            found["harsh_cornering"] = abs((before + after) // 2 * turn) * 48_481 // (100_000 * gone)
        for sort, peak in found.items():
            best[sort] = max(best.get(sort, 0), peak)
    least = dict(zip(SORTS, (driving.BRAKING, driving.ACCELERATION, driving.CORNERING), strict=True))
    return {sort: peak for sort, peak in best.items() if peak >= least[sort]}


def columns(reports: list[Samples], wanted: list[int]) -> tuple[list[dict[str, int]], npt.NDArray[np.int64]]:
    """What ``judge`` finds of each report, and what it sums up."""
    number = [n for n, samples in enumerate(reports) for _ in samples]
    flat = np.array([one for samples in reports for one in samples], np.int64).reshape(-1, 4)
    t = np.cumsum(flat[:, 0])
    place = np.arange(len(flat))
    told = np.empty((len(reports), driving.WIDTH), np.int64)
    peaks, places = np.empty(3 * len(reports), np.int64), np.empty((3 * len(reports), 3), np.int64)
    of = np.array(wanted, np.int64)
    made, finds = judge(
        np.array(number, np.int64),
        of,
        np.zeros(len(reports), np.int64),
        t,
        place,
        place,
        np.ascontiguousarray(flat[:, 1]),
        np.ascontiguousarray(flat[:, 2]),
        np.ascontiguousarray(flat[:, 3]),
        told,
        peaks,
        places,
    )
    found: list[dict[str, int]] = [{} for _ in reports]
    for peak, (_, report, sort) in zip(peaks[:finds].tolist(), places[:finds].tolist(), strict=True):
        found[report][SORTS[sort]] = peak
    return found, told[:made]


@given(st.lists(st.lists(SAMPLE, max_size=8), min_size=1, max_size=5), st.data())
@settings(deadline=None, max_examples=300)
def test_columns_find_what_pairs_tell_and_only_in_what_is_covered(
    reports: list[Samples], data: st.DataObject
) -> None:
    wanted = [data.draw(st.sampled_from((-1, 7))) for _ in reports]
    found, told = columns(reports, wanted)
    want = [plainly(samples) if row >= 0 else {} for samples, row in zip(reports, wanted, strict=True)]
    assert found == want
    full = [len(samples) for samples, row in zip(reports, wanted, strict=True) if row >= 0 and samples]
    assert told[:, 9].tolist() == full
    assert set(told[:, 0].tolist()) <= {7}


def test_a_turn_over_north_is_a_small_one() -> None:
    over = [(1_000, 4_000, NONE, 35_900), (1_000, 4_000, NONE, 100)]
    sharp = [(1_000, 4_000, NONE, 35_900), (1_000, 4_000, NONE, 2_500)]
    assert columns([over], [0])[0] == [{}]
    (found,) = columns([sharp], [0])[0]
    # 11.1 m/s at 26 degrees a second
    assert 5_000 < found["harsh_cornering"] < 5_100
