"""Samples into the one order that all rules rest on: by asset and time, each instant once.

Where an instant has samples of different content, the better one counts, whichever came first (see
``settle``); the same content twice is one sample.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from streams.engine.columns import Array
from streams.engine.units import NONE
from streams.engine.kernel import alone
from streams.engine.rows import Rows

_CONTENT = ("lon", "lat", "speed", "heading", "hdop", "sats", "fix", "odometer", "wheel")


def column(batch: pa.RecordBatch, name: str) -> Array:
    """A column as int64, NONE for null."""
    array = batch.column(name)
    n, nulls = len(array), array.null_count
    if nulls == n:
        return np.full(n, NONE, np.int64)
    if not nulls:
        values: Array = array.to_numpy().astype(np.int64, copy=False)
        return values
    bare = pa.Array.from_buffers(array.type, n, [None, array.buffers()[1]], 0, array.offset)
    numbers = bare.to_numpy().astype(np.int64)
    return np.where(array.is_valid().to_numpy(zero_copy_only=False), numbers, NONE)


def rows_of(samples: pa.RecordBatch, asset: Array, received: Array, position: int) -> tuple[Rows, Array]:
    """The samples that have a position and an asset (row >= 0), and each one's row in ``samples``."""
    lon, lat = column(samples, "lon_e7"), column(samples, "lat_e7")
    rest = [column(samples, f"{name}") for name in ("speed_ckmh", "heading_cdeg", "hdop_c", "sats", "fix")]
    cans = [column(samples, name) for name in ("odometer_mm", "wheel_ckmh")]
    t = column(samples, "t_ms")
    rows = Rows(asset, t, lon, lat, *rest, *cans, received, np.full(len(t), position, np.int64))
    good = (asset >= 0) & (lon != NONE) & (lat != NONE)
    if good.all():
        return rows, np.arange(len(t))
    return rows.take(good), np.flatnonzero(good)


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
    table = np.stack([getattr(rows, name)[contested] for name in _CONTENT], axis=1)
    ends = np.append(np.flatnonzero(np.append(True, group[1:] != group[:-1])), len(contested))
    for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        ranked = sorted(range(begin, end), key=lambda k: _rank(rows, int(contested[k]), table[k], rules))
        keep[contested[ranked[0]]] = True
        conflicts += len(np.unique(table[begin:end], axis=0)) > 1
    return rows.take(keep), conflicts


def _rank(rows: Rows, i: int, content: Array, rules: Array) -> tuple[bool, list[int], int, int]:
    """What decides between samples of one instant: the smallest counts."""
    numbers = (int(getattr(rows, name)[i]) for name in ("t", "lon", "lat", "hdop", "fix", "received"))
    faulty = alone(*numbers, rules) != 0
    return faulty, content.tolist(), int(rows.received[i]), int(rows.position[i])
