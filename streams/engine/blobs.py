"""Bytes by row, one after another in one array: a dict of them takes a hundred bytes more for each.

What is replaced or dropped leaves a hole. When an eighth is holes the others move together, in place.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from geofences.compiled import compiled
from streams.engine.columns import Array, roomier

HEAD: Final = 8
"""Bytes before each content: its row, then its length and kind."""
SPARE: Final = 1 << 16
_FIRST: Final = HEAD  # no content lies at 0: that says that there is none
_KIND: Final = 28  # bits of the length, below those of the kind
_MOST: Final = 1 << 32


class Blobs:
    """At most one content with a kind (0 to 7) for each row. Not for use by two threads at once."""

    def __init__(self) -> None:
        self.data = np.empty(SPARE, np.uint8)
        self.at = np.zeros(64, np.uint32)
        self.ends = np.array([_FIRST, 0])  # where the next content goes; bytes of holes

    def rows(self, count: int) -> None:
        """Make room for so many rows in all."""
        held = len(self.at)
        if count > held:
            self.at = roomier(self.at, count)
            self.at[held:] = 0

    def room(self, length: int) -> None:
        """Make room for so many bytes more; contents may move."""
        end, holes = self.ends.tolist()
        if end + length <= len(self.data):
            return
        if holes > end >> 3:
            _together(self.data, self.at, self.ends)
            end = int(self.ends[0])
        if end + length > len(self.data):
            size = end + length + max(end >> 4, SPARE)
            if size > _MOST:
                raise MemoryError(f"too much at rest: got {size} bytes, want at most {_MOST}")
            self.data.resize(size, refcheck=False)  # in place: nobody else has a view of it

    def put(self, row: int, kind: int, content: Array) -> None:
        """Keep the content (uint8[]) in place of the row's one."""
        self.room(len(content) + HEAD)
        self.drop(row)
        end = int(self.ends[0])
        self.data[end + HEAD : end + HEAD + len(content)] = content
        head(self.data, end, row, kind, len(content))
        self.at[row] = end
        self.ends[0] = end + HEAD + len(content)

    def drop(self, row: int) -> None:
        """Forget the row's content, if there is one."""
        at = int(self.at[row])
        if at:
            self.at[row] = 0
            self.ends[1] += HEAD + length(self.data, at)

    def length(self, row: int) -> int:
        """The length of the row's content, 0 where there is none."""
        at = int(self.at[row])
        return int(length(self.data, at)) if at else 0

    def content(self, row: int) -> bytes:
        """The row's content, empty where there is none."""
        begin = int(self.at[row]) + HEAD
        return self.data[begin : begin + self.length(row)].tobytes()

    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.data.nbytes + self.at.nbytes

    def dump(self, rows: int) -> list[bytes]:
        """All contents of the first ``rows`` rows, as bytes: what to ``load`` again."""
        _together(self.data, self.at, self.ends)
        return [self.at[:rows].tobytes(), self.data[: int(self.ends[0])].tobytes()]

    def load(self, rows: int, at: memoryview, data: memoryview) -> None:
        """Become what was dumped, with room for ``rows`` rows."""
        self.at = np.zeros(max(64, rows), np.uint32)
        self.at[: len(at) // 4] = np.frombuffer(at, np.uint32)
        self.data = np.frombuffer(data, np.uint8).copy()
        self.ends = np.array([len(self.data), 0])


@compiled
def word(data: Any, at: Any) -> Any:
    """Four bytes as a number."""
    value = np.int64(0)
    for k in range(4):
        value |= np.int64(data[at + k]) << (8 * k)
    return value


@compiled
def length(data: Any, at: Any) -> Any:
    """The length of the content whose head lies at ``at``."""
    return word(data, at + 4) & ((1 << _KIND) - 1)


@compiled
def kind(data: Any, at: Any) -> Any:
    """The kind of the content whose head lies at ``at``."""
    return word(data, at + 4) >> _KIND


@compiled
def head(data: Any, at: int, row: int, of_kind: int, size: int) -> None:
    """Write the head of a content."""
    value = size | of_kind << _KIND
    for k in range(4):
        data[at + k] = row >> (8 * k) & 255
        data[at + 4 + k] = value >> (8 * k) & 255


@compiled
def _together(data: Any, at: Any, ends: Any) -> None:
    """Move all contents together to the front."""
    read = write = _FIRST
    while read < ends[0]:
        row, size = word(data, read), HEAD + length(data, read)
        if at[row] == read:
            if write != read:
                for k in range(size):
                    data[write + k] = data[read + k]
                at[row] = write
            write += size
        read += size
    ends[0], ends[1] = write, 0
