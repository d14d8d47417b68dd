"""Whole numbers in few bytes: each by one like it that came shortly before.

The numbers of one asset are much alike: a visit began at the fix at which its stop began, a place lies near
the one before. A number is written as one of the last 64 different ones (a byte), as itself when it is
small (a byte), or as its difference from one of the last 16 (a byte and the difference). Any 64-bit
numbers come back as they were.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array
from streams.engine.units import NEVER, NONE

WORST: Final = 9
"""Bytes that a number may need."""
_HELD: Final = 64
_NEAR: Final = 16
_SEEDS: Final = (0, NONE, NEVER, -1)


@compiled
def memory(first: int) -> Any:
    """What is remembered at the beginning: what is common anyway, and ``first``."""
    held = np.empty(_HELD, np.int64)
    held[0], held[1], held[2], held[3] = _SEEDS
    held[4] = first
    return held


@compiled
def write(numbers: Array, count: int, out: Array, at: int, held: Array, known: int) -> Any:
    """Write ``count`` numbers into ``out`` (uint8[]) from ``at`` on; where it ends, and how many are known.

    ``held``: see ``memory``, ``known`` of them ever. ``out`` has WORST bytes for each number.
    """
    for i in range(count):
        value = numbers[i]
        code = -1
        for k in range(min(known, _HELD)):
            if held[k] == value:
                code = k
                break
        if code >= 0:
            out[at] = code
            at += 1
            continue
        if 0 <= value < 64:
            out[at] = 64 + value
            at += 1
            continue
        near, size, coded = 0, 9, np.uint64(0)
        for k in range(min(known, _NEAR)):
            gone = value - held[(known - 1 - k) % _HELD]
            folded = np.uint64((gone << 1) ^ (gone >> 63))
            need, rest = 1, folded >> np.uint64(8)
            while rest:
                need += 1
                rest >>= np.uint64(8)
            if need < size:
                near, size, coded = k, need, folded
        out[at] = 128 + (size - 1) * _NEAR + near
        at += 1
        for _ in range(size):
            out[at] = coded & np.uint64(255)
            coded >>= np.uint64(8)
            at += 1
        held[known % _HELD] = value
        known += 1
    return at, known


@compiled
def read(data: Any, at: Any, end: Any, numbers: Any, count: Any, held: Any, known: Any) -> Any:
    """Read up to ``count`` numbers of data[at:end]: how many, where it stopped, how many are known."""
    n = 0
    while n < count and at < end:
        code = np.int64(data[at])
        at += 1
        if code < 64:
            numbers[n] = held[code]
        elif code < 128:
            numbers[n] = code - 64
        else:
            size, near = ((code - 128) >> 4) + 1, code & (_NEAR - 1)
            coded = np.uint64(0)
            for k in range(size):
                coded |= np.uint64(data[at + k]) << np.uint64(8 * k)
            at += size
            gone = np.int64(coded >> np.uint64(1)) ^ -np.int64(coded & np.uint64(1))
            value = held[(known - 1 - near) % _HELD] + gone
            numbers[n] = value
            held[known % _HELD] = value
            known += 1
        n += 1
    return n, at, known
