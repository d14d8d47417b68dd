"""One endpoint's deliveries of one partition: in order for each asset, tried again, parked at last.

The place reached (number of the last event that needs no more care) and every delivery that waits or is
parked are durable before the lane goes on, so that another process can go on from there. What was sent and
not yet noted when a process died is sent again under the same id; receivers know it by that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol

import orjson

from feeds.webhooks.endpoints import Endpoint
from feeds.webhooks.schedule import Answer, Verdict, judge, throttles
from streams.events import Event

BATCH: Final = 64
_AT_ONCE: Final = 8
_HOLD_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
_PLACE: Final = "place"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that did not succeed yet: the event's number, its asset, how often it was tried.

    ``due_ms``: when it is tried again; ``parked``: it is not any more, until somebody asks for it.
    """

    number: int
    asset: str
    attempts: int
    due_ms: int
    detail: str
    parked: bool = False


class Events(Protocol):
    """Where events are read by their numbers. May block."""

    def newest(self, partition: int) -> int:
        """The number of the newest event, 0 when there is none."""
        ...

    def after(self, partition: int, number: int, endpoint: Endpoint, limit: int) -> Sequence[Event]:
        """At most ``limit`` events above ``number`` that the endpoint wants, in order."""
        ...

    def one(self, partition: int, number: int) -> Event | None:
        """One event; None when retention has deleted it."""
        ...


class Notes(Protocol):
    """What is durable of deliveries, by partition: keys to values. May block."""

    def load(self, partition: int) -> dict[str, bytes]:
        """All that is kept."""
        ...

    def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
        """Keep these; None: forget the key. When it returns they survive the loss of power."""
        ...


Send = Callable[[Endpoint, Event], Awaitable[Answer]]
"""One attempt; never raises."""


class Lane:
    """Deliveries of ``partition`` to ``endpoint``. ``now_ms`` is the clock."""

    def __init__(
        self,
        endpoint: Endpoint,
        partition: int,
        events: Events,
        notes: Notes,
        send: Send,
        now_ms: Callable[[], int],
    ) -> None:
        self.endpoint, self.partition = endpoint, partition
        self._events, self._notes, self._send, self._now_ms = events, notes, send, now_ms
        self.place = 0
        self.waiting: dict[str, list[Waiting]] = {}
        self.gone = False  # the receiver said that it wants nothing any more
        self.delivered = 0
        self._held = 0  # attempts in a row that found the receiver away
        self._held_until = 0
        self._dirty: dict[str, bytes | None] = {}
        self._ahead: set[int] = set()  # beyond the place, and done: the receiver went away in between

    @property
    def held(self) -> bool:
        """Whether the receiver is left alone for now."""
        return self._held_until > self._now_ms()

    def counts(self) -> dict[str, int]:
        """How many deliveries wait and how many are parked."""
        all_ = [one for row in self.waiting.values() for one in row]
        parked = sum(one.parked for one in all_)
        return {"waiting": len(all_) - parked, "parked": parked, "delivered": self.delivered}

    async def begin(self) -> None:
        """Take up what is kept; an endpoint that is seen for the first time begins now, or at the start."""
        kept = await asyncio.to_thread(self._notes.load, self.partition)
        prefix = f"{self.endpoint.name}/"
        mine = {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
        head = mine.pop(_PLACE, None)
        if head is not None:
            told = orjson.loads(head)
            self.place, self.gone = told["number"], told["gone"]
        else:
            newest = await asyncio.to_thread(self._events.newest, self.partition)
            self.place = 0 if self.endpoint.begin else newest
            await self._keep()
        rows: defaultdict[str, list[Waiting]] = defaultdict(list)
        for value in mine.values():
            one = Waiting(**orjson.loads(value))
            rows[one.asset].append(one)
        self.waiting = {asset: sorted(row, key=lambda one: one.number) for asset, row in rows.items()}

    async def step(self) -> bool:
        """Try what is due again, then send what is new; returns whether there was something to do."""
        if self.gone or self.held:
            return False
        due = await self._again()
        new = False if self.held else await self._new()
        if self._dirty:
            await self._keep()
        return due or new

    async def resend(self) -> int:
        """Try all that is parked again, from the first attempt on; returns how many."""
        found = [one for row in self.waiting.values() for one in row if one.parked]
        for one in found:
            self._set(replace(one, parked=False, attempts=0, due_ms=self._now_ms()))
        await self._keep()
        return len(found)

    async def _new(self) -> bool:
        newest = await asyncio.to_thread(self._events.newest, self.partition)
        if newest <= self.place:
            return False
        events = await asyncio.to_thread(self._events.after, self.partition, self.place, self.endpoint, BATCH)
        rows: defaultdict[str, list[Event]] = defaultdict(list)
        for event in events:
            rows[event.asset or event.id].append(event)
        room = asyncio.Semaphore(_AT_ONCE)
        unsent = await asyncio.gather(*(self._row(asset, row, room) for asset, row in rows.items()))
        left = {number for numbers in unsent for number in numbers}
        if left:
            self.place = min(left) - 1
            self._ahead = {event.number for event in events if event.number > self.place} - left
        else:
            self.place = events[-1].number if len(events) == BATCH else newest
            self._ahead.clear()
        await self._keep()
        return True

    async def _row(self, asset: str, events: Sequence[Event], room: asyncio.Semaphore) -> list[int]:
        """Send an asset's events in order; those after a failure wait. Returns what is still to send."""
        for at, event in enumerate(events):
            if event.number in self._ahead:
                continue
            if self._first(asset) is not None:
                self._set(Waiting(event.number, asset, 0, self._now_ms(), "waits for one before it"))
                continue
            async with room:
                if self.held or self.gone:
                    return [one.number for one in events[at:]]
                answer = await self._send(self.endpoint, event)
            if self._away(answer):
                return [one.number for one in events[at:]]
            self._note(Waiting(event.number, asset, 0, 0, ""), answer)
        return []

    async def _again(self) -> bool:
        """Try the first that waits of each asset, and those behind it as long as that goes well."""
        did = False
        for asset in list(self.waiting):
            while (first := self._first(asset)) is not None and first.due_ms <= self._now_ms():
                did = True
                event = await asyncio.to_thread(self._events.one, self.partition, first.number)
                answer = Answer(200) if event is None else await self._send(self.endpoint, event)
                if self._away(answer):
                    return True
                if not self._note(first, answer):
                    break
        return did

    def _first(self, asset: str) -> Waiting | None:
        return next((one for one in self.waiting.get(asset, ()) if not one.parked), None)

    def _away(self, answer: Answer) -> bool:
        """Whether the receiver is away or gone; then it is left alone."""
        if answer.status == 410:
            self.gone = True
            return True
        if not throttles(answer):
            self._held = 0
            return False
        pause = max(_HOLD_S[min(self._held, len(_HOLD_S) - 1)], answer.retry_after_s or 0.0)
        self._held += 1
        self._held_until = self._now_ms() + int(pause * 1000)
        return True

    def _note(self, one: Waiting, answer: Answer) -> bool:
        """What became of a delivery; returns whether the next of its asset may go."""
        verdict, pause = judge(answer, one.attempts + 1, f"{self.endpoint.name}/{one.number}")
        if verdict is Verdict.DELIVERED:
            self.delivered += 1
            self._forget(one)
            return True
        told = answer.detail or f"status {answer.status}"
        due = self._now_ms() + int(pause * 1000)
        parked = verdict is Verdict.PARKED
        self._set(replace(one, attempts=one.attempts + 1, due_ms=due, detail=told[:500], parked=parked))
        return parked

    def _set(self, one: Waiting) -> None:
        row = [other for other in self.waiting.get(one.asset, []) if other.number != one.number]
        self.waiting[one.asset] = sorted([*row, one], key=lambda each: each.number)
        self._dirty[str(one.number)] = orjson.dumps(asdict(one))

    def _forget(self, one: Waiting) -> None:
        row = [other for other in self.waiting.get(one.asset, []) if other.number != one.number]
        if len(row) != len(self.waiting.get(one.asset, [])):
            self._dirty[str(one.number)] = None
        if row:
            self.waiting[one.asset] = row
        else:
            self.waiting.pop(one.asset, None)

    async def _keep(self) -> None:
        """Make place and changes durable."""
        values, self._dirty = self._dirty, {}
        values[_PLACE] = orjson.dumps({"number": self.place, "gone": self.gone})
        named = {f"{self.endpoint.name}/{key}": value for key, value in values.items()}
        try:
            await asyncio.to_thread(self._notes.put, self.partition, named)
        except BaseException:
            self._dirty = values | self._dirty
            raise
