"""Late samples that slip in: between two fixes of a quiet stretch they change nothing but the way gone.

Most data that comes late is like that: the asset drove on, or stood, in the same zones all the time. Then
what a fold of everything would give is what there is, with the sums that include the stretch made longer.
Whatever is not certainly so is left to `late.refold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from geofences.compiled import compiled
from geofences.geodesy import distance_mm_e7
from streams.engine.columns import Array
from streams.engine.journey import Journey
from streams.engine.late import Memory
from streams.engine.rows import Rows, joined
from streams.engine.settings import Rules
from streams.engine.states import States
from streams.engine.units import NEVER, NONE
from streams.engine.world import World

_WITHIN_MS: Final = 3_600_000  # the fix before lies no further back
_SURELY_MM: Final = 100_000  # beyond a trip's minimum: more than the rounding of any number of steps
T, LON, LAT, SPEED, WHEEL, ODOMETER = range(6)
"""Columns of a neighbour."""


@dataclass(frozen=True, slots=True)
class Slip:
    """Samples of one asset that may slip in when ``sure``: the fixes around them, the way added, whether it
    drove."""

    row: int
    sure: bool
    before: list[int]
    after: list[int]
    way: int
    drives: bool
    count: int


@dataclass(slots=True)
class _Runs:
    """Late samples [start, end) of an asset with none that came before between them; their neighbours."""

    start: Array
    end: Array
    near: Array
    clear: Array

    def take(self, index: Array) -> _Runs:
        return _Runs(self.start[index], self.end[index], self.near[index], self.clear[index])


def slips(world: World, numbers: Array, memory: Memory, rows: Rows, states: States) -> list[list[Slip]]:
    """Of late samples, sorted by asset and time, those that slip in as far as samples and zones tell.

    By asset, in order of time: those of which all may. To be asked before they are added to the memory.
    """
    runs = _runs(memory, rows)
    low, near = rows.t[runs.start], runs.near
    clear = runs.clear & (near[:, 0, T] != NONE) & (near[:, 1, T] != NEVER)
    clear &= low - near[:, 0, T] <= _WITHIN_MS
    assets = rows.asset[runs.start]
    places = states.places(assets)
    held = states.hot[places]
    clear &= held["doubt"] < near[:, 0, T]
    clear &= (held["odo"] == NONE) | (near[:, 1, ODOMETER] != NONE)
    if not clear.any():
        return []
    # each run's way: the fix before, the late ones, the fix after
    length = runs.end - runs.start
    count = length + 2
    first = np.cumsum(count) - count
    place = np.arange(int(length.sum())) + np.repeat(first + 1 - (np.cumsum(length) - length), length)
    index = _within(runs.start, length)
    way = np.empty((len(index) + 2 * len(assets), 6), np.int64)
    way[first], way[first + count - 1] = near[:, 0], near[:, 1]
    columns = (rows.t, rows.lon, rows.lat, rows.speed, rows.wheel, rows.odometer)
    for column, values in enumerate(columns):
        way[place, column] = values[index]
    added, drives = np.zeros(len(assets), np.int64), np.zeros(len(assets), np.bool_)
    _ways(way, first, count, held["odo"] != NONE, numbers, clear, added, drives)
    quiet = np.flatnonzero(clear)
    if not len(quiet):
        return []
    index = _within(first[quiet], count[quiet])
    owner = np.repeat(np.arange(len(quiet)), count[quiet])
    clear[quiet[_met(world, way[index], owner, len(quiet))]] = False
    found: dict[int, list[Slip]] = {}
    told = (assets, clear, near[:, 0], near[:, 1], added, drives, length)
    for row, *rest in zip(*(column.tolist() for column in told), strict=True):
        found.setdefault(row, []).append(Slip(row, *rest))
    return [some for some in found.values() if all(slip.sure for slip in some)]


def _runs(memory: Memory, rows: Rows) -> _Runs:
    start = np.flatnonzero(np.append(True, rows.asset[1:] != rows.asset[:-1]))
    whole = _found(memory, rows, start, np.append(start[1:], len(rows)))
    torn = np.flatnonzero(~whole.clear & (whole.end - whole.start > 1))
    if not len(torn):
        return whole
    # where some came before in between, each sample by itself tells between which two it lies
    index = _within(whole.start[torn], (whole.end - whole.start)[torn])
    each = _found(memory, rows, index, index + 1)
    first = np.append(True, each.near[1:, 0, T] != each.near[:-1, 0, T])
    first |= np.append(True, rows.asset[index[1:]] != rows.asset[index[:-1]])
    begins = np.flatnonzero(first)
    parts = each.take(begins)
    parts.end = each.end[np.append(begins[1:], len(index)) - 1]
    parts.clear = np.logical_and.reduceat(each.clear, begins)
    stay = np.setdiff1d(np.arange(len(start)), torn)
    both = [whole.take(stay), parts]
    runs = _Runs(*(np.concatenate([getattr(one, name) for one in both]) for name in _RUNS))
    return runs.take(np.argsort(runs.start))


_RUNS: Final = ("start", "end", "near", "clear")


def _found(memory: Memory, rows: Rows, start: Array, end: Array) -> _Runs:
    """The neighbours of some samples, each time of all from start to end.

    Where the past has to be asked the answer is the same: what is in memory may not decide what is told.
    """
    assets, low, high = rows.asset[start], rows.t[start], rows.t[end - 1]
    near, clear, known = memory.recent.around(assets, low, high)
    for at in np.flatnonzero(near[:, 0, T] < known).tolist():
        clear[at] = _asked(memory, int(assets[at]), int(low[at]), int(high[at]), near[at])
    return _Runs(start, end, near, clear)


def _asked(memory: Memory, row: int, low: int, high: int, near: Array) -> bool:
    """Fill ``near`` from the past too; whether nothing lies between."""
    after = low - _WITHIN_MS - 1
    parts, _ = memory.recent.rows(row, after)
    if memory.past is not None:
        parts.append(memory.past.rows(row, after, memory.recent.first))
    rows = joined(parts)
    near[:, T] = NONE, NEVER
    order = np.argsort(rows.t, kind="stable")
    t = rows.t[order]
    begin, end = int(np.searchsorted(t, low)), int(np.searchsorted(t, high, "right"))
    for side, place in ((0, begin - 1), (1, end)):
        if 0 <= place < len(t):
            k = order[place]
            columns = (rows.t, rows.lon, rows.lat, rows.speed, rows.wheel, rows.odometer)
            near[side] = [column[k] for column in columns]
    return begin == end


def _within(first: Array, count: Array) -> Array:
    """The numbers first, first + 1, ... of each of some runs."""
    skipped = np.repeat(first - (np.cumsum(count) - count), count)
    index: Array = np.arange(len(skipped)) + skipped
    return index


def _met(world: World, way: Array, owner: Array, owners: int) -> Array:
    """Which ways meet a fence or leave the set of zones that they begin in: bool[owners]."""
    t, lon, lat = (np.ascontiguousarray(way[:, column]) for column in (T, LON, LAT))
    sets, cells = world.sets(lon, lat, t)
    linked = owner[1:] == owner[:-1]
    met = np.zeros(owners, np.bool_)
    met[owner[1:][linked & (sets[1:] != sets[:-1])]] = True
    step = np.flatnonzero(linked & ((cells[1:] != cells[:-1]) | (cells[1:] < 0)))
    if len(step):
        ends = (lon[step], lat[step]), (lon[step + 1], lat[step + 1])
        both = (cells[step], cells[step + 1]), (sets[step], sets[step + 1])
        segment, _ = world.cuts(*ends, t[step + 1], *both)
        met[owner[step[segment]]] = True
    return met


@compiled
def _ways(
    way: Array,
    first: Array,
    count: Array,
    metered: Array,
    rules: Array,
    clear: Array,
    added: Array,
    drives: Array,
) -> None:
    """Of each way: whether all its fixes are believed and go on as before, else it is not ``clear``; what it
    is longer than the step from its first to its last fix (mm); whether it drives or stands."""
    for n in range(len(first)):
        begin, end = first[n], first[n] + count[n] - 1
        if not clear[n]:
            continue
        drives[n] = way[begin, 3] >= rules[10]
        direct = distance_mm_e7(way[begin, 1], way[begin, 2], way[end, 1], way[end, 2])
        total = 0
        for k in range(begin, end + 1):
            speed = way[k, 3]
            if speed == NONE or (speed >= rules[10]) != drives[n]:
                clear[n] = False
            if begin < k < end and way[k, 5] != NONE and not metered[n]:
                clear[n] = False
            if k == begin:
                continue
            dt = way[k, 0] - way[k - 1, 0]
            dist = distance_mm_e7(way[k - 1, 1], way[k - 1, 2], way[k, 1], way[k, 2])
            still = way[k, 1] == way[k - 1, 1] and way[k, 2] == way[k - 1, 2]
            if dt <= 0 or (still and way[k, 4] != NONE and way[k, 4] * dt // 360 >= rules[6]):
                clear[n] = False
                continue
            if dt < rules[2] and dist > rules[3] + dt * rules[4] // 1000:
                clear[n] = False
            through = dt >= rules[11] and dist * 360 // dt >= rules[10]
            if drives[n]:
                if dt >= rules[11] and not through:
                    clear[n] = False
            elif through:
                clear[n] = False
            total += dist
        dt = way[end, 0] - way[begin, 0]
        if not drives[n] and dt >= rules[11] and direct * 360 // dt >= rules[10]:
            clear[n] = False
        added[n] = total - direct


def slip_in(slip: Slip, state: Array, journey: Journey, rules: Rules) -> bool:
    """Take the samples in, if the journey was quiet there; else nothing is changed.

    ``state``: the asset's ``kernel.STATE``, changed in place, as is the journey.
    """
    before, after = slip.before, slip.after
    if not journey.calm(before[T], after[T]):
        return False
    trip, stop = journey.trips.trip, journey.trips.stop
    if slip.drives:
        if trip is None or not trip.said or trip.begin.t > before[T]:
            return False
        begin = trip.begin
        if distance_mm_e7(begin.lon, begin.lat, before[LON], before[LAT]) < rules.trip_min_mm + _SURELY_MM:
            return False
        if trip.legs[-1][1] >= after[T]:
            trip.legs = [(c, t, cum + slip.way if t >= after[T] else cum) for c, t, cum in trip.legs]
    elif stop is None or stop.t >= before[T]:
        return False
    _longer(state, slip.way, slip.drives, slip.count)
    return True


@compiled
def _longer(state: Any, way: int, drives: bool, count: int) -> None:
    """Add a way and samples to a state."""
    s = state[0]
    s.cum += way
    if drives:
        s.still_cum += way
    if s.odo != NONE:
        s.odo_cum += way
    s.since += count
