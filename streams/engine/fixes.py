"""From a frame's samples to the fixes that may move state: positions that are believed, in order.

Everything here works on whole columns. What is left out stays in the frame and so in the store; only
the engine's verdicts ignore it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pyarrow as pa

from geofences import geodesy
from streams.engine.columns import Array
from streams.engine.settings import Rules

DEGREE: Final = 1e-7
NONE: Final = -(1 << 62)
"""Stands for null in integer columns of the state."""


@dataclass(frozen=True, slots=True)
class Fixes:
    """Believed positions, sorted by (asset row, time), each instant of an asset once; int64[n] each.

    ``speed``, ``wheel`` 0.01 km/h, ``heading`` 0.01 degree, ``odometer`` mm; NONE where not measured.
    """

    row: Array
    t: Array
    lon: Array
    lat: Array
    speed: Array
    heading: Array
    odometer: Array

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: Array) -> Fixes:
        """The fixes at ``index`` (numbers or a mask), in that order."""
        return Fixes(*(getattr(self, f.name)[index] for f in fields(self)))


def column(batch: pa.RecordBatch, name: str) -> Array:
    """A column as int64, NONE for null."""
    array = batch.column(name)
    n, nulls = len(array), array.null_count
    if nulls == n:
        return np.full(n, NONE, np.int64)
    if not nulls:
        values: Array = array.to_numpy().astype(np.int64)
        return values
    bare = pa.Array.from_buffers(array.type, n, [None, array.buffers()[1]], 0, array.offset)
    numbers = bare.to_numpy().astype(np.int64)
    return np.where(array.is_valid().to_numpy(zero_copy_only=False), numbers, NONE)


def believed(samples: pa.RecordBatch, row: Array, received_ms: Array, rules: Rules) -> Fixes:
    """Positions of ``samples`` that say where the asset was; ``row``, ``received_ms``: int64 a sample.

    Left out: no position, no 2D fix, HDOP beyond belief, time ahead of the receipt, (0, 0), row < 0.
    """
    lon, lat, t = column(samples, "lon_e7"), column(samples, "lat_e7"), column(samples, "t_ms")
    good = row >= 0
    good &= t <= received_ms + rules.clock_ahead_ms
    good &= (lon | lat) != 0
    for place in (lon, lat):
        good &= place != NONE
    if samples.column("fix").null_count < len(row):
        fix = column(samples, "fix")
        good &= (fix == NONE) | (fix >= 2)
    if samples.column("hdop_c").null_count < len(row):
        good &= column(samples, "hdop_c") < rules.poor_hdop_c
    rest = (column(samples, name) for name in ("speed_ckmh", "heading_cdeg", "odometer_mm"))
    every = Fixes(row, t, lon, lat, *rest)
    return every if good.all() else every.take(good)


def in_order(fixes: Fixes, last_t: Array) -> tuple[Fixes, int]:
    """Sorted by (row, t), without what is not newer than ``last_t`` of its row; and how many that were."""
    row, t = fixes.row, fixes.t
    if len(row) > 1 and bool(((row[1:] < row[:-1]) | ((row[1:] == row[:-1]) & (t[1:] < t[:-1]))).any()):
        fixes = fixes.take(np.lexsort((t, row)))
        row, t = fixes.row, fixes.t
    new = t > last_t[row]
    new[1:] &= (row[1:] != row[:-1]) | (t[1:] != t[:-1])
    return (fixes, 0) if new.all() else (fixes.take(new), int(len(new) - new.sum()))


@dataclass(frozen=True, slots=True)
class Steps:
    """The way from each fix's predecessor to it: int64[n], of the same asset, NONE in ``t0`` if none.

    ``first``: bool[n], the first fix of its asset in this frame; ``dist`` in mm.
    """

    first: Array
    t0: Array
    lon0: Array
    lat0: Array
    dist: Array


def steps(fixes: Fixes, last: tuple[Array, Array, Array]) -> Steps:
    """The steps of ``fixes`` given (t, lon, lat) of each row's last believed fix, NONE where none."""
    row = fixes.row
    first = np.empty(len(row), bool)
    first[:1] = True
    np.not_equal(row[1:], row[:-1], out=first[1:])
    heads = np.flatnonzero(first)
    previous = []
    for values, held in zip((fixes.t, fixes.lon, fixes.lat), last, strict=True):
        shifted = np.empty_like(values)
        shifted[1:] = values[:-1]
        shifted[heads] = held[row[heads]]
        previous.append(shifted)
    t0, lon0, lat0 = previous
    known = t0 != NONE
    lon0, lat0 = np.where(known, lon0, fixes.lon), np.where(known, lat0, fixes.lat)
    dist = geodesy.distance_mm(lon0 * DEGREE, lat0 * DEGREE, fixes.lon * DEGREE, fixes.lat * DEGREE)
    return Steps(first, t0, lon0, lat0, dist)


def implausible(fixes: Fixes, way: Steps, rules: Rules) -> Array:
    """Which steps are faster than any truck, unless the fix before is too old to argue with: bool[n]."""
    dt = fixes.t - way.t0
    too_far = way.dist > rules.jump_slack_mm + dt * rules.jump_mm_per_s // 1000
    verdict: Array = too_far & (way.t0 != NONE) & (dt < rules.jump_believed_ms)
    return verdict


def without_jumps(fixes: Fixes, last: tuple[Array, Array, Array], rules: Rules) -> tuple[Fixes, Steps, int]:
    """The fixes that follow from the last believed one at a speed that a truck can have, and their steps.

    Assets with a jump (rare) are looked at fix by fix, since each verdict changes what comes before the
    next one.
    """
    way = steps(fixes, last)
    jump = implausible(fixes, way, rules)
    if not jump.any():
        return fixes, way, 0
    keep = np.ones(len(fixes), bool)
    for row in np.unique(fixes.row[jump]).tolist():
        believed_fix = tuple(int(held[row]) for held in last)
        for i in range(*np.searchsorted(fixes.row, (row, row + 1)).tolist()):
            one = fixes.take(np.array([i]))
            pair = replace(one, row=np.zeros(1, np.int64))
            before = tuple(np.array([v], np.int64) for v in believed_fix)
            step = steps(pair, (before[0], before[1], before[2]))
            if implausible(pair, step, rules)[0]:
                keep[i] = False
            else:
                believed_fix = (int(one.t[0]), int(one.lon[0]), int(one.lat[0]))
    kept = fixes.take(keep)
    return kept, steps(kept, last), int(len(keep) - keep.sum())
