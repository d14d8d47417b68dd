"""The judgement of reports by the column: what is in line, a restart from nothing, or seen a moment ago.

What needs more than a device's columns (gaps, another boot) is left PENDING, together with all that the
same device sent after it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from geofences.compiled import compiled

RING: Final = 64
BITS: Final = 13
"""Of each content that a ring remembers."""
RING_BYTES: Final = RING * BITS // 8
SPARE: Final = 2
"""Bytes behind the last ring, so that any 3 bytes of a ring can be read."""

NEW, DUPLICATE, CONFLICT, PENDING = 0, 1, 2, 3
GAPS, STUCK = 1, 2  # bits of a device's flag: has ranges that never came; has a report pending in this call
_MASK: Final = (1 << BITS) - 1


@compiled
def judge(
    row: Any, boot: Any, seq: Any, digest: Any, held: Any, following: Any, flag: Any, ring: Any, verdict: Any
) -> int:
    """Fill ``verdict`` int8[n] for n reports in the order of the log; returns how many are PENDING.

    ``row`` int64[n], ``boot`` uint64[n] hashes, ``seq`` int64[n], ``digest`` uint64[n]; of each device
    ``held`` uint64[] (hash of the running boot, 0: none), ``following`` int64[] (next number), ``flag``
    uint8[], ``ring`` uint8[] (RING_BYTES a device, and SPARE).
    """
    pending = 0
    for i in range(len(row)):
        r, s = row[i], seq[i]
        verdict[i] = PENDING
        if flag[r] & STUCK == 0:
            if held[r] == 0 and s == 0:
                held[r] = boot[i]
            if held[r] == boot[i]:
                if s == following[r]:
                    put(ring, r, s, digest[i])
                    following[r] = s + 1
                    verdict[i] = NEW
                elif s < following[r] and flag[r] & GAPS == 0:
                    verdict[i] = DUPLICATE
                    if s >= following[r] - RING and not holds(ring, r, s, digest[i]):
                        verdict[i] = CONFLICT
        if verdict[i] == PENDING:
            flag[r] |= STUCK
            pending += 1
    return pending


@compiled
def put(ring: Any, row: Any, seq: Any, digest: Any) -> None:
    """Keep the content of report ``seq``."""
    bit = (seq & (RING - 1)) * BITS
    at, shift = row * RING_BYTES + (bit >> 3), bit & 7
    word = np.int64(ring[at]) | np.int64(ring[at + 1]) << 8 | np.int64(ring[at + 2]) << 16
    word = word & ~(_MASK << shift) | np.int64(digest & np.uint64(_MASK)) << shift
    for k in range(3):
        ring[at + k] = word >> (8 * k) & 255


@compiled
def holds(ring: Any, row: Any, seq: Any, digest: Any) -> bool:
    """Whether the content of report ``seq`` is the one that was kept."""
    bit = (seq & (RING - 1)) * BITS
    at, shift = row * RING_BYTES + (bit >> 3), bit & 7
    word = np.int64(ring[at]) | np.int64(ring[at + 1]) << 8 | np.int64(ring[at + 2]) << 16
    same: bool = word >> shift & _MASK == np.int64(digest & np.uint64(_MASK))
    return same
