"""What covered vehicles' reports tell a cover: sums that wait for their vehicle, and finds of harsh driving.

The reports of a frame are gone through once, compiled; a vehicle without a cover costs a look-up. Sums lie
in one table, chained by vehicle, until the rules of the vehicle's covers are asked: when is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from geofences.compiled import compiled
from streams.codec import FrameView
from streams.cover.driving import SORTS, WIDTH, judge
from streams.cover.heard import Told
from streams.engine.columns import Array
from streams.engine.units import NEVER, NONE

if TYPE_CHECKING:
    from streams.engine.engine import Engine

_ROOM: Final = 1 << 16
_FIRST: Final = 64


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
    """Reports of covered vehicles that no rule has read yet, by row."""

    def __init__(self) -> None:
        self._told = np.empty((_FIRST, WIDTH), np.int64)
        self._next = np.empty(_FIRST, np.int64)
        self._head = np.empty(0, np.int64)
        self._used = 0

    def add(self, told: Array, assets: int) -> Array:
        """Keep some reports; returns the rows that had none. ``assets``: how many rows there are."""
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

    @property
    def full(self) -> bool:
        """Whether it is time to take all."""
        return self._used >= _ROOM

    def take(self, row: int) -> list[Told]:
        """The reports of a row, kept here no more."""
        out = []
        at = int(self._head[row]) if row < len(self._head) else -1
        while at >= 0:
            out.append(Told(*self._told[at, 1:].tolist()))
            at = int(self._next[at])
        if out:
            self._head[row] = -1
        return out

    def take_all(self) -> Iterator[tuple[int, list[Told]]]:
        """The reports of all rows."""
        for row in np.flatnonzero(self._head >= 0).tolist():
            yield row, self.take(row)
        self._used = 0


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
