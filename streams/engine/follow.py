"""Following one asset through a frame, fix by fix, but only where something may happen.

The engine finds in columns at which fixes an asset entered or left a zone or cut one; between them only
those matter at which a grace or a minimum dwell has passed (``wake``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.engine.brackets import Fix
from streams.engine.columns import Array
from streams.engine.crossings import Crossings
from streams.engine.fixes import NONE, Fixes, Steps
from streams.engine.objects import Announce
from streams.engine.visits import Visits


@dataclass(slots=True)
class Journey:
    """The open objects of one asset."""

    visits: Visits
    crossings: Crossings


@dataclass(frozen=True, slots=True)
class Course:
    """The fixes of one frame, n of them, and what the engine knows of each: int64[n] but for ``changed``.

    ``cum``: mm that the asset has gone up to the fix; ``old``, ``new``: the sets of zones around the fix
    before and this one; ``changed``: bool[n], something happens here; ``cuts``: the zones that the way to
    a fix cuts, by fix.
    """

    fixes: Fixes
    way: Steps
    cum: Array
    old: Array
    new: Array
    changed: Array
    cuts: dict[int, list[int]]

    def follow(self, journey: Journey, begin: int, end: int, wake: int, say: Announce) -> int:
        """Fold those fixes [begin, end), all of one asset, at which something may happen.

        ``wake``: event time from which any fix matters. Returns the next such time.
        """
        t = self.fixes.t[begin:end]
        at = begin
        for mark in [*(np.flatnonzero(self.changed[begin:end]) + begin).tolist(), end]:
            while (due := max(at, begin + int(np.searchsorted(t, wake)))) < mark:
                wake = self._step(journey, due, [], say)
                at = due + 1
            if mark < end:
                wake = self._step(journey, mark, self.cuts.get(mark, []), say)
                at = mark + 1
        return wake

    def _step(self, journey: Journey, i: int, cuts: list[int], say: Announce) -> int:
        fixes, way, cum = self.fixes, self.way, int(self.cum[i])
        now = Fix(int(fixes.t[i]), int(fixes.lon[i]), int(fixes.lat[i]), cum)
        before = None
        if way.t0[i] != NONE:
            before = Fix(int(way.t0[i]), int(way.lon0[i]), int(way.lat0[i]), cum - int(way.dist[i]))
        old, new = int(self.old[i]), int(self.new[i])
        journey.visits.step(before, now, old, new, cuts, say, journey.crossings)
        return journey.visits.wake()
