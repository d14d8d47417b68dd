"""SAE J1939 identifiers and value ranges (J1939-21, J1939-71).

A 29-bit id holds priority, parameter group number (PGN), destination and source address. A value beyond
its range's valid part means "error", "not available" or nothing agreed: never a number to scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GLOBAL: Final = 255
_VALID_SHORT: Final = {1: 1, 2: 1, 3: 5, 4: 13, 5: 29, 6: 61, 7: 125}


@dataclass(frozen=True, slots=True)
class Id:
    """A 29-bit identifier in its parts; ``destination`` is 255 for groups that are always broadcast."""

    priority: int
    pgn: int
    destination: int
    source: int


def split(id29: int) -> Id:
    """The parts of a 29-bit id (without the extended-frame flag of bit 31)."""
    specific = id29 >> 8 & 0xFF
    pgn = id29 >> 8 & 0x3FFFF
    if id29 >> 16 & 0xFF < 240:
        return Id(id29 >> 26 & 7, pgn & 0x3FF00, specific, id29 & 0xFF)
    return Id(id29 >> 26 & 7, pgn, GLOBAL, id29 & 0xFF)


def highest_valid(bits: int) -> int:
    """The largest raw value that is a measurement; above lie error, reserved and not available.

    Whole bytes: up to 0xFA in the highest byte; shorter ones: all but the last two (the 2-bit code 10
    and 11, the 4-bit 14 and 15, the tachograph's 3-bit 6 and 7).
    """
    if bits < 8:
        return _VALID_SHORT[bits]
    return (0xFB << (bits - 8)) - 1
