"""Names and their row numbers, for a million of them: UTF-8 bytes one after another and a hash table.

A dict of strings needs about 180 bytes a name, this 12 and the name itself. Names are looked up as Arrow
holds them, by the column, without a Python object each. Every hit is compared byte by byte, so that the
hash decides nothing but the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array, roomier
from streams.texts import Texts, texts

_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_MIX: Final = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT: Final = np.uint64(32)
_ONE: Final = np.uint64(1)


def hashes(names: Texts) -> Array:
    """A 64-bit hash of each name, never 0, the same on every machine: uint64[n]."""
    out = np.empty(len(names.ends) - 1, np.uint64)
    _hashes(names.ends, names.data, out)
    return out


class Names(Mapping[str, int]):
    """Names in the order in which they came; the row of a name is its place in that order."""

    def __init__(self) -> None:
        self._size = 0
        self._data = np.empty(1024, np.uint8)
        self._ends = np.zeros(65, np.uint32)
        self._table = np.full(128, -1, np.int32)

    def rows(self, names: Texts) -> Array:
        """The row of each name, a new one for a name that was not there: int64[n]."""
        out = np.empty(len(names.ends) - 1, np.int64)
        if _find(names.ends, names.data, self._data, self._ends, self._table, out):
            self._make_room(len(out), len(names.data))
            held = self._data, self._ends, self._table
            self._size = _add(names.ends, names.data, *held, self._size, out)
        return out

    def nbytes(self) -> int:
        """Bytes in memory."""
        return self._data.nbytes + self._ends.nbytes + self._table.nbytes

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        data = self._data[: self._ends[self._size]].tobytes()
        ends = self._ends[: self._size + 1].tolist()
        return (data[a:b].decode() for a, b in pairwise(ends))

    def __getitem__(self, name: str) -> int:
        out = np.empty(1, np.int64)
        if _find(*texts([name]), self._data, self._ends, self._table, out):
            raise KeyError(name)
        return int(out[0])

    def name(self, row: int) -> str:
        """The name of a row."""
        begin, end = self._ends[row : row + 2].tolist()
        return self._data[begin:end].tobytes().decode()

    def load(self, names: Sequence[str]) -> None:
        """Become these names, in this order; they are distinct."""
        self.__init__()  # type: ignore[misc]
        if names:
            self.rows(texts(names))

    def _make_room(self, count: int, length: int) -> None:
        self._data = roomier(self._data, int(self._ends[self._size]) + length)
        self._ends = roomier(self._ends, self._size + count + 1)
        if 4 * (self._size + count) > 3 * len(self._table):
            slots = 1 << (2 * (self._size + count) - 1).bit_length()
            self._table = np.full(slots, -1, np.int32)
            _spread(self._data, self._ends, self._size, self._table)


@compiled
def _hash(data: Any, begin: Any, end: Any) -> Any:
    value = _BASIS
    for i in range(begin, end):
        value = (value ^ np.uint64(data[i])) * _PRIME
    value = (value ^ (value >> _SHIFT)) * _MIX
    value ^= value >> _SHIFT
    return value | np.uint64(value == np.uint64(0))


@compiled
def _hashes(ends: Any, data: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = _hash(data, np.int64(ends[i]), np.int64(ends[i + 1]))


@compiled
def _slot(data: Any, begin: Any, end: Any, held: Any, held_ends: Any, table: Any) -> Any:
    """The slot of the table that holds the name, or the free one where it belongs."""
    mask = len(table) - 1
    slot = np.int64(_hash(data, begin, end) >> _ONE) & mask
    while table[slot] >= 0:
        at = np.int64(held_ends[table[slot]])
        if np.int64(held_ends[table[slot] + 1]) - at == end - begin:
            same = True
            for j in range(end - begin):
                if held[at + j] != data[begin + j]:
                    same = False
                    break
            if same:
                break
        slot = (slot + 1) & mask
    return slot


@compiled
def _find(ends: Any, data: Any, held: Any, held_ends: Any, table: Any, out: Any) -> Any:
    unknown = 0
    for i in range(len(out)):
        out[i] = table[_slot(data, np.int64(ends[i]), np.int64(ends[i + 1]), held, held_ends, table)]
        unknown += out[i] < 0
    return unknown


@compiled
def _add(ends: Any, data: Any, held: Any, held_ends: Any, table: Any, size: Any, out: Any) -> Any:
    for i in range(len(out)):
        begin, end = np.int64(ends[i]), np.int64(ends[i + 1])
        slot = _slot(data, begin, end, held, held_ends, table)
        if table[slot] < 0:
            at = np.int64(held_ends[size])
            for j in range(end - begin):
                held[at + j] = data[begin + j]
            held_ends[size + 1] = at + end - begin
            table[slot] = size
            size += 1
        out[i] = table[slot]
    return size


@compiled
def _spread(held: Any, held_ends: Any, size: Any, table: Any) -> None:
    for row in range(size):
        begin, end = np.int64(held_ends[row]), np.int64(held_ends[row + 1])
        table[_slot(held, begin, end, held, held_ends, table)] = row
