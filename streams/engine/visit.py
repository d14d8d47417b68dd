"""One open visit, and who wants to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from geofences.zone import Zone
from streams.engine.brackets import Bracket, Fix
from streams.engine.passages import SURE
from streams.engine.units import NEVER


class Passage(Protocol):
    """What wants to know of a step of a visit that counts: the crossings."""

    def entered(self, zone: Zone, bracket: Bracket, opened: int, confidence: int) -> None:
        """The asset came into ``zone``; ``opened``: time of the first fix inside."""
        ...

    def left(self, zone: Zone, enter: Bracket, leave: Bracket, into: str, confidence: int) -> None:
        """The asset left ``zone``; ``into``: the one country around it then, "" if none or several."""
        ...

    def changed_country(
        self, origin: str, other: str, bracket: Bracket, way: tuple[Fix, Fix], stay: list[tuple[Fix, int]]
    ) -> None:
        """The asset went from one country to the other, from the first fix of ``way`` to the second.

        ``stay``: its fixes since then, with HDOP.
        """
        ...

    def came_back(self, stay: list[tuple[Fix, int]]) -> None:
        """Nothing came of a change of country; ``stay``: the fixes meanwhile."""
        ...


@dataclass(slots=True)
class Visit:
    """An open visit; ``away`` is the last fix inside and the first outside while the grace runs.

    Of a stay abroad that is not settled, ``away`` is the way into it.
    ``passed``: those two are the ends of a step that passed through the zone once more. ``place``: the
    version of the zone in force when the visit began. ``due``: the event time at which it ends or is told.
    ``enter`` is worked out of ``way``, the fixes between which it began, when it is asked for: most visits
    are too short to be told.
    """

    zone: int
    place: Zone
    enter: Bracket | None
    since: int
    how: str
    said: bool = False
    away: tuple[Fix, Fix] | None = None
    confidence: int = SURE
    passed: bool = False
    due: int = NEVER
    way: tuple[Fix, Fix] | None = None

    @property
    def earliest(self) -> int:
        """No later than the estimate of its beginning."""
        if self.enter is not None:
            return self.enter.estimate
        return self.since if self.way is None else self.way[0].t

    def stays(self) -> None:
        """It is inside: to be announced after the minimum dwell, if it was not."""
        self.away, self.passed = None, False
        self.due = NEVER if self.said else self.since + self.place.min_dwell_s * 1000

    def goes(self, inside: Fix, outside: Fix, passed: bool) -> None:
        """It is outside, until its grace has passed."""
        self.away, self.passed = (inside, outside), passed
        self.due = inside.t + self.place.grace_s * 1000
