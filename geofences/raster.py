"""Polygons on a grid: which cells their borders touch, and which lie wholly inside.

`touched` errs only towards "touched": a cell that it leaves out has no border nearer than a nanodegree, so
one test of its centre speaks for all of it. Both functions work on many polygons at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geofences.piece import MARGIN_DEG

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """``rows`` x ``columns`` square cells of ``size`` degrees; (west, south) is the south-western corner."""

    west: float
    south: float
    size: float
    rows: int
    columns: int

    def centres(self, row: NDArray[np.intp], column: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of the cells' centres."""
        lon, lat = self.west + (column + 0.5) * self.size, self.south + (row + 0.5) * self.size
        return np.asarray(lon, np.float64), np.asarray(lat, np.float64)


def touched(start: Floats, end: Floats, owner: NDArray[np.int64], owners: int, window: Window) -> Bools:
    """Cells that edges touch: bool (owners, rows, columns) of edges ``start`` to ``end`` (m, 2)."""
    start, end, owner = _clipped(start, end, owner, window)
    start, end, owner = _cut_to_size(start, end, owner, window.size)
    origin = np.array([window.west, window.south])
    low = np.floor((np.minimum(start, end) - MARGIN_DEG - origin) / window.size).astype(np.int64)
    high = np.floor((np.maximum(start, end) + MARGIN_DEG - origin) / window.size).astype(np.int64)
    out = np.zeros((owners, window.rows, window.columns), dtype=np.bool_)
    for right in range(3):
        for up in range(3):
            column, row = low[:, 0] + right, low[:, 1] + up
            hit = (column <= high[:, 0]) & (row <= high[:, 1]) & (column >= 0) & (row >= 0)
            hit &= (column < window.columns) & (row < window.rows)
            out[owner[hit], row[hit], column[hit]] = True
    return out


def inside(touch: Bools, window: Window, holds: Callable[[NDArray[np.intp], Floats, Floats], Bools]) -> Bools:
    """Cells that lie wholly inside, by one test for each run of untouched cells in a row.

    ``holds(owner, lon, lat)`` tells for each point whether that owner's polygon holds it.
    """
    free = ~touch
    first = free.copy()
    first[:, :, 1:] &= touch[:, :, :-1]
    owner, row, column = np.nonzero(first)
    if not len(owner):
        return np.zeros_like(touch)
    verdict = holds(owner, *window.centres(row, column))
    run = np.cumsum(first.ravel()).reshape(touch.shape) - 1
    return np.asarray(verdict[np.maximum(run, 0)] & free)


def _clipped(
    start: Floats, end: Floats, owner: NDArray[np.int64], window: Window
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Edges cut to the window and one cell around it; those that miss it are left out (Liang-Barsky)."""
    low = np.array([window.west, window.south]) - window.size
    high = low + np.array([window.columns + 2, window.rows + 2]) * window.size
    step = end - start
    still = np.abs(step) < 1e-15
    inverse = 1.0 / np.where(still, 1.0, step)
    a, b = (low - start) * inverse, (high - start) * inverse
    enter = np.where(still, 0.0, np.minimum(a, b)).max(axis=1).clip(0.0)
    leave = np.where(still, 1.0, np.maximum(a, b)).min(axis=1).clip(None, 1.0)
    within = ~(still & ((start < low) | (start > high))).any(axis=1)
    keep = (enter <= leave) & within
    start, step = start[keep], step[keep]
    return start + step * enter[keep, None], start + step * leave[keep, None], owner[keep]


def _cut_to_size(
    start: Floats, end: Floats, owner: NDArray[np.int64], size: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Edges cut into parts that span no more than one cell each way."""
    parts = np.maximum(np.ceil(np.abs(end - start).max(axis=1, initial=0.0) / size).astype(np.int64), 1)
    if not len(parts) or parts.max() == 1:
        return start, end, owner
    edge = np.repeat(np.arange(len(parts)), parts)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    step = (end - start)[edge]
    begin = start[edge] + step * (place / parts[edge])[:, None]
    finish = start[edge] + step * ((place + 1) / parts[edge])[:, None]
    return begin, finish, owner[edge]
