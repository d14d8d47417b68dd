"""Flags of a sample: what speaks against it. The first eight keep it from moving any state."""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class Flag(IntFlag):
    """Bits of a sample's verdict; 0 is a fix without reproach."""

    NO_FIX = 1
    POOR_HDOP = 2
    NULL_ISLAND = 4
    CLOCK_AHEAD = 8
    CLOCK_BEHIND = 16
    CONFLICT = 32
    FROZEN = 64
    JUMP = 128
    SPEED = 256
    ODOMETER = 512


STOPS: Final = 255
"""The flags that keep a sample from moving state; the others are advice."""
EPOCH_2000_MS: Final = 946_684_800_000
ROLLOVER_MS: Final = 1024 * 7 * 86_400_000
ROLLOVER_SLACK_MS: Final = 2 * 86_400_000
