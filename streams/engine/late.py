"""Data that came late: the asset's rules are gone through again from a state before it.

The samples since that state, the late ones among them, are folded by the very same code as everything
else, and the objects that come out are compared with those that were told. So the result can't depend on
the order of arrival; only the price does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from streams.engine import kernel
from streams.engine.advance import advance
from streams.engine.book import Entry, unpack
from streams.engine.columns import Array
from streams.engine.drafts import Key, Notes
from streams.engine.journey import Journey, opened
from streams.engine.order import settle
from streams.engine.recent import Recent
from streams.engine.rows import joined
from streams.engine.settings import Rules
from streams.engine.units import NONE
from streams.engine.world import World
from streams.past import Chunk, KeptObject, KeptState, Past, Voided

Kept = TypeVar("Kept", KeptState, Voided, Entry)
_PARTS: Final = 16  # of a long way that is gone through again: a state is kept after each


@dataclass(slots=True)
class Memory:
    """What is kept of the assets besides their hot state: samples, states and closed objects.

    Of the log positions above ``recent.first`` it is here, of those up to there in ``past``. ``sealed``: up
    to this position everything was given to the past.
    """

    past: Past | None
    recent: Recent
    sealed: int = 0
    states: dict[int, list[KeptState]] = field(default_factory=dict)
    closed: dict[int, list[Entry]] = field(default_factory=dict)
    changed: list[KeptObject] = field(default_factory=list)  # closed since the last seal, as they were then
    voided: dict[int, list[Voided]] = field(default_factory=dict)

    def state(self, row: int, before: int) -> KeptState | None:
        """The newest state of the asset before a time."""
        held = [one for one in self.states.get(row, ()) if one.t < before]
        newest = max(held, key=lambda one: one.t, default=None)
        if newest is None and self.past is not None and self.recent.first:
            sound = min([before, *(one.after + 1 for one in self.voided.get(row, ()))])
            newest = self.past.state(row, sound, self.recent.first)
        return newest

    def keep_state(self, row: int, t: int, position: int, blob: bytes) -> None:
        """Keep a state of the asset after its sample at ``t``."""
        self.states.setdefault(row, []).append(KeptState(row, t, position, blob))

    def void(self, row: int, after: int, position: int) -> None:
        """The asset's states after a time don't hold any more."""
        held = self.states.get(row)
        if held:
            self.states[row] = [one for one in held if one.t <= after]
        if self.past is not None:
            self.voided.setdefault(row, []).append(Voided(row, after, position))

    def keep_closed(self, row: int, name: str, entry: Entry, position: int) -> None:
        """Keep an object that only late data can change."""
        self.closed.setdefault(row, []).append(entry)
        if self.past is not None:
            kept = KeptObject(row, entry.id(name), entry.touched, position, entry.pack())
            self.changed.append(kept)

    def take_closed(self, row: int, name: str, since: int, keys: set[Key], book: list[Entry]) -> list[Entry]:
        """The asset's closed objects that were touched at ``since`` or later, or have one of these keys.

        They are kept no more, but for those that were retracted: else an older version of one would be found
        in the past again. ``book``: the asset's open objects, some of which may once have been closed.
        """

        def wanted(entry: Entry) -> bool:
            return entry.touched >= since or entry.draft.key in keys

        held = self.closed.get(row, [])
        taken = [entry for entry in held if wanted(entry)]
        self.closed[row] = [entry for entry in held if not wanted(entry)]
        if self.past is not None and self.recent.first:
            known = {entry.id(name) for entry in (*held, *book)}
            oldest = min([since, *(opened for _, _, opened in keys)])
            found = (
                kept for kept in self.past.objects(row, oldest, self.recent.first) if kept.id not in known
            )
            taken += [entry for entry in map(unpack, (kept.blob for kept in found)) if wanted(entry)]
        self.closed[row] += [entry for entry in taken if entry.retracted]
        return taken

    def turn(self, position: int) -> None:
        """Begin a new generation after ``position``; what the past holds is kept no more."""
        self.recent.turn(position)
        first = self.recent.first
        self.states = _newer(self.states, lambda one: one.position > first)
        self.voided = _newer(self.voided, lambda one: one.position > first)
        self.closed = _newer(self.closed, lambda one: one.kept > first)

    def prune(self, row: int, before: int) -> None:
        """Forget what no late data within the window can ask for."""
        states = self.states.get(row, [])
        old = [one for one in states if one.t < before]
        if not old:
            return
        newest = max(old, key=lambda one: one.t)
        self.states[row] = [one for one in states if one.t >= newest.t]
        closed = self.closed.get(row)
        if closed:  # what a fold from that state may say again stays: also what was open in it
            self.closed[row] = [
                entry for entry in closed if entry.touched >= newest.t or entry.kept >= newest.position
            ]


def _newer(held: dict[int, list[Kept]], new: Callable[[Kept], bool]) -> dict[int, list[Kept]]:
    """Of each asset's list what is ``new``; assets without any are left out."""
    return {row: kept for row, some in held.items() if (kept := [one for one in some if new(one)])}


@dataclass(slots=True)
class Refolded:
    """An asset gone through again: its new hot state, journey, and what the walk said."""

    state: Array
    cell: int
    journey: Journey
    notes: Notes
    since: int
    standing: set[Key]
    states: list[tuple[int, bytes]]
    conflicts: int


def refold(world: World, rules: Rules, numbers: Array, memory: Memory, row: int, first: int) -> Refolded:
    """Go through an asset again from its newest state before ``first`` (event time)."""
    kept = memory.state(row, first)
    after = NONE if kept is None else kept.t
    state = kernel.NEW.copy()
    journey = opened(None, world, rules)
    if kept is not None:
        state[:] = np.frombuffer(kept.blob[: kernel.STATE.itemsize], kernel.STATE)
        journey = opened(kept.blob[kernel.STATE.itemsize :], world, rules)
        renumber(world, state)
        state["since"] = 0
    parts, complete = memory.recent.rows(row, after)
    if not complete and memory.past is not None:
        parts.append(memory.past.rows(row, after, memory.recent.first))
    rows, conflicts = settle(joined(parts))
    rows.asset[:] = 0
    if conflicts:
        state["doubt"] = rows.t[-1]
    cell = np.full(1, -1, np.int64)
    notes, standing = Notes(), journey.keys()
    for draft in journey.standing():
        notes.say(draft)
        notes.touched[draft.key] = after
    states: list[tuple[int, bytes]] = []
    size = max(rules.checkpoint_rows, -(-len(rows) // _PARTS))
    for begin in range(0, len(rows), size):
        part = rows.take(slice(begin, begin + size))
        course, _ = advance(world, numbers, part, state, cell)
        state["wake"] = course.walk(journey, 0, len(course.steps), int(state["wake"][0]), notes)
        if begin + size < len(rows):
            state["since"] = 0
            states.append((int(state["t"][0]), state.tobytes() + journey.pack()))
    return Refolded(state, int(cell[0]), journey, notes, after + 1, standing, states, conflicts)


def renumber(world: World, state: Array) -> None:
    """Give states this process's numbers of sets, by asking where their last believed fixes are."""
    here = np.flatnonzero(state["bt"] != NONE)
    if len(here):
        lon, lat = state["blon"][here].astype(np.int64), state["blat"][here].astype(np.int64)
        state["set"][here] = world.sets(lon, lat, state["bt"][here])[0]


def chunk(memory: Memory, position: int) -> Chunk:
    """Everything since the last seal, for the past."""
    first = memory.sealed
    states = [one for held in memory.states.values() for one in held if one.position > first]
    voided = [one for held in memory.voided.values() for one in held if one.position > first]
    return Chunk(first, position, memory.recent.since(first), states, voided, memory.changed.copy())
