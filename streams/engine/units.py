"""How numbers stand in the engine's integer columns."""

from __future__ import annotations

from typing import Final

NONE: Final = -(1 << 62)
"""Null."""
NEVER: Final = 1 << 62
"""A time that does not come."""
DEGREE: Final = 1e-7
"""One unit of a position."""
