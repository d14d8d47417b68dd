"""Strings by the column, as Arrow holds them: looked at without a Python object each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Texts(NamedTuple):
    """Strings as UTF-8: ``ends`` int32[n + 1], ascending from 0, into ``data`` uint8[]; both read-only."""

    ends: npt.NDArray[Any]
    data: npt.NDArray[Any]

    def strings(self) -> list[str]:
        """The strings."""
        data, ends = self.data.tobytes(), self.ends.tolist()
        return [data[a:b].decode() for a, b in pairwise(ends)]


def texts(names: Sequence[str]) -> Texts:
    """The strings as columns."""
    parts = [name.encode() for name in names]
    ends = np.zeros(len(parts) + 1, np.int32)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    ends.flags.writeable = False
    return Texts(ends, np.frombuffer(b"".join(parts), np.uint8))
