"""Positions that hang together, but not with wheels and heading: spoofed, or carried. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from geofences.geodesy import distance_mm
from streams.engine.columns import Array
from streams.engine.instants import Instants, Ways, runs
from streams.engine.units import DEGREE
from streams.engine.windows import FAR, HEADING, JUMP, SHORT, SPEED, Windows, windows

GRADES: Final = ("none", "carried", "possible", "likely")
"""In the order of weight."""

_EDGE_MS: Final = 120_000
_RUN_SLACK_MM: Final = 250_000
_MOVED_MM: Final = 60_000
_LONG_MS: Final = 180_000
_FASTEST_MM_PER_MS: Final = 50.0
_NAMES: Final = (
    (FAR, "too_far"),
    (SHORT, "too_short"),
    (HEADING, "heading"),
    (SPEED, "speed"),
    (JUMP, "jump"),
)
_LIKELY: Final = ((FAR | SHORT, 3), (HEADING, 5), (JUMP, 2))
_POSSIBLE: Final = ((FAR | SHORT, 2), (HEADING, 3), (SPEED, 5), (JUMP, 1))
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class OddSpan:
    """Consecutive windows in which something is off. mm: the positions' way by minutes, first to last, and
    the wheels'; ``off``: windows a reason; ``turn_deg``, ``faster_ckmh``: the medians, None if not known."""

    grade: str
    start_ms: int
    end_ms: int
    windows: int
    off: dict[str, int]
    path_mm: int
    beeline_mm: int
    wheels_mm: int
    turn_deg: float | None
    faster_ckmh: int | None


@dataclass(frozen=True, slots=True)
class Spoofing:
    """``grade``: none, carried, possible, likely, or unknown; ``why``: of unknown, or what may excuse it.

    ``compared``: windows in which the wheels' way was known, of all ``windows``. ``not_used``: what fits so
    seldom that it is the device.
    """

    grade: str
    why: str | None
    windows: int
    compared: int
    not_used: tuple[str, ...]
    spans: tuple[OddSpan, ...]


def spoofing(some: Instants, ways: Ways) -> Spoofing:
    """Judge one asset's instants."""
    fixes = some.take(some.believed)
    held = windows(fixes, ways)
    compared = int(held.known.sum()) if len(held) else 0
    if not compared:
        return Spoofing("unknown", "no way of the wheels known", len(held), 0, (), ())
    if _wrong_scale(held):
        return Spoofing("unknown", "wheels count in another unit", len(held), compared, (), ())
    off, not_used = _usable(held)
    stood, first, last = held.standing, *runs(held.standing)
    found = []
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        found += _stood(some, fixes, ways, held, off, a, b)
    first, last = runs((off != 0) & ~stood)
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        grade = _rolling(off[a : b + 1])
        if grade != "none":
            found.append(_span(grade, fixes, held, off, a, b))
    found.sort(key=lambda span: span.start_ms)
    jumps = sum(span.off.get("jump", 0) for span in found)
    worst = max((span.grade for span in found), key=GRADES.index, default="none")
    if worst == "possible" and jumps > 1:  # there and back
        worst = "likely"
    why = "the wheels never turned" if found and not (held.known & ~held.standing).any() else None
    return Spoofing(worst, why, len(held), compared, not_used, tuple(found))


def _wrong_scale(held: Windows) -> bool:
    """Whether the positions' way is nearly everywhere the same multiple of the wheels', and not once."""
    way = held.known & (np.nan_to_num(held.wheels) >= 300_000)
    if int(way.sum()) < _FEW:
        return False
    low, middle, high = np.percentile(held.path[way] / held.wheels[way], [25, 50, 75])
    return bool((high - low <= 0.2 * middle) and not 0.8 <= middle <= 1.25)


def _usable(held: Windows) -> tuple[Array, tuple[str, ...]]:
    """The bits, without those of heading and speed where they fit in less than a quarter of the windows."""
    off, not_used = held.off.copy(), []
    rolls = ~held.standing
    for bit, name, values in ((HEADING, "heading", held.turn_deg), (SPEED, "speed", held.faster_ckmh)):
        judged = ~np.isnan(values) & rolls
        if 4 * int(((off & bit) != 0)[judged].sum()) > 3 * int(judged.sum()):
            not_used.append(name)
            off &= ~bit
    return off, tuple(not_used)


def _rolling(off: Array) -> str:
    for grade, rules in (("likely", _LIKELY), ("possible", _POSSIBLE)):
        if any(int(((off & bits) != 0).sum()) >= count for bits, count in rules):
            return grade
    return "none"


def _stood(
    some: Instants, fixes: Instants, ways: Ways, held: Windows, off: Array, a: int, b: int
) -> list[OddSpan]:
    """What the positions did in windows a..b, in which the wheels stood: nothing, carried, or spoofed."""
    far = (off[a : b + 1] & FAR) != 0
    drifted = _drifted(fixes, ways, held, a, b)
    if not far.any() and not drifted:
        return []
    moved = far | (held.spread[a : b + 1] >= _MOVED_MM)
    if far.any() and moved.any():
        inside = np.flatnonzero(moved)
        a, b = a + int(inside[0]), a + int(inside[-1])
    many = int(((off[a : b + 1] & FAR) != 0).sum())
    long = int(held.end[b] - held.start[a]) >= _LONG_MS
    if many < 2 and not (long and drifted):
        return []
    if _carried(some, fixes, held, a, b):
        return [_span("carried", fixes, held, off, a, b)]
    return [_span("likely" if many >= 3 or drifted else "possible", fixes, held, off, a, b)]


def _drifted(fixes: Instants, ways: Ways, held: Windows, a: int, b: int) -> bool:
    """Whether the windows' ends, bar the outermost twentieths, lie further apart than the wheels went."""
    ends = np.append(held.first[a], held.last[a : b + 1])
    lon, lat = fixes.lon[ends] * DEGREE, fixes.lat[ends] * DEGREE
    share = [0, 100] if len(ends) < 3 else [5, 95]
    (west, east), (south, north) = (np.percentile(v, share) for v in (lon, lat))
    wide = distance_mm(west, south, east, south), distance_mm(west, south, west, north)
    _, _, most = ways.between(held.start[[a]], held.end[[b]])
    return bool(np.hypot(*wide) > 1.25 * most[0] + _RUN_SLACK_MM)  # no, if not known


def _carried(some: Instants, fixes: Instants, held: Windows, a: int, b: int) -> bool:
    """Whether it went on smoothly and got somewhere, without a jump: as on a ferry or a low-loader."""
    start, end = held.start[a] - _EDGE_MS, held.end[b] + _EDGE_MS
    around = (some.t >= start) & (some.t <= end)
    beside = slice(max(a - 1, 0), b + 2)
    if some.jump[around].sum() > 1 or ((held.off[beside] & JUMP) != 0).any():
        return False
    way, path = float(held.beeline[a : b + 1].sum()), float(held.path[a : b + 1].sum())
    noise = _MOVED_MM * (b - a + 1)
    ms = held.end[a : b + 1] - held.start[a : b + 1]
    if path > 1.3 * way + noise or (held.beeline[a : b + 1] > _FASTEST_MM_PER_MS * ms + noise).any():
        return False
    return _beeline(fixes, held, a, b) >= 0.35 * way


def _beeline(fixes: Instants, held: Windows, a: int, b: int) -> int:
    ends = [held.first[a], held.last[b]]
    lon, lat = fixes.lon[ends] * DEGREE, fixes.lat[ends] * DEGREE
    return int(distance_mm(lon[0], lat[0], lon[1], lat[1]))


def _span(grade: str, fixes: Instants, held: Windows, off: Array, a: int, b: int) -> OddSpan:
    part = slice(a, b + 1)
    counts = {name: int(((off[part] & bit) != 0).sum()) for bit, name in _NAMES}
    turn, faster = _median(held.turn_deg[part]), _median(held.faster_ckmh[part])
    return OddSpan(
        grade,
        int(held.start[a]),
        int(held.end[b]),
        b + 1 - a,
        {name: count for name, count in counts.items() if count},
        int(held.beeline[part].sum()),
        _beeline(fixes, held, a, b),
        int(np.nansum(held.wheels[part])),
        None if turn is None else round(turn, 1),
        None if faster is None else round(faster),
    )


def _median(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None
