"""SHA-256 for compiled code: OpenSSL's functions, those that ``hashlib`` stands on, by their addresses.

A call from Python costs as much as hashing a kilobyte; an entry needs eight of them. Where this Python has
OpenSSL built in, so that its functions can't be found, ``FOUND`` is False and they must not be called.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

import llvmlite.binding
from numba import types
from numba.core.types import ExternalFunction

STATE_BYTES: Final = 128
"""At least what OpenSSL keeps between two calls (112)."""
_NAMES: Final = ("SHA256_Init", "SHA256_Update", "SHA256_Final")


def _found() -> bool:
    try:
        import _hashlib

        library = ctypes.CDLL(_hashlib.__file__)
        held = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in _NAMES]
    except (ImportError, AttributeError, OSError):
        return False
    for name, address in zip(_NAMES, held, strict=True):
        llvmlite.binding.add_symbol(f"corridor_{name}", address)
    return True


FOUND: Final = _found()
_POINTER: Final = types.voidptr
begin: Any = ExternalFunction("corridor_SHA256_Init", types.int32(_POINTER))
"""begin(state)"""
take: Any = ExternalFunction("corridor_SHA256_Update", types.int32(_POINTER, _POINTER, types.uintp))
"""take(state, data, count)"""
end: Any = ExternalFunction("corridor_SHA256_Final", types.int32(_POINTER, _POINTER))
"""end(out, state); ``out``: 32 bytes."""
