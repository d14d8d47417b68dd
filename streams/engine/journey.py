"""The open objects of one asset, and how they follow its steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise
from typing import Any, Final

import cbor2
import numpy as np

from streams.engine import kernel, survey
from streams.engine.brackets import Fix
from streams.engine.columns import Array
from streams.engine.crossings import Crossings
from streams.engine.drafts import Draft, Key, Notes
from streams.engine.rows import Rows
from streams.engine.settings import Rules
from streams.engine.trips import Still, Trips
from streams.engine.units import NEVER, NONE
from streams.engine.visits import Visits
from streams.engine.world import World

_WALKED: Final = 12


class Journey:
    """Visits, crossings, trips and stops of one asset, as far as they are open or not settled."""

    __slots__ = ("crossings", "trips", "visits", "walked", "world")

    def __init__(self, world: World, rules: Rules) -> None:
        self.world = world
        self.visits = Visits(world, rules)
        self.crossings = Crossings(world, rules, self.visits)
        self.trips = Trips(rules)
        self.walked = [NONE]  # the times of the last fixes that mattered, all from the first one named on

    def mattered(self, t: int) -> None:
        """The fix at ``t`` mattered."""
        self.walked.append(t)
        if len(self.walked) > _WALKED:
            del self.walked[: _WALKED // 2]

    def calm(self, first: int, last: int) -> bool:
        """Whether it is known that no fix later than ``first``, up to ``last``, mattered."""
        return first >= self.walked[0] and bisect_right(self.walked, first) == bisect_right(self.walked, last)

    def passes(self, t: int, notes: Notes) -> int:
        """Fold a fix at ``t`` that matters for its time alone; returns ``wake``."""
        notes.now = t
        self.mattered(t)
        self.visits.passes(t, notes, self.crossings)
        self.crossings.passes(notes)
        return self.wake()

    def wake(self) -> int:
        """The event time from which each fix matters."""
        return 0 if self.crossings.doubtful is not None else self.visits.wake()

    def moved_to(self, world: World) -> None:
        """Go on in a world of which zones were published anew."""
        self.world = self.crossings.world = world
        self.visits.moved_to(world)

    def standing(self) -> list[Draft]:
        """What was said of the objects that may still change."""
        return [*self.visits.standing(), *self.crossings.standing(), *self.trips.standing()]

    def keys(self) -> set[Key]:
        """The keys of ``standing``."""
        return {*self.visits.keys(), *self.crossings.keys(), *self.trips.keys()}

    def dump(self) -> list[Any]:
        """Plain values for a snapshot."""
        return [self.visits.dump(), self.crossings.dump(), self.trips.dump(), self.walked]

    def load(self, value: list[Any]) -> None:
        """Become what ``dump`` was given of."""
        visits, crossings, trips, self.walked = value
        self.visits.load(visits)
        self.crossings.load(crossings)
        self.trips.load(trips)

    def pack(self) -> bytes:
        """The journey as bytes."""
        return packed(self.dump())

    def unpack(self, packed: bytes) -> None:
        """Become what ``pack`` was of."""
        *rest, walked = cbor2.loads(packed)
        self.load([*rest, list(accumulate(walked))])


class Course:
    """Steps and turns of one fold, and the samples behind them (see ``kernel``); ``cuts``: by step, the
    zones that it cuts."""

    def __init__(self, rows: Rows, steps: Array, turns: Array, cuts: dict[int, list[int]]) -> None:
        self.rows, self.steps, self.turns, self.cuts = rows, steps, turns, cuts
        at, parts = np.empty(len(steps), np.int64), np.empty((len(steps), 3), np.int64)
        marked, assets = survey.busy(steps, np.array(sorted(cuts), np.int64), at, parts)
        self._marked: list[int] = at[:marked].tolist()
        self._table = self._whole(at[:marked])
        self._parts = parts[:assets]
        whole = len(steps) == len(rows)
        self._t = rows.t if whole else rows.t[steps[:, kernel.INDEX]]

    def busy(self) -> list[list[int]]:
        """The assets for which something may happen: each one's row, its first step, and their end."""
        busy: list[list[int]] = self._parts.tolist()
        return busy

    def walk(self, journey: Journey, begin: int, end: int, wake: int, notes: Notes) -> int:
        """Lead the journey along the steps [begin, end), all of one asset, where something may happen.

        ``wake``: event time from which each step matters. Returns the next such time.
        """
        t: list[int] = self._t[begin:end].tolist()
        at = begin
        first, last = bisect_left(self._marked, begin), bisect_left(self._marked, end)
        for place in range(first, last + 1):
            mark = self._marked[place] if place < last else end
            while wake < NEVER and (due := begin + bisect_left(t, wake, at - begin)) < mark:
                if wake:
                    wake = journey.passes(t[due - begin], notes)
                else:
                    wake = self._step(journey, due, self._whole(np.array([due]))[0], notes)
                at = due + 1
            if place < last:
                wake = self._step(journey, mark, self._table[place], notes)
                at = mark + 1
        return wake

    def _whole(self, at: Array) -> list[list[int]]:
        """Steps as lists: the fix before, the fix, the sets around both, marks and HDOP."""
        r = self.rows
        whole = survey.table(at, self.steps, r.t, r.lon, r.lat, r.speed, r.position, r.hdop)
        steps: list[list[int]] = whole.tolist()
        return steps

    def _step(self, journey: Journey, at: int, step: list[int], notes: Notes) -> int:
        before = None if step[0] == NONE else Fix._make(step[:6])
        now = Fix._make(step[6:12])
        old, new, mark, hdop = step[12:]
        notes.now = now.t
        journey.mattered(now.t)
        visits, crossings = journey.visits, journey.crossings
        differs = journey.world.difference(old, new) if mark & kernel.SET else None
        visits.step(before, now, hdop, differs, self.cuts.get(at, []), notes, crossings)
        crossings.step(now, hdop, notes)
        if differs is not None:
            journey.trips.enters(differs.code, before)
        if mark & (kernel.PAUSE | kernel.BEGIN):
            self._turn(journey.trips, at, before, now, notes)
        if mark & kernel.FAR:
            journey.trips.far(notes)
        return journey.wake()

    def _turn(self, trips: Trips, at: int, before: Fix | None, now: Fix, notes: Notes) -> None:
        step: list[int] = self.steps[at].tolist()
        turn: list[int] = self.turns[step[kernel.TURN]].tolist()
        mark = step[kernel.MARK]
        if mark & kernel.PAUSE:
            seen = turn[kernel.PHASE] == kernel.DRIVING
            trips.pauses(Still(*turn[: kernel.PHASE]), seen, now.position, notes)
        if mark & kernel.BEGIN:
            if mark & kernel.THROUGH and before is not None:
                trips.begins(before, step[kernel.ODO0], notes)
            else:
                trips.begins(now, int(self.rows.odometer[step[kernel.INDEX]]), notes)


def packed(value: list[Any]) -> bytes:
    """A journey as bytes, from its plain values."""
    *rest, walked = value
    return cbor2.dumps([*rest, [walked[0], *(b - a for a, b in pairwise(walked))]])


def opened(packed: bytes | None, world: World, rules: Rules) -> Journey:
    """The journey that was packed, or a new one."""
    journey = Journey(world, rules)
    if packed is not None:
        journey.unpack(packed)
    return journey
