"""Arrays that grow at their end."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Grown = TypeVar("Grown", bound=NDArray[Any])


def with_room(values: Grown, size: int) -> Grown:
    """The array itself, or a copy at least twice as long when it has fewer than ``size`` rows."""
    if size <= len(values):
        return values
    grown = np.empty((max(size, 2 * len(values)), *values.shape[1:]), dtype=values.dtype)
    grown[: len(values)] = values
    return grown  # type: ignore[return-value]
