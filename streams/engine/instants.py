"""Samples by instant, and the way that the wheels made between any two instants. Pure, and free of order.

What an asset measured at one instant may have come in several samples, such as a position and the bus; here
an instant is one row.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from streams.engine.columns import Array
from streams.engine.order import CONTENT
from streams.engine.quality import STOPS, Flag
from streams.engine.rows import Rows
from streams.engine.units import NONE

LOST: Final = int(Flag.NO_FIX | Flag.POOR_HDOP | Flag.NULL_ISLAND)
_WRONG_TIME: Final = int(Flag.CLOCK_AHEAD | Flag.CLOCK_BEHIND)
_WHEEL_GAP_MS: Final = 120_000
_EDGE_MS: Final = 5_000  # wheels and position of one moment may be told so far apart
_CREEP_MM_PER_MS: Final = 2.8  # 10 km/h, that of a queue
_HALF_MS2: Final = 0.25 / 1000  # mm that 1 m/s2 up and down again makes, per ms squared
_COARSE_MM: Final = 125_000  # what J1939's total vehicle distance counts in
_TOP_MM_PER_MS: Final = 70


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants by (asset, time): int64[n], ``NONE`` where not measured; units as in ``Rows``.

    ``believed``: the position moves state. ``lost``: there was no fix (no position, fix 0 or 1, HDOP 20 and
    more, or 0, 0). ``jump``: a position that was too far off. Samples of a wrong clock are left out.
    """

    asset: Array
    t: Array
    lon: Array
    lat: Array
    speed: Array
    heading: Array
    wheel: Array
    odometer: Array
    believed: Array
    lost: Array
    jump: Array

    def __len__(self) -> int:
        return len(self.t)

    def take(self, index: Array | slice) -> Instants:
        """The instants at ``index``, in that order."""
        return Instants(*(getattr(self, field.name)[index] for field in fields(self)))


def instants(rows: Rows, flags: Array) -> Instants:
    """The instants of ``rows`` (any order, any assets), whose ``flags`` are ``quality.Flag`` each."""
    kept = (flags & _WRONG_TIME) == 0
    rows, flags = rows.take(kept), flags[kept]
    placed = (rows.lon != NONE) & (rows.lat != NONE)
    believed = placed & ((flags & STOPS) == 0)
    content = [getattr(rows, name) for name in reversed(CONTENT)]
    order = np.lexsort((*content, ~believed, rows.t, rows.asset))
    rows, flags, placed, believed = rows.take(order), flags[order], placed[order], believed[order]
    new = (np.diff(rows.asset) != 0) | (np.diff(rows.t) != 0)
    first = np.flatnonzero(np.append(True, new)) if len(rows) else np.empty(0, np.int64)
    if not len(first):
        nothing, none = np.empty(0, np.int64), np.empty(0, bool)
        places = [nothing] * 8
        return Instants(*places, *[none] * 3)
    best = rows.take(first)
    return Instants(
        best.asset,
        best.t,
        best.lon,
        best.lat,
        best.speed,
        best.heading,
        np.maximum.reduceat(rows.wheel, first),  # NONE is the smallest
        np.maximum.reduceat(rows.odometer, first),
        believed[first],
        np.logical_and.reduceat(~placed | ((flags & LOST) != 0), first),
        np.logical_or.reduceat((flags & int(Flag.JUMP)) != 0, first),
    )


class Ways:
    """How far the wheels of one asset turned, by wheel speed and odometer.

    Between two samples of the wheel speed a truck may have moved and stood again, or the other way round:
    so a way has bounds. A gap of more than 120 s is not bridged by wheel speeds.
    """

    def __init__(self, some: Instants) -> None:
        known = some.wheel != NONE
        self._t = some.t[known]
        dt = np.diff(self._t).astype(np.float64)
        wheel = some.wheel[known].astype(np.float64)
        gap = dt > _WHEEL_GAP_MS
        way = np.where(gap, 0.0, (wheel[1:] + wheel[:-1]) / 2 * dt / 360)
        self._way = _sums(way)
        self._hidden = _sums(np.minimum(_HALF_MS2 * dt * dt, _CREEP_MM_PER_MS * dt))
        self._gaps = _sums(gap * dt)
        known = some.odometer != NONE
        self._ot = some.t[known]
        self._odometer = some.odometer[known]
        grown, dt = np.diff(self._odometer), np.diff(self._ot)
        self._broken = _sums(((grown < 0) | (grown > 10_000_000 + dt * _TOP_MM_PER_MS)).astype(np.float64))
        up = grown[grown > 0]
        self._step = min(int(up.min()), _COARSE_MM) if len(up) else _COARSE_MM

    @property
    def known(self) -> bool:
        """Whether anything is known of the wheels."""
        return len(self._t) > 1 or len(self._ot) > 1

    def between(self, start: Array, end: Array) -> tuple[Array, Array, Array]:
        """mm from ``start`` to ``end`` (ms, columns): what is likely, the least, the most; NaN if unknown.

        Likely is what the wheel speed says, where it was known all the time, else the odometer.
        """
        by_wheel, hidden = self._by_wheel(start, end)
        between, least, most = self._by_odometer(start, end)
        likely = np.where(np.isnan(by_wheel), between, by_wheel)
        low = np.fmin(np.maximum(by_wheel - hidden, 0.0), least)
        return likely, low, np.fmax(by_wheel + hidden, most)

    def _by_wheel(self, start: Array, end: Array) -> tuple[Array, Array]:
        if len(self._t) < 2:
            return np.full(len(start), np.nan), np.full(len(start), np.nan)
        at = [np.interp(end, self._t, sums) - np.interp(start, self._t, sums) for sums in self._sums()]
        held = (start >= self._t[0] - _EDGE_MS) & (end <= self._t[-1] + _EDGE_MS) & (at[2] == 0)
        return np.where(held, at[0], np.nan), np.where(held, at[1], np.nan)

    def _sums(self) -> tuple[Array, Array, Array]:
        return self._way, self._hidden, self._gaps

    def _by_odometer(self, start: Array, end: Array) -> tuple[Array, Array, Array]:
        n = len(self._ot)
        unknown = np.full(len(start), np.nan)
        if n < 2:
            return unknown, unknown, unknown
        before = np.searchsorted(self._ot, start, "right") - 1
        after = np.searchsorted(self._ot, end, "left")
        inner0 = np.minimum(np.searchsorted(self._ot, start, "left"), n - 1)
        inner1 = np.maximum(np.searchsorted(self._ot, end, "right") - 1, 0)
        left, right = np.maximum(before, 0), np.minimum(after, n - 1)
        # at the ends of what is known, the nearest will do when it is near
        held = (start >= self._ot[0] - _EDGE_MS) & (end <= self._ot[-1] + _EDGE_MS)
        held &= self._broken[right] == self._broken[left]
        most = (self._odometer[right] - self._odometer[left] + self._step).astype(np.float64)
        least = np.maximum(self._odometer[inner1] - self._odometer[inner0] - self._step, 0).astype(np.float64)
        way = np.interp(end, self._ot, self._odometer) - np.interp(start, self._ot, self._odometer)
        return tuple(np.where(held, value, np.nan) for value in (way, least, most))  # type: ignore[return-value]


def _sums(steps: Array) -> Array:
    return np.append(0.0, np.cumsum(steps))


def runs(mask: Array, apart: Array | None = None) -> tuple[Array, Array]:
    """First and last index of each run of True; ``apart[i]``: nothing joins i - 1 and i."""
    if not len(mask):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    begins = mask.copy()
    begins[1:] &= ~mask[:-1] if apart is None else ~mask[:-1] | apart[1:]
    ends = mask.copy()
    ends[:-1] &= ~mask[1:] if apart is None else ~mask[1:] | apart[1:]
    return np.flatnonzero(begins), np.flatnonzero(ends)
