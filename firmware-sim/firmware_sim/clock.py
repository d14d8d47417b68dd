"""Simulated time against the wall's: it begins in the past, runs faster, and never overtakes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimClock:
    """Simulated time was ``sim_s`` when the wall showed ``wall_s`` and runs ``speed_up`` times as fast.

    When it has caught up with the wall it goes on at the wall's pace, so no sample lies in the future.
    """

    sim_s: float
    wall_s: float
    speed_up: float

    def at(self, wall_s: float) -> float:
        """Simulated seconds since 1970 when the wall shows ``wall_s``."""
        return min(wall_s, self.sim_s + (wall_s - self.wall_s) * self.speed_up)
