"""Samples into the one order that all rules rest on: by asset and time, each instant once.

Where an instant has samples of different content, the better one counts, whichever came first (see
``settle``); the same content twice is one sample.
"""

from __future__ import annotations

import numpy as np

from streams.codec import FrameView
from streams.engine.columns import Array
from streams.engine.rows import Rows
from streams.engine.units import NONE

_MEASURED = ("speed_ckmh", "heading_cdeg", "hdop_c", "sats", "fix", "odometer_mm", "wheel_ckmh")
_WIDE = 1 << 62
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


def winners(rows: Rows, places: Array) -> tuple[Array, Array]:
    """Of the rows at ``places`` those that count, in order; and for each that which counts at its instant.

    They have no fault of their own. Of an instant's samples the lexicographically smallest content counts; of
    equals the earliest received, then the first in the log.
    """
    asset, t = rows.asset[places], rows.t[places]
    later = (asset[1:] > asset[:-1]) | ((asset[1:] == asset[:-1]) & (t[1:] > t[:-1]))
    if later.all():
        return places, places
    oldest = t.min()
    span = int(t.max()) - int(oldest) + 1
    if int(asset.max()) * span < _WIDE:  # one key sorts faster than two
        key = t if bool((asset == asset[0]).all()) else asset * span + (t - oldest)
        order = np.argsort(key, kind="stable")
        first = np.append(True, np.diff(key[order]) != 0)
    else:
        order = np.lexsort((t, asset))
        first = np.append(True, (np.diff(asset[order]) != 0) | (np.diff(t[order]) != 0))
    if not first.all():
        ranks = [getattr(rows, name)[places] for name in ("position", "received", *reversed(CONTENT))]
        order = np.lexsort((*ranks, t, asset))
    counts = places[order[first]]
    winner = np.empty_like(places)
    winner[order] = counts[np.cumsum(first) - 1]
    return counts, winner


def settle(rows: Rows) -> tuple[Rows, int]:
    """The rows in order, each instant once (see ``winners``); and how many instants had two contents."""
    places = np.arange(len(rows))
    counts, winner = winners(rows, places)
    if counts is places:
        return rows, 0
    lost = np.flatnonzero(winner != places)
    won = winner[lost]
    differs = np.zeros(len(lost), bool)
    for name in CONTENT:
        column = getattr(rows, name)
        differs |= column[lost] != column[won]
    return rows.take(counts), len(np.unique(won[differs]))
