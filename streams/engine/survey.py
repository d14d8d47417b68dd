"""What a fold's steps have to be looked at for: compiled passes over them, which Python then follows up."""

from __future__ import annotations

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array
from streams.engine.kernel import (
    ASSET,
    CELL0,
    CELL1,
    CUM,
    DIST,
    INDEX,
    LAT0,
    LON0,
    MARK,
    NEXT,
    OLD,
    POS0,
    SPEED0,
    T0,
    WAKE,
)
from streams.engine.units import NONE

WIDTH = 16
"""Columns of a step that is walked: the fix before (t, lon, lat, cum, speed, position), the fix, the sets
around both, marks, HDOP."""


@compiled
def busy(steps: Array, cuts: Array, at: Array, parts: Array) -> tuple[int, int]:
    """Which steps are marked, or cut a zone (``cuts``: ascending numbers of those), and of which assets.

    Written: ``at`` int64[n], the steps; ``parts`` int64[n, 3], of each asset with a marked step or one after
    a waiting time its row, its first step, and the end of its steps. Returns how many of both.
    """
    marked = assets = cut = 0
    n = 0
    while n < len(steps):
        row, begin, wanted = steps[n, ASSET], n, False
        while n < len(steps) and steps[n, ASSET] == row:
            mark = steps[n, MARK]
            passes = cut < len(cuts) and cuts[cut] == n
            cut += passes
            if passes or mark & ~WAKE != 0:
                at[marked] = n
                marked += 1
            wanted |= passes or mark != 0
            n += 1
        if wanted:
            parts[assets, 0], parts[assets, 1], parts[assets, 2] = row, begin, n
            assets += 1
    return marked, assets


@compiled
def table(
    at: Array, steps: Array, t: Array, lon: Array, lat: Array, speed: Array, position: Array, hdop: Array
) -> Array:
    """The steps ``at`` as they are walked: int64[n, WIDTH]."""
    out = np.empty((len(at), WIDTH), np.int64)
    for n in range(len(at)):
        step, row = steps[at[n]], out[n]
        i = step[INDEX]
        row[0], row[1], row[2] = step[T0], step[LON0], step[LAT0]
        row[3], row[4], row[5] = step[CUM] - step[DIST], step[SPEED0], step[POS0]
        row[6], row[7], row[8] = t[i], lon[i], lat[i]
        row[9], row[10], row[11] = step[CUM], speed[i], position[i]
        row[12], row[13], row[14], row[15] = step[OLD], step[NEXT], step[MARK], hdop[i]
    return out


@compiled
def ways(steps: Array, t: Array, lon: Array, lat: Array) -> Array:
    """The steps that may pass through a zone: their numbers, lon and lat (1e-7 degree) of the fix before and
    of the fix, cells before and now, sets before and now, and the fix's time: int64[10, n]."""
    count = 0
    for n in range(len(steps)):
        before = steps[n, CELL0]
        count += (before != steps[n, CELL1] or before < 0) and steps[n, T0] != NONE
    out = np.empty((10, count), np.int64)
    k = 0
    for n in range(len(steps)):
        step = steps[n]
        if (step[CELL0] != step[CELL1] or step[CELL0] < 0) and step[T0] != NONE:
            i = step[INDEX]
            out[0, k], out[9, k] = n, t[i]
            out[1, k], out[2, k], out[3, k], out[4, k] = step[LON0], step[LAT0], lon[i], lat[i]
            out[5, k], out[6, k], out[7, k], out[8, k] = step[CELL0], step[CELL1], step[OLD], step[NEXT]
            k += 1
    return out
