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
from streams.engine.rows import Rows
from streams.engine.units import NEVER, NONE

if TYPE_CHECKING:
    from streams.engine.engine import Engine

_FIRST: Final = 64
_PIECE: Final = 13
_COUNT: Final = 8  # the column of a piece that counts its reports: 0 where there is no piece


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
    """Reports of covered vehicles that no rule has read yet: summed up by vehicle as they come.

    A piece is a run within an hour: asset row, run (``heard.Run``), hour, sums (``heard.Sums``). Each vehicle
    has an open piece, which most reports just prolong; older ones are chained to it.
    """

    def __init__(self) -> None:
        self._slot = np.empty(0, np.int64)  # by row, -1: not heard yet
        self._open, self._head = np.zeros((_FIRST, _PIECE), np.int64), np.full(_FIRST, -1, np.int64)
        self._slots = 0
        self._old, self._next = np.empty((_FIRST, _PIECE), np.int64), np.empty(_FIRST, np.int64)
        self._used = 0

    def add(self, told: Array, assets: int) -> Array:
        """Keep some reports (as ``driving.judge`` gives them); returns the rows that had none.

        ``assets``: how many rows there are.
        """
        self._room(told[:, 0], assets)
        new = np.empty(len(told), np.int64)
        count, self._used = _pieces(
            told, self._slot, self._open, self._head, self._old, self._next, self._used, new
        )
        return new[:count]

    def take(self, row: int) -> list[tuple[Run, int, Sums]]:
        """The pieces of a row, kept here no more: run, hour, sums."""
        slot = int(self._slot[row]) if row < len(self._slot) else -1
        if slot < 0:
            return []
        pieces = [self._open[slot].tolist()] if self._open[slot, _COUNT] else []
        self._open[slot, _COUNT] = 0
        at = int(self._head[slot])
        self._head[slot] = -1
        while at >= 0:
            pieces.append(self._old[at].tolist())
            self._old[at, _COUNT] = 0
            at = int(self._next[at])
        return [(one[1:7], one[7], one[8:]) for one in pieces]

    def _room(self, rows: Array, assets: int) -> None:
        """Make room for reports of some rows."""
        if len(self._slot) < assets:
            more = np.full(max(assets, 2 * len(self._slot)) - len(self._slot), -1, np.int64)
            self._slot = np.concatenate((self._slot, more))
        strange = self._slot[rows] < 0
        if strange.any():
            fresh = np.unique(rows[strange])
            self._slot[fresh] = np.arange(self._slots, self._slots + len(fresh))
            self._slots += len(fresh)
            if self._slots > len(self._head):
                more_ = 2 * self._slots - len(self._head)
                self._open = np.concatenate((self._open, np.zeros((more_, _PIECE), np.int64)))
                self._head = np.concatenate((self._head, np.full(more_, -1, np.int64)))
        if self._used + len(rows) > len(self._next):
            held = self._old[: self._used]
            held = held[held[:, _COUNT] > 0]
            size = max(2 * (len(held) + len(rows)), _FIRST)
            self._old, self._next = np.empty((size, _PIECE), np.int64), np.empty(size, np.int64)
            self._head[:] = -1
            self._used = 0
            self._chain(held)

    def _chain(self, pieces: Array) -> None:
        end = len(pieces)
        self._old[:end] = pieces
        for at, slot in enumerate(self._slot[pieces[:, 0]].tolist()):
            self._next[at] = self._head[slot]
            self._head[slot] = at
        self._used = end

    def dump(self) -> bytes:
        """What is kept, as bytes for a snapshot; it stays."""
        pieces = np.concatenate((self._open[: self._slots], self._old[: self._used]))
        return pieces[pieces[:, _COUNT] > 0].astype("<i8").tobytes()

    def load(self, part: memoryview, assets: int) -> None:
        """Become what ``dump`` gave. Raises ValueError."""
        pieces = np.frombuffer(part, "<i8").reshape(-1, _PIECE).astype(np.int64)
        self._room(pieces[:, 0], assets)
        self._chain(pieces)


@compiled
def _pieces(
    told: Array, slots: Array, open_: Array, head: Array, old: Array, after: Array, used: int, new: Array
) -> tuple[int, int]:
    count = 0
    for i in range(len(told)):
        slot = slots[told[i, 0]]
        piece, one = open_[slot], told[i]
        hour = one[1] // HOUR_MS
        if piece[_COUNT] > 0:
            near = one[1] - piece[4] <= SILENCE_MS and piece[1] - one[4] <= SILENCE_MS
            if not near or piece[7] != hour:
                old[used] = piece
                after[used] = head[slot]
                head[slot] = used
                used += 1
                piece[_COUNT] = 0
        elif head[slot] < 0:
            new[count] = one[0]
            count += 1
        if piece[_COUNT] == 0:
            piece[:7] = one[:7]
            piece[7] = hour
            piece[_COUNT:] = 0
        else:
            if _less(one, piece, 1):
                piece[1:4] = one[1:4]
            if _less(piece, one, 4):
                piece[4:7] = one[4:7]
        piece[_COUNT] += 1
        piece[_COUNT + 1] += one[7] == 1
        piece[_COUNT + 2] += one[7] == 2
        piece[_COUNT + 3] += one[8]
        piece[_COUNT + 4] += one[9]
    return count, used


@compiled
def _less(one: Array, other: Array, at: int) -> bool:
    for k in range(at, at + 3):
        if one[k] != other[k]:
            return bool(one[k] < other[k])
    return False


def heard(engine: Engine, frame: FrameView, asset_row: Array, rows: Rows, report: Array) -> None:
    """Take the reports of covered vehicles.

    ``asset_row``: of each report, -1: it does not count; ``rows``: the samples without a fault of their own,
    in the frame's order; ``report``: of each its report.
    """
    covers = engine.covers
    wanted = np.where(covers.watched.of(engine.rows, asset_row) != NEVER, asset_row, -1)
    if not (wanted >= 0).any():
        return
    told = np.empty((len(wanted), WIDTH), np.int64)
    peaks, places = np.empty(3 * len(wanted), np.int64), np.empty((3 * len(wanted), 3), np.int64)
    signed = frame.numbers("signature", 0)
    t, lon, lat, speed, wheel = rows.t, rows.lon, rows.lat, rows.speed, rows.wheel
    made, finds = judge(report, wanted, signed, t, lon, lat, speed, wheel, rows.heading, told, peaks, places)
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
