"""Samples as bytes and back, and states against voids: the loops of the chunk files.

A sample is two bytes that say which columns differ from what is expected, then those differences as zigzag
varints. Expected is the value before, or, for what moves steadily (``STEADY``), the last change once more.
Sums are modulo 2^64, so that any int64 comes back as it was. A block's first sample is told against ``base``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array
from streams.engine.rows import NAMES

COLUMNS: Final = tuple(name for name in NAMES if name != "asset")
STEADY: Final = np.array([name in ("t", "lon", "lat", "odometer") for name in COLUMNS])
MOST: Final = 2 + 10 * len(COLUMNS)
"""Bytes of a sample at most."""

_0, _1, _7, _63, _127, _128 = (np.uint64(n) for n in (0, 1, 7, 63, 127, 128))


@compiled
def pack(columns: Array, starts: Array, base: Array, steady: Array, out: Array, ends: Array) -> int:
    """Write the blocks of samples ``starts[i]:starts[i + 1]`` to ``out``; returns the bytes written.

    ``columns``: uint64[c, n]; ``starts``: int64[b + 1]; ``base``: uint64[c]; ``steady``: bool[c];
    ``out``: uint8[n * MOST] or more; ``ends``: int64[b], set to where each block ends in ``out``.
    """
    count = columns.shape[0]
    last, step = np.empty(count, np.uint64), np.empty(count, np.uint64)
    at = 0
    for block in range(len(starts) - 1):
        for j in range(count):
            last[j], step[j] = base[j], _0
        for i in range(starts[block], starts[block + 1]):
            mask_at, mask = at, 0
            at += 2
            for j in range(count):
                change = columns[j, i] - last[j]
                last[j] = columns[j, i]
                told = change - step[j]
                if steady[j] and i > starts[block]:
                    step[j] = change
                if told == _0:
                    continue
                mask |= 1 << j
                zigzag = (told << _1) ^ (_0 - (told >> _63))
                while zigzag >= _128:
                    out[at] = (zigzag & _127) | _128
                    zigzag >>= _7
                    at += 1
                out[at] = zigzag
                at += 1
            out[mask_at], out[mask_at + 1] = mask & 255, mask >> 8
        ends[block] = at
    return at


@compiled
def unpack(data: Array, ends: Array, counts: Array, bases: Array, steady: Array, out: Array) -> int:
    """Read blocks that follow each other in ``data``; returns -1, or the number of the first damaged one.

    ``data``: uint8[]; ``ends``, ``counts``: int64[b]; ``bases``: uint64[b, c]; ``out``: uint64[c, n].
    """
    count = bases.shape[1]
    last, step = np.empty(count, np.uint64), np.empty(count, np.uint64)
    at, i = 0, 0
    for block in range(len(ends)):
        stop = ends[block]
        for j in range(count):
            last[j], step[j] = bases[block, j], _0
        for k in range(counts[block]):
            if at + 2 > stop:
                return block
            mask = np.int64(data[at]) | np.int64(data[at + 1]) << 8
            at += 2
            for j in range(count):
                told = _0
                if mask >> j & 1:
                    zigzag, shift, byte = _0, _0, _128
                    while byte >= _128:
                        if at >= stop or shift > _63:
                            return block
                        byte = np.uint64(data[at])
                        at += 1
                        zigzag |= (byte & _127) << shift
                        shift += _7
                    told = (zigzag >> _1) ^ (_0 - (zigzag & _1))
                change = told + step[j]
                last[j] += change
                if steady[j] and k > 0:
                    step[j] = change
                out[j, i] = last[j]
            i += 1
        if at != stop:
            return block
    return -1


@compiled
def match(
    asset: Array, t: Array, position: Array, v_asset: Array, v_after: Array, v_position: Array
) -> tuple[Array, Array]:
    """Which states some void ends (at any position), and which voids end some state; bool masks.

    States and voids: one array a column, each sorted by asset.
    """
    ended, ends = np.zeros(len(asset), np.bool_), np.zeros(len(v_asset), np.bool_)
    first = 0
    for i in range(len(asset)):
        while first < len(v_asset) and v_asset[first] < asset[i]:
            first += 1
        k = first
        while k < len(v_asset) and v_asset[k] == asset[i]:
            if v_after[k] < t[i] and position[i] < v_position[k]:
                ended[i] = ends[k] = True
            k += 1
    return ended, ends
