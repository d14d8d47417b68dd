"""What covered vehicles' reports tell a cover: sums that wait for their vehicle, and finds of harsh driving.

The reports of a frame are gone through once, compiled; a vehicle without a cover costs a look-up. Sums lie
in one table, chained by vehicle, until the rules of the vehicle's covers are asked: when is no matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from geofences.compiled import compiled
from streams.codec import FrameView
from streams.cover.driving import SORTS, WIDTH, judge
from streams.cover.heard import HOUR_MS, SILENCE_MS, Run, Sums
from streams.engine.columns import Array
from streams.engine.units import NEVER, NONE

if TYPE_CHECKING:
    from streams.engine.engine import Engine

_ROOM: Final = 1 << 17
_FIRST: Final = 64
_TAKEN: Final = -1 << 60  # in the last column of what was taken


class Find(NamedTuple):
    """Harsh driving in one report: its hardest pair of samples, speeds before and after it (0.01 km/h)."""

    asset: str
    sort: str
    peak: int
    t_ms: int
    lon: int
    lat: int
    before: int
    after: int
    source: str
    device: str
    boot: str
    seq: int


class Ears:
    """Reports of covered vehicles that no rule has read yet, by row.

    New ones lie as they came, chained by row; when these are many they are summed up, as columns: runs
    (row, then as ``heard.Run``) and hours (row, hour, then as ``heard.Sums``), both by row.
    """

    def __init__(self) -> None:
        self._told = np.empty((_FIRST, WIDTH), np.int64)
        self._next = np.empty(_FIRST, np.int64)
        self._head = np.empty(0, np.int64)
        self._used = 0
        self.runs, self.hours = np.empty((0, 7), np.int64), np.empty((0, 7), np.int64)

    def add(self, told: Array, assets: int) -> Array:
        """Keep some reports; returns rows that had none, among them all that had none at all.

        ``assets``: how many rows there are.
        """
        if self._used >= _ROOM:
            self.sum_up()
        if len(self._head) < assets:
            more = np.full(max(assets, 2 * len(self._head)) - len(self._head), -1, np.int64)
            self._head = np.concatenate((self._head, more))
        size = len(self._next)
        while size < self._used + len(told):
            size *= 2
        if size > len(self._next):
            self._told = np.concatenate((self._told, np.empty((size - len(self._next), WIDTH), np.int64)))
            self._next = np.concatenate((self._next, np.empty(size - len(self._next), np.int64)))
        new = np.empty(len(told), np.int64)
        count = _chain(told, self._told, self._next, self._head, self._used, new)
        self._used += len(told)
        return new[:count]

    def take(self, row: int) -> tuple[list[Run], list[tuple[int, Sums]]]:
        """The runs and the hours' sums of a row, kept here no more."""
        runs: list[Run] = []
        hours: list[tuple[int, Sums]] = []
        runs += _taken(self.runs, row)
        hours += [(one[0], one[1:]) for one in _taken(self.hours, row)]
        at = int(self._head[row]) if row < len(self._head) else -1
        if at >= 0:
            self._head[row] = -1
        while at >= 0:
            one = self._told[at, 1:].tolist()
            runs.append(one[:6])
            hours.append((one[0] // HOUR_MS, [1, int(one[6] == 1), int(one[6] == 2), one[7], one[8]]))
            self._told[at, 0] = -1
            at = int(self._next[at])
        return runs, hours

    def sum_up(self) -> None:
        """Sum up what came since the last time; changes nothing of what ``take`` gives, but for its form."""
        new = self._told[: self._used]
        new = new[new[:, 0] >= 0]
        self._used = 0
        self._head[:] = -1
        runs = self.runs[self.runs[:, -1] != _TAKEN]
        self.runs = _united(np.concatenate((runs, new[:, :7])))
        hours = self.hours[self.hours[:, -1] != _TAKEN]
        ones = np.ones(len(new), np.int64)
        signs = (new[:, 7] == 1).astype(np.int64), (new[:, 7] == 2).astype(np.int64)
        more = np.stack((new[:, 0], new[:, 1] // HOUR_MS, ones, *signs, new[:, 8], new[:, 9]), axis=1)
        self.hours = _summed(np.concatenate((hours, more)))

    def dump(self) -> list[bytes]:
        """The sums as bytes for a snapshot."""
        self.sum_up()
        return [self.runs.astype("<i8").tobytes(), self.hours.astype("<i8").tobytes()]

    def load(self, runs: memoryview, hours: memoryview) -> None:
        """Become what ``dump`` gave. Raises ValueError."""
        self.runs, self.hours = (
            np.frombuffer(part, "<i8").reshape(-1, 7).astype(np.int64) for part in (runs, hours)
        )


def _taken(held: Array, row: int) -> list[list[int]]:
    """The rows of a table that are of one vehicle, without it; they are marked as taken."""
    begin, end = np.searchsorted(held[:, 0], (row, row + 1)).tolist()
    if begin == end or held[begin, -1] == _TAKEN:
        return []
    plain: list[list[int]] = held[begin:end, 1:].tolist()
    held[begin:end, -1] = _TAKEN
    return plain


def _united(runs: Array) -> Array:
    """Runs by row, those without a silence between made one."""
    if not len(runs):
        return runs
    runs = runs[np.lexsort((runs[:, 3], runs[:, 2], runs[:, 1], runs[:, 0]))]
    run = _numbered(runs[:, 0], runs[:, 1], runs[:, 4], SILENCE_MS)
    first = np.flatnonzero(np.append(True, np.diff(run) != 0))
    order = np.lexsort((runs[:, 6], runs[:, 5], runs[:, 4], run))
    last = order[np.append(first[1:], len(runs)) - 1]
    return np.concatenate((runs[first, :4], runs[last, 4:]), axis=1)


def _summed(hours: Array) -> Array:
    """Hours by row, each once."""
    if not len(hours):
        return hours
    hours = hours[np.lexsort((hours[:, 1], hours[:, 0]))]
    other = (np.diff(hours[:, 0]) != 0) | (np.diff(hours[:, 1]) != 0)
    first = np.flatnonzero(np.append(True, other))
    return np.concatenate((hours[first, :2], np.add.reduceat(hours[:, 2:], first, axis=0)), axis=1)


@compiled
def _numbered(row: Array, begin: Array, end: Array, silence: int) -> Array:
    out = np.empty(len(row), np.int64)
    number, until = 0, end[0]
    for i in range(len(row)):
        if i > 0 and (row[i] != row[i - 1] or begin[i] - until > silence):
            number += 1
            until = end[i]
        until = max(until, end[i])
        out[i] = number
    return out


@compiled
def _chain(told: Array, kept: Array, after: Array, head: Array, used: int, new: Array) -> int:
    count = 0
    for i in range(len(told)):
        row = told[i, 0]
        if head[row] < 0:
            new[count] = row
            count += 1
        kept[used + i] = told[i]
        after[used + i] = head[row]
        head[row] = used + i
    return count


def heard(engine: Engine, frame: FrameView, asset_row: Array) -> None:
    """Take the reports of covered vehicles; ``asset_row``: of each report, -1: it does not count."""
    covers = engine.covers
    wanted = np.where(covers.watched.of(engine.rows, asset_row) != NEVER, asset_row, -1)
    if not (wanted >= 0).any():
        return
    report = frame.numbers("report", NONE)
    names = ("t_ms", "lon_e7", "lat_e7", "speed_ckmh", "wheel_ckmh", "heading_cdeg")
    t, lon, lat, speed, wheel, heading = (frame.numbers(name, NONE) for name in names)
    told = np.empty((len(wanted), WIDTH), np.int64)
    peaks, places = np.empty(3 * len(wanted), np.int64), np.empty((3 * len(wanted), 3), np.int64)
    signed = frame.numbers("signature", 0)
    made, finds = judge(report, wanted, signed, t, lon, lat, speed, wheel, heading, told, peaks, places)
    told = told[:made]
    covers.came(told)
    if not finds:
        return
    (device, devices), (boot, boots) = frame.names("device"), frame.names("boot")
    seq, devices_, boots_ = frame.numbers("seq", NONE), devices.strings(), boots.strings()
    for peak, (at, number, sort) in zip(peaks[:finds].tolist(), places[:finds].tolist(), strict=True):
        by_wheel = wheel[at] >= 0 and wheel[at - 1] >= 0
        of = wheel if by_wheel else speed
        covers.finds.append(
            Find(
                engine.names[int(wanted[number])],
                SORTS[sort],
                peak,
                int(t[at]),
                int(lon[at]),
                int(lat[at]),
                int(of[at - 1]),
                int(of[at]),
                "wheel" if by_wheel else "gnss",
                devices_[device[number]],
                boots_[boot[number]],
                int(seq[number]),
            )
        )
