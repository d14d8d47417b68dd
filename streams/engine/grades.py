"""Grades of an asset's signals over a period: is the fix lost, forged, frozen, the clock wrong, the datum.

Pure functions of the samples, whatever order they come in; only the verdict on jamming depends on which
other assets report nearby, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from geofences.datum_suspicion import Road, Suspicion, suspect
from streams.engine.columns import Array
from streams.engine.instants import Instants, Ways, instants, runs
from streams.engine.jamming import JammedSpan, judge, losses
from streams.engine.quality import STOPS, Flag
from streams.engine.rows import EMPTY, Rows
from streams.engine.spoofing import GRADES, Spoofing, spoofing
from streams.engine.units import DEGREE, NONE

_FROZEN_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Samples of other assets of the same tenant (``Rows.asset`` tells them apart) with their flags."""

    rows: Rows
    flags: Array


NOBODY: Final = Neighbours(EMPTY, np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Jamming:
    """``grade``: none, possible, likely, or unknown with ``why``."""

    grade: str
    why: str | None
    spans: tuple[JammedSpan, ...]


@dataclass(frozen=True, slots=True)
class Frozen:
    """Samples that repeat a place although the wheels went on: ``grade`` none, possible, or likely when they
    do for 60 s; ``longest_ms`` from the first to the last of a row of them."""

    grade: str
    samples: int
    longest_ms: int


@dataclass(frozen=True, slots=True)
class Clock:
    """Samples of a wrong clock: ``grade`` none, ahead, behind or both, and how many of the placed ones."""

    grade: str
    ahead: int
    behind: int


@dataclass(frozen=True, slots=True)
class Datum:
    """``grade``: none, likely (the datum is in ``suspicion``), or unknown with ``why``."""

    grade: str
    why: str | None
    suspicion: Suspicion | None


@dataclass(frozen=True, slots=True)
class Grades:
    """``samples`` of which ``placed`` have a position, ``believed`` of these; ``flags``: samples a flag."""

    samples: int
    placed: int
    believed: int
    flags: dict[str, int]
    jamming: Jamming
    spoofing: Spoofing
    frozen: Frozen
    clock: Clock
    datum: Datum


def grade(rows: Rows, flags: Array, neighbours: Neighbours = NOBODY, road: Road | None = None) -> Grades:
    """The grades of one asset's samples, in any order.

    ``rows``: those without a position too (``lon``, ``lat`` NONE). ``flags``: int64[n], as ``derive.flags``
    gives them. ``road``: one that it may have driven on, if one is known.
    """
    placed = (rows.lon != NONE) & (rows.lat != NONE)
    believed = placed & ((flags & STOPS) == 0)
    counts = {flag.name or "": int((flags & int(flag) != 0).sum()) for flag in Flag}
    some = instants(rows, flags)
    ways = Ways(some)
    return Grades(
        len(rows),
        int(placed.sum()),
        int(believed.sum()),
        counts,
        _jamming(some, ways, neighbours),
        spoofing(some, ways),
        _frozen(rows.take(placed), flags[placed]),
        _clock(counts),
        _datum(rows.take(believed), road),
    )


def lost_spans(rows: Rows, flags: Array) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """(from ms, to ms, places around) of each loss of the fix: where to look for neighbours."""
    some = instants(rows, flags)
    return [
        (one.start_ms, one.end_ms, [place for place in (one.before, one.after) if place is not None])
        for one in losses(some, Ways(some))
    ]


def _jamming(some: Instants, ways: Ways, neighbours: Neighbours) -> Jamming:
    if not some.believed.any():
        return Jamming("unknown", "no believed fix", ())
    if not ways.known:
        return Jamming("unknown", "no way of the wheels known", ())
    own = losses(some, ways)
    around = instants(neighbours.rows, neighbours.flags) if own else instants(EMPTY, NOBODY.flags)
    spans = tuple(judge(own, around))
    return Jamming(max((span.grade for span in spans), key=GRADES.index, default="none"), None, spans)


def _frozen(rows: Rows, flags: Array) -> Frozen:
    order = np.lexsort((flags & int(Flag.FROZEN), rows.t))
    frozen, t = (flags[order] & int(Flag.FROZEN)) != 0, rows.t[order]
    first, last = runs(frozen)
    longest = int((t[last] - t[first]).max()) if len(first) else 0
    grade = "none" if not len(first) else "likely" if longest >= _FROZEN_MS else "possible"
    return Frozen(grade, int(frozen.sum()), longest)


def _clock(counts: dict[str, int]) -> Clock:
    ahead, behind = counts["CLOCK_AHEAD"], counts["CLOCK_BEHIND"]
    grade = "both" if ahead and behind else "ahead" if ahead else "behind" if behind else "none"
    return Clock(grade, ahead, behind)


def _datum(rows: Rows, road: Road | None) -> Datum:
    if road is None:
        return Datum("unknown", "no road known here", None)
    found = suspect(rows.lon * DEGREE, rows.lat * DEGREE, road)
    return Datum("none" if found.datum is None else "likely", None, found)
