"""Functions compiled to machine code on their first call.

The code is kept beside the source and loaded by the next process. What a kept function called is part of it:
after an edit of a called function in another module, touch the caller's file too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function for numbers and NumPy arrays, compiled once for each set of argument types.

    It runs without the interpreter's lock. Floats follow IEEE 754 in the order written, so that results
    depend neither on batching nor on the machine; a division by zero gives infinity or NaN.
    """
    njit: Any = numba.njit
    kept: Callable[P, R]
    try:
        kept = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no directory that can be written, such as a read-only container without a home
        kept = njit(nogil=True, error_model="numpy")(function)
    return kept
