"""Names and their row numbers, for a million of them: UTF-8 bytes one after another and a hash table.

A dict of strings needs about 180 bytes a name, this 12 and the name itself. Names are looked up as Arrow
holds them, by the column, without a Python object each. Every hit is compared byte by byte, so that the
hash decides nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, overload

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array, roomier
from streams.texts import Texts

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
        return iter(self.texts())

    def __getitem__(self, name: str) -> int:
        row = int(_row(np.frombuffer(name.encode(), np.uint8), self._data, self._ends, self._table))
        if row < 0:
            raise KeyError(name)
        return row

    def name(self, row: int) -> str:
        """The name of a row."""
        begin, end = self._ends[row : row + 2].tolist()
        return self._data[begin:end].tobytes().decode()

    def dump(self) -> list[bytes]:
        """The names as bytes: where each ends, and all of them one after another."""
        ends = self._ends[: self._size + 1]
        return [ends.tobytes(), self._data[: ends[-1]].tobytes()]

    def load(self, ends: bytes | memoryview, data: bytes | memoryview) -> None:
        """Become the names that were dumped."""
        self._ends, self._data = np.frombuffer(ends, np.uint32).copy(), np.frombuffer(data, np.uint8).copy()
        self._size = len(self._ends) - 1
        if not len(self._data) == self._ends[-1]:
            raise ValueError(f"got {len(self._data)} bytes of names, want {self._ends[-1]}")
        self._table = np.full(max(128, 1 << (2 * self._size - 1).bit_length()), -1, np.int32)
        _spread(self._data, self._ends, self._size, self._table)

    def texts(self, first: int = 0, last: int | None = None) -> list[str]:
        """The names of the rows [first, last)."""
        ends = self._ends[first : (self._size if last is None else last) + 1].tolist()
        data = self._data[ends[0] : ends[-1]].tobytes()
        return [data[a - ends[0] : b - ends[0]].decode() for a, b in pairwise(ends)]

    def _make_room(self, count: int, length: int) -> None:
        self._data = roomier(self._data, int(self._ends[self._size]) + length)
        self._ends = roomier(self._ends, self._size + count + 1)
        if 4 * (self._size + count) > 3 * len(self._table):
            slots = 1 << (2 * (self._size + count) - 1).bit_length()
            self._table = np.full(slots, -1, np.int32)
            _spread(self._data, self._ends, self._size, self._table)


class Listed(Sequence[str]):
    """Names as a sequence, by row: read from the bytes each time, so that no string is held.

    ``code``: of each of ``size()`` places the row of its name; None: each row once.
    """

    def __init__(
        self, names: Names, size: Callable[[], int], code: Callable[[], Array] | None = None
    ) -> None:
        self._names, self._size, self._code = names, size, code

    def __len__(self) -> int:
        return self._size()

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        size = self._size()
        if isinstance(place, slice):
            first, last, step = place.indices(size)
            if self._code is None and step == 1:
                return self._names.texts(first, max(first, last))
            if self._code is None:
                return [self[at] for at in range(first, last, step)]
            known = self._names.texts()  # few, each one object however often it is listed
            return [known[code] for code in self._code()[:size][place].tolist()]
        at = place + size if place < 0 else place
        if not 0 <= at < size:
            raise IndexError(f"no such row: got {place}, want one of {size}")
        return self._names.name(at if self._code is None else int(self._code()[at]))


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
def _row(data: Any, held: Any, held_ends: Any, table: Any) -> Any:
    return table[_slot(data, np.int64(0), np.int64(len(data)), held, held_ends, table)]


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
