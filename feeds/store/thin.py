"""Which rows stand for many: tracks by Douglas-Peucker, signals by largest-triangle-three-buckets.

Rows are chosen, never made up: every kept row is a sample with its own instant. The first and the last row
are always kept, and the same rows in give the same rows out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from streams.engine.quality import STOPS

Index = npt.NDArray[np.int64]

_FIRST_TOLERANCE: Final = 90.0  # 1e-7 degree of latitude: about a metre, below a receiver's noise
_NARROWINGS: Final = 5


def track(
    t_ms: npt.NDArray[np.int64], lon_e7: npt.NDArray[np.int32], lat_e7: npt.NDArray[np.int32], limit: int
) -> Index:
    """Indices of at most ``limit`` (at least 2) points that keep the shape of the line, ascending.

    Points that the shape does not need fill the rest evenly over time, so that a moment on the track can be
    found by interpolation.
    """
    if limit < 2:
        raise ValueError(f"limit too small: got {limit}, want at least 2")
    n = len(t_ms)
    if n <= limit:
        return np.arange(n)
    lat = lat_e7.astype(np.float64)
    lon = _unwrapped(lon_e7.astype(np.float64)) * np.cos(np.radians(lat[0] / 1e7))
    kept = _shape(np.column_stack((lon, lat, np.arange(n))), limit)
    return _fill(t_ms, kept, limit)


def judged(
    t_ms: npt.NDArray[np.int64],
    lon_e7: npt.NDArray[np.int32],
    lat_e7: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint32],
    limit: int,
) -> Index:
    """As ``track``, where ``flags`` (of ``streams.engine.quality``) say what is not part of the line.

    Of the samples with a flag a tenth of the limit is kept (more, when the line leaves room), spread evenly:
    first of those that are not part of the line.
    """
    if limit < 2:
        raise ValueError(f"limit too small: got {limit}, want at least 2")
    n = len(t_ms)
    if n <= limit:
        return np.arange(n)
    off = (flags & STOPS) != 0
    line = np.flatnonzero(~off)
    room = min(max(limit // 10, limit - len(line)), limit - 2)
    shown = _spread(np.flatnonzero(off), room)
    shown = np.union1d(shown, _spread(np.flatnonzero(~off & (flags != 0)), room - len(shown)))
    ends = np.array([0, n - 1])
    kept = np.union1d(shown, ends[off[ends]])
    rest = limit - len(kept)
    if rest < 2 or not len(line):
        return np.union1d(kept, ends)
    return np.union1d(kept, line[track(t_ms[line], lon_e7[line], lat_e7[line], rest)])


def _spread(index: Index, most: int) -> Index:
    """At most ``most`` of ``index``, as even as can be."""
    if len(index) <= most:
        return index
    return index[(np.arange(max(0, most)) * 2 + 1) * len(index) // (2 * max(1, most))]


def series(t_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64], limit: int) -> Index:
    """Indices of at most ``limit`` (at least 2) points that keep the peaks of ``values``, ascending.

    One point a bucket: that which spans the largest triangle with the means of the buckets beside it
    (Steinarsson 2013, with the mean in place of the point chosen before, so that all buckets are computed
    at once).
    """
    if limit < 2:
        raise ValueError(f"limit too small: got {limit}, want at least 2")
    n = len(t_ms)
    if n <= limit:
        return np.arange(n)
    inner = limit - 2
    if inner == 0:
        return np.array([0, n - 1])
    edges = 1 + (np.arange(inner) * (n - 2)) // inner
    sizes = np.diff(np.append(edges, n - 1))
    x = (t_ms - t_ms[0]).astype(np.float64)
    mean_x, mean_y = (np.add.reduceat(a[: n - 1], edges) / sizes for a in (x, values))
    left_x, right_x = (np.repeat(m, sizes) for m in _beside(mean_x, x))
    left_y, right_y = (np.repeat(m, sizes) for m in _beside(mean_y, values))
    mid_x, mid_y = x[1 : n - 1], values[1 : n - 1]
    area = np.abs((left_x - right_x) * (mid_y - left_y) - (left_x - mid_x) * (right_y - left_y))
    largest = np.repeat(np.maximum.reduceat(area, edges - 1), sizes)
    candidates = np.where(area == largest, np.arange(1, n - 1), n)
    chosen = np.minimum.reduceat(candidates, edges - 1)
    return np.concatenate(([0], chosen, [n - 1]))


def _beside(
    means: npt.NDArray[np.float64], points: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.append(points[0], means[:-1]), np.append(means[1:], points[-1])


def _unwrapped(lon_e7: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Longitudes without the jump at 180 degrees."""
    return lon_e7 if np.ptp(lon_e7) < 1.8e9 else np.unwrap(lon_e7, period=3.6e9)


def _shape(points: npt.NDArray[np.float64], limit: int) -> Index:
    """Indices (third column of ``points``) left by the finest tolerance found that leaves ``limit``."""
    line, tolerance = shapely.linestrings(points), _FIRST_TOLERANCE
    while True:  # coarser and coarser, each on what the last one left: only the first pass sees all points
        coarser = _simplified(line, tolerance)
        if shapely.get_num_coordinates(coarser) <= limit:
            break
        line, tolerance = coarser, tolerance * 2
    fits, low, high = coarser, tolerance / 2, tolerance
    if tolerance > _FIRST_TOLERANCE:
        for _ in range(_NARROWINGS):
            middle = (low + high) / 2
            trial = _simplified(line, middle)
            if shapely.get_num_coordinates(trial) <= limit:
                fits, high = trial, middle
            else:
                low = middle
    index = shapely.get_coordinates(fits, include_z=True)[:, 2].astype(np.int64)
    index[0], index[-1] = 0, len(points) - 1
    return np.unique(index)


def _simplified(line: shapely.Geometry, tolerance: float) -> shapely.Geometry:
    return shapely.simplify(line, tolerance, preserve_topology=False)


def _fill(t_ms: npt.NDArray[np.int64], kept: Index, limit: int) -> Index:
    """``kept`` and, as far as ``limit`` goes, the points nearest to evenly spaced instants."""
    spare = limit - len(kept)
    if spare <= 0:
        return kept
    instants = np.linspace(t_ms[0], t_ms[-1], spare + 2)[1:-1]
    return np.union1d(kept, np.searchsorted(t_ms, instants))
