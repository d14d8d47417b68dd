"""The constants of the rules that the engine applies, in one place and in integer units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What the engine's verdicts depend on besides the log and the zones; event-time milliseconds.

    ``clock_ahead_ms``: a sample further than this in the future of its receipt is not believed.
    ``jump_mm_per_s``, ``jump_slack_mm``, ``jump_believed_ms``: a fix that implies a higher speed is left
    out, unless the last one believed is older than ``jump_believed_ms``. ``poor_hdop_c``: HDOP in 0.01
    from which a fix is not believed. ``moving_ckmh``: speed from which a vehicle moves.
    ``trip_gap_ms``: a standstill that ends a trip; ``trip_min_mm``: a shorter one (in a queue) is none.
    ``line_grace_ms``: time in the other country after which the line counts as crossed.
    """

    clock_ahead_ms: int = 120_000
    jump_mm_per_s: int = 70_000  # 252 km/h: no truck, and above what noise at 1 Hz makes
    jump_slack_mm: int = 100_000
    jump_believed_ms: int = 600_000
    poor_hdop_c: int = 2_000
    moving_ckmh: int = 500
    trip_gap_ms: int = 300_000
    trip_min_mm: int = 1_000_000
    line_grace_ms: int = 30_000
