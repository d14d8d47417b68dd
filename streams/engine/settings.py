"""The constants of the rules that the engine applies, in one place and in integer units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What the engine's verdicts depend on besides the log and the zones; event-time milliseconds.

    Belief: ``clock_ahead_ms``: a sample further than this in the future of its receipt is not believed.
    ``jump_mm_per_s``, ``jump_slack_mm``, ``jump_believed_ms``: a fix that implies a higher speed is a jump,
    unless the last one believed is older; ``jump_agree``: so many jumps in a row that agree with each other
    are believed after all. ``poor_hdop_c``: HDOP in 0.01 from which a fix is not believed. ``frozen_mm``:
    the same place although the wheels have turned this far.
    Advice: ``speed_differs_ckmh``, ``odometer_slack_mm``, ``odometer_slack_permille``.
    Visits: ``line_grace_ms``: time in the other country after which the line counts as crossed;
    ``cut_max_mm_per_s``: the speed that a truck may have used to drive round a zone; ``off_gate_mm`` and
    ``off_gate_mm_per_hdop_c``: depth beyond a border that is no noise; ``hdop_unknown_c``;
    ``gate_reach_mm``: so much longer than the way possible between two fixes may the way over a gate's
    point be, for the line to count as crossed there.
    Trips: ``moving_ckmh``: speed from which a vehicle moves. ``trip_gap_ms``: a standstill that ends a
    trip; ``trip_min_mm``: a shorter one (in a queue) is none.
    Late data: ``late_window_ms``: up to this much older than the asset's newest sample it amends.
    ``checkpoint_rows``: samples of an asset between two kept states.
    """

    clock_ahead_ms: int = 120_000
    jump_mm_per_s: int = 70_000  # 252 km/h: no truck, and above what noise at 1 Hz makes
    jump_slack_mm: int = 100_000
    jump_believed_ms: int = 600_000
    jump_agree: int = 3
    poor_hdop_c: int = 2_000
    frozen_mm: int = 20_000
    speed_differs_ckmh: int = 1_500
    odometer_slack_mm: int = 1_000_000
    odometer_slack_permille: int = 200
    line_grace_ms: int = 30_000
    cut_max_mm_per_s: int = 36_000
    off_gate_mm: int = 100_000
    off_gate_mm_per_hdop_c: int = 150
    gate_reach_mm: int = 1_000_000
    hdop_unknown_c: int = 200
    moving_ckmh: int = 500
    trip_gap_ms: int = 300_000
    trip_min_mm: int = 1_000_000
    late_window_ms: int = 7 * 86_400_000
    checkpoint_rows: int = 512
