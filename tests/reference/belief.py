"""Rules 1 to 3: which samples say where the asset was."""

from __future__ import annotations

from collections.abc import Iterable

from streams.engine.quality import Flag
from streams.engine.settings import Rules
from tests.reference.places import way_mm
from tests.reference.values import Sample

YEAR_2000_MS = 946_684_800_000
WEEK_MS = 7 * 86_400_000
DAY_MS = 86_400_000


def _received(x: Sample) -> int:
    """When its report was received; its own time where that is not known."""
    return x.t if x.received is None else x.received


def own_flags(x: Sample, rules: Rules) -> Flag:
    """Rule 2: what a sample alone tells against itself."""
    flags = Flag(0)
    if x.fix in (0, 1):
        flags |= Flag.NO_FIX
    if x.hdop is not None and x.hdop >= rules.poor_hdop_c:
        flags |= Flag.POOR_HDOP
    if x.lon == 0 and x.lat == 0:
        flags |= Flag.NULL_ISLAND
    if x.t > _received(x) + rules.clock_ahead_ms:
        flags |= Flag.CLOCK_AHEAD
    rolled_over = abs(_received(x) - x.t - 1024 * WEEK_MS) <= 2 * DAY_MS
    if x.t < YEAR_2000_MS or rolled_over:
        flags |= Flag.CLOCK_BEHIND
    return flags


def one_per_instant(good: Iterable[Sample]) -> list[Sample]:
    """Rule 1: of the good samples of one instant that with the smallest content counts; equal ones are one.

    By time.
    """
    winners: dict[int, Sample] = {}
    for x in good:
        if x.t not in winners or x.content < winners[x.t].content:
            winners[x.t] = x
    return [winners[t] for t in sorted(winners)]


def too_fast(a: Sample, x: Sample, rules: Rules) -> bool:
    """Rule 3: further than a truck gets, unless so long ago that anything is possible."""
    dt = x.t - a.t
    limit = rules.jump_slack_mm + dt * rules.jump_mm_per_s // 1000
    return dt < rules.jump_believed_ms and way_mm(a, x) > limit


def frozen(a: Sample, x: Sample, rules: Rules) -> bool:
    """Rule 3: the same place although the wheels have turned."""
    if (x.lon, x.lat) != (a.lon, a.lat) or x.wheel is None:
        return False
    return x.wheel * (x.t - a.t) // 360 >= rules.frozen_mm


def chain(good: list[Sample], rules: Rules) -> list[Sample]:
    """Rule 3: the believed fixes. A jump is left out until enough in a row agree with each other."""
    believed: list[Sample] = []
    candidate: Sample | None = None
    count = 0
    for x in good:
        if believed and frozen(believed[-1], x, rules):
            continue
        if believed and too_fast(believed[-1], x, rules):
            agrees = candidate is not None and not too_fast(candidate, x, rules)
            count = count + 1 if agrees else 1
            candidate = x
            if count < rules.jump_agree:
                continue
        believed.append(x)
        candidate, count = None, 0
    return believed


def believed(samples: Iterable[Sample], rules: Rules) -> list[Sample]:
    """Rules 1 to 3 together: what everything else is about. What is not good takes no part in anything, so of
    several copies of a sample one that is good is enough."""
    return chain(one_per_instant(x for x in samples if not own_flags(x, rules)), rules)
