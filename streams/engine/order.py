"""Samples into the one order that all rules rest on: by asset and time, each instant once.

Where an instant has samples of different content, the better one counts, whichever came first (see
``settle``); the same content twice is one sample.
"""

from __future__ import annotations

import numpy as np

from streams.codec import FrameView
from streams.engine.columns import Array
from streams.engine.kernel import alone
from streams.engine.rows import Rows
from streams.engine.units import NONE

_MEASURED = ("speed_ckmh", "heading_cdeg", "hdop_c", "sats", "fix", "odometer_mm", "wheel_ckmh")
CONTENT = ("lon", "lat", "speed", "heading", "hdop", "sats", "fix", "odometer", "wheel")


def rows_of(frame: FrameView, asset: Array, received: Array, position: int) -> tuple[Rows, Array]:
    """The samples that have a position and an asset (row >= 0), and each one's row in the frame.

    ``asset``, ``received``: int64 a sample.
    """
    lon, lat, t = (frame.numbers(name, NONE) for name in ("lon_e7", "lat_e7", "t_ms"))
    speed, heading, hdop, sats, fix, odometer, wheel = (frame.numbers(name, NONE) for name in _MEASURED)
    at = np.full(len(t), position, np.int64)
    rows = Rows(asset, t, lon, lat, speed, heading, hdop, sats, fix, odometer, wheel, received, at)
    held = (asset >= 0) & (lon != NONE) & (lat != NONE)
    if held.all():
        return rows, np.arange(len(t))
    return rows.take(held), np.flatnonzero(held)


def in_order(rows: Rows) -> bool:
    """Whether the rows are sorted by asset and time, each instant once."""
    a, t = rows.asset, rows.t
    if len(a) < 2:
        return True
    return bool(((a[1:] > a[:-1]) | ((a[1:] == a[:-1]) & (t[1:] > t[:-1]))).all())


def settle(rows: Rows, rules: Array) -> tuple[Rows, int]:
    """The rows in order, each instant once; and how many instants had different contents.

    Of an instant's samples one without a fault of its own goes before one with; then the lexicographically
    smallest content; of equals the earliest received, then the first in the log.
    """
    if in_order(rows):
        return rows, 0
    rows = rows.take(np.lexsort((rows.t, rows.asset)))
    same = (rows.asset[1:] == rows.asset[:-1]) & (rows.t[1:] == rows.t[:-1])
    if not same.any():
        return rows, 0
    together = np.zeros(len(rows), bool)
    together[1:] |= same
    together[:-1] |= same
    keep = ~together
    conflicts = 0
    contested = np.flatnonzero(together)
    group = np.cumsum(np.append(True, ~same))[contested]
    table = np.stack([getattr(rows, name)[contested] for name in CONTENT], axis=1)
    ends = np.append(np.flatnonzero(np.append(True, group[1:] != group[:-1])), len(contested))
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        ranked = sorted(range(begin, end), key=lambda k: _rank(rows, int(contested[k]), table[k], rules))
        keep[contested[ranked[0]]] = True
        conflicts += len(np.unique(table[begin:end], axis=0)) > 1
    return rows.take(keep), conflicts


def _rank(rows: Rows, i: int, content: Array, rules: Array) -> tuple[bool, list[int], int, int]:
    """What decides between samples of one instant: the smallest counts."""
    t, lon, lat, hdop, fix, received = (
        int(getattr(rows, name)[i]) for name in ("t", "lon", "lat", "hdop", "fix", "received")
    )
    faulty = alone(t, lon, lat, hdop, fix, received, rules) != 0
    return faulty, content.tolist(), received, int(rows.position[i])
