"""Flags of samples at rest, against the rules written a second time."""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Any, TypeAlias

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.derive import firm, flags
from streams.engine.quality import STOPS, Flag
from streams.engine.rows import EMPTY, Rows
from streams.engine.settings import Rules
from streams.engine.units import NONE
from tests.reference import Sample
from tests.reference.belief import believed, own_flags
from tests.unit.streams.engine.real_trips import tracks

Step: TypeAlias = tuple[int, int, int | None, int | None, int | None, int]
Numbers: TypeAlias = st.SearchStrategy[Any]
T0 = 1_795_330_800_000
RULES = Rules()
_NAMES = ("t", "lon", "lat", "speed", "heading", "hdop", "sats", "fix", "odometer", "wheel", "received")


def rows_of(samples: list[Sample]) -> Rows:
    columns = {
        name: np.array([NONE if (v := getattr(x, name)) is None else v for x in samples], np.int64)
        for name in _NAMES
    }
    places = np.arange(len(samples), dtype=np.int64)
    return Rows(asset=np.zeros(len(samples), np.int64), position=places, **columns)


def mostly(usual: Numbers, odd: Numbers) -> Numbers:
    return st.integers(0, 4).flatmap(lambda k: odd if k == 0 else usual)


# a step: seconds, places east (of about 10 m), and what is measured at its end
STEP = st.tuples(
    mostly(st.just(10), st.sampled_from([0, 1, 200, 700])),
    mostly(st.sampled_from([0, 5, 10]), st.sampled_from([-300, 300, 2000, -2000])),
    mostly(st.sampled_from([0, 4000]), st.sampled_from([None, 10, 9000])),
    mostly(st.sampled_from([None, 50, 100]), st.just(900)),
    mostly(st.none(), st.sampled_from([0, 1, 2, 3])),
    mostly(st.just(0), st.just(-200_000)),
)


def track(
    steps: list[tuple[int, int, int | None, int | None, int | None, int]], t0: int = T0
) -> list[Sample]:
    """The samples of steps, each from where the one before ended."""
    seconds = list(accumulate(step[0] for step in steps))
    places = list(accumulate(step[1] for step in steps))
    return [
        Sample(
            t0 + s * 1000,
            1_010_000_000 + place * 1_000,
            210_000_000,
            speed=wheel,
            fix=fix,
            odometer=None if km is None else abs(place) * 10_000 + km * 1_000_000,
            wheel=wheel,
            received=t0 + s * 1000 + late,
        )
        for s, place, (_, _, wheel, km, fix, late) in zip(seconds, places, steps, strict=True)
    ]


STEPS = st.lists(STEP, max_size=30)


def agrees_with_the_rules(samples: list[Sample]) -> None:
    found = flags(rows_of(samples)).tolist()
    want = {(x.t, x.content) for x in believed(samples, RULES)}
    for x, flag in zip(samples, found, strict=True):
        own = int(own_flags(x, RULES))
        assert flag & 0b11111 == own
        assert (flag & STOPS == 0) == (own == 0 and (x.t, x.content) in want), (x, flag)


@settings(deadline=None)
@given(STEPS, st.randoms())
def test_what_has_no_flag_that_stops_is_what_is_believed(steps: list[Step], random: Random) -> None:
    samples = track(steps)
    samples += random.choices(samples, k=3) if samples else []
    random.shuffle(samples)
    agrees_with_the_rules(samples)


def test_real_tracks_too() -> None:
    for samples in tracks().values():
        agrees_with_the_rules(samples)


@settings(deadline=None)
@given(STEPS, st.randoms())
def test_the_order_of_samples_changes_no_flag(steps: list[Step], random: Random) -> None:
    rows = rows_of(track(steps))
    order = np.array(random.sample(range(len(rows)), len(rows)), np.int64)
    assert flags(rows.take(order)).tolist() == flags(rows)[order].tolist()


@settings(deadline=None)
@given(STEPS, st.lists(STEP, max_size=12), st.integers(0, 12))
def test_what_came_before_firm_samples_changes_no_flag_after_them(
    earlier: list[Step], later: list[Step], cut: int
) -> None:
    before, rest = track(earlier, T0 - 4_000_000_000), track(later)
    if before:  # so that both are near each other, in time too
        gap = rest[0].t - before[-1].t - 10_000 if rest else 0
        before = [Sample(x.t + gap, *content(x)) for x in before]
    rows = rows_of(rest)
    cut = min(cut, len(rows))
    metered = bool((rows.odometer != NONE).any())
    if firm(rows.take(slice(0, cut)), metered=metered):
        whole = flags(rows_of(before + rest))[len(before) :]
        assert whole[cut:].tolist() == flags(rows)[cut:].tolist()


def content(x: Sample) -> tuple[Any, ...]:
    return (x.lon, x.lat, x.speed, x.heading, x.hdop, x.sats, x.fix, x.odometer, x.wheel, x.received)


def driving(n: int, metered: bool = True) -> list[Sample]:
    return track([(10, 10, 3600, 0 if metered else None, 3, 0)] * n)


def test_few_samples_or_an_unknown_odometer_or_frozen_ones_are_not_firm() -> None:
    assert not firm(EMPTY)
    assert not firm(rows_of(driving(3)))
    assert firm(rows_of(driving(4)))
    assert not firm(rows_of(driving(9, metered=False)))
    assert firm(rows_of(driving(9, metered=False)), metered=False)
    frozen: list[Step] = [(10, 0, 3600, 0, 3, 0)] * 20
    assert not firm(rows_of(track(frozen)))
    assert firm(rows_of(track([(10, 0, 0, 0, 3, 0)] * 20)))  # parked
    there_and_back: list[Step] = [(10, 2000 if n % 2 else -2000, 0, 0, 3, 0) for n in range(40)]
    assert not firm(rows_of(track(there_and_back)))


def test_three_in_a_row_are_not_firm_since_the_third_may_be_frozen() -> None:
    steps: list[Step] = [(10, 2000, 0, None, 3, 0), (10, 0, 0, None, 3, 0), (400, -2000, 9000, None, 3, 0)]
    after: Step = (10, 0, 100, None, 3, 0)
    believed_first = track([(0, 0, 0, None, 3, 0)])
    rows = rows_of(track([*steps, after]))
    whole = rows_of([*believed_first, *track([*steps, after])])
    assert flags(rows).tolist() == [0, 0, 0, 0]
    assert flags(whole).tolist() == [0, Flag.JUMP, Flag.JUMP, Flag.FROZEN, Flag.FROZEN]
    assert not firm(rows.take(slice(0, 3)), metered=False)


def test_the_same_content_twice_has_one_verdict() -> None:
    samples = driving(6)
    wild = Sample(samples[3].t, samples[3].lon + 10_000_000, *content(samples[3])[1:])
    samples[3] = wild
    assert flags(rows_of([*samples, wild])).tolist() == [0, 0, 0, Flag.JUMP, 0, 0, Flag.JUMP]


def test_longer_than_a_piece() -> None:
    samples = driving(20_000)
    rows = rows_of(samples)
    rows.lon[[8191, 8192, 16_384]] += 10_000_000
    assert np.flatnonzero(flags(rows)).tolist() == [8191, 8192, 16_384]
