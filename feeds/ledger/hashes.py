"""``merkle``'s hashes of many leaves and nodes, by compiled code where that is possible (``sha``). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from feeds.ledger import merkle, sha
from geofences.compiled import compiled

_MANY: Final = 32  # leaves: of fewer a call costs more than it saves


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """The hash of each leaf."""
    if not sha.FOUND or len(entries) < _MANY:
        return merkle.leaf_hashes(entries)
    ends = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([len(entry) for entry in entries], out=ends[1:])
    out = np.empty(32 * len(entries), np.uint8)
    _leaves(np.frombuffer(b"".join(entries) + b"\0", np.uint8), ends, out)
    flat = out.tobytes()
    return [flat[at : at + 32] for at in range(0, len(flat), 32)]


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of nodes of one level, 32 bytes each."""
    if not sha.FOUND or len(hashes) == 1:
        return merkle.complete_root(hashes)
    nodes = np.frombuffer(bytearray(b"".join(hashes)), np.uint8)
    _fold(nodes)
    return nodes[:32].tobytes()


@compiled
def _leaves(data: Any, ends: Any, out: Any) -> None:
    state, kind = np.empty(sha.STATE_BYTES, np.uint8), np.zeros(1, np.uint8)
    for leaf in range(len(ends) - 1):
        sha.begin(state.ctypes)
        sha.take(state.ctypes, kind.ctypes, 1)
        sha.take(state.ctypes, data[ends[leaf] :].ctypes, ends[leaf + 1] - ends[leaf])
        sha.end(out[32 * leaf :].ctypes, state.ctypes)


@compiled
def _fold(nodes: Any) -> None:
    """Level by level in place: where a parent goes lies a child that was read, by it or by one before it."""
    state, kind = np.empty(sha.STATE_BYTES, np.uint8), np.ones(1, np.uint8)
    count = len(nodes) // 32
    while count > 1:
        count //= 2
        for node in range(count):
            sha.begin(state.ctypes)
            sha.take(state.ctypes, kind.ctypes, 1)
            sha.take(state.ctypes, nodes[64 * node :].ctypes, 64)
            sha.end(nodes[32 * node :].ctypes, state.ctypes)
