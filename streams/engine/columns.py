"""Named integer columns that grow together: the engine's state of many assets or devices.

One row an asset. A snapshot is the columns' bytes behind a JSON head; restoring gives the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_FIRST: Final = 64
_SMALL: Final = 1 << 16


def roomier(array: Array, want: int) -> Array:
    """The array when it has ``want`` places, else a longer copy; its new places hold anything.

    A long array grows by an eighth: a copy costs little, and room is memory.
    """
    have = len(array)
    if have >= want:
        return array
    grown = np.empty(max(want, have * 2 if have < _SMALL else have + have // 8), array.dtype)
    grown[:have] = array
    return grown


class Columns:
    """Columns named in ``spec`` (name -> (dtype, value of a new row)); rows are added, never removed."""

    def __init__(self, spec: Mapping[str, tuple[str, int]]) -> None:
        self._spec = dict(spec)
        self.size = 0
        self._arrays = {name: np.empty(_FIRST, dtype) for name, (dtype, _) in spec.items()}

    def __getitem__(self, name: str) -> Array:
        """The column, longer than ``size``: index it by row numbers. Beyond ``size`` it holds anything."""
        return self._arrays[name]

    def add(self, count: int) -> int:
        """Add ``count`` rows of fill values; returns the first one's number."""
        first, self.size = self.size, self.size + count
        for name, (_, fill) in self._spec.items():
            array = self._arrays[name] = roomier(self._arrays[name], self.size)
            array[first : self.size] = fill
        return first

    def nbytes(self) -> int:
        """Bytes of one row times rows in use."""
        return sum(array.itemsize for array in self._arrays.values()) * self.size

    def dump(self) -> list[bytes]:
        """Each column's bytes, in the order of the spec."""
        return [self._arrays[name][: self.size].tobytes() for name in self._spec]

    def load(self, size: int, parts: Sequence[bytes | memoryview]) -> None:
        """Replace all rows by those that ``dump`` gave."""
        self.size = size
        for (name, (dtype, _)), part in zip(self._spec.items(), parts, strict=True):
            self._arrays[name] = np.empty(max(size, _FIRST), dtype)
            self._arrays[name][:size] = np.frombuffer(part, dtype)
