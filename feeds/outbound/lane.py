"""One receiver's deliveries of one partition: in order for each row, tried again, parked at last.

A row is what order is kept for: an asset for a webhook, a case for an authority. The place reached (number of
the last item that needs no more care) and every delivery that waits or is parked are durable before the lane
goes on, so that another process can go on from there. What was sent and not yet noted when a process died is
sent again under the same id; receivers know it by that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Generic, Protocol, TypeVar

import orjson

from feeds.outbound.schedule import Answer, Verdict, judge, throttles

BATCH: Final = 64
_AT_ONCE: Final = 8
_HOLD_S: Final = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
_PLACE: Final = "place"
_TOLD: Final = 500


class Item(Protocol):
    """What is delivered: ``number`` grows along the partition."""

    @property
    def number(self) -> int:
        """Its place among the items of the partition."""
        ...


class Target(Protocol):
    """Who it goes to. ``name``: under which all is noted; no slash. ``begin``: whether from the start."""

    @property
    def name(self) -> str:
        """The name of its notes."""
        ...

    @property
    def begin(self) -> bool:
        """Whether it gets what there was before it was first seen."""
        ...


ItemT = TypeVar("ItemT", bound=Item)
TargetT = TypeVar("TargetT", bound=Target)
_ItemOut = TypeVar("_ItemOut", bound=Item, covariant=True)
_TargetIn = TypeVar("_TargetIn", bound=Target, contravariant=True)
Send = Callable[[TargetT, ItemT], Awaitable[Answer]]
"""One attempt; never raises."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that did not succeed yet: the item's number and row, what it is, how often it was tried.

    ``due_ms``: when it is tried again; ``parked``: it is not any more, until somebody asks for it.
    """

    number: int
    row: str
    attempts: int
    due_ms: int
    detail: str
    parked: bool = False
    what: str = ""


def waiting_of(value: bytes) -> Waiting:
    """A delivery as it was noted; ``row`` was once called asset."""
    told = orjson.loads(value)
    if "asset" in told:
        told["row"] = told.pop("asset")
    return Waiting(**told)


class Items(Protocol[_TargetIn, _ItemOut]):
    """Where items are read by their numbers. May block."""

    def newest(self, partition: int) -> int:
        """A number that no item is above so far, 0 when there is none."""
        ...

    def after(self, partition: int, number: int, target: _TargetIn, limit: int) -> Sequence[_ItemOut]:
        """At most ``limit`` items above ``number`` that the target wants, in order; fewer: these are all."""
        ...

    def one(self, partition: int, number: int, target: _TargetIn) -> _ItemOut | None:
        """One item; None when retention has deleted it."""
        ...


class Notes(Protocol):
    """What is durable of deliveries, by partition: keys to values. May block."""

    def load(self, partition: int) -> dict[str, bytes]:
        """All that is kept."""
        ...

    def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
        """Keep these; None: forget the key. When it returns they survive the loss of power."""
        ...


@dataclass(frozen=True)
class Rule(Generic[ItemT]):
    """How a lane reads an item and an answer: its row, its name for people, what follows from an answer."""

    row: Callable[[ItemT], str]
    what: Callable[[ItemT], str]
    judge: Callable[[Answer, int, str], tuple[Verdict, float]] = judge
    throttles: Callable[[Answer], bool] = throttles


class Lane(Generic[TargetT, ItemT]):
    """Deliveries of ``partition`` to ``target``. ``now_ms`` is the clock."""

    def __init__(
        self,
        target: TargetT,
        partition: int,
        items: Items[TargetT, ItemT],
        notes: Notes,
        send: Send[TargetT, ItemT],
        now_ms: Callable[[], int],
        rule: Rule[ItemT],
    ) -> None:
        self.target, self.partition = target, partition
        self._items, self._notes, self._send, self._now_ms = items, notes, send, now_ms
        self._rule = rule
        self.place = 0
        self.waiting: dict[str, list[Waiting]] = {}
        self.gone = False  # the receiver said that it wants nothing any more
        self.delivered = 0
        self.away = ""  # what the last attempt came to, when the receiver is away or gone
        self.leaving = False  # begin no further attempt: another process goes on
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
        """Take up what is kept; a target that is seen for the first time begins now, or at the start."""
        kept = await asyncio.to_thread(self._notes.load, self.partition)
        prefix = f"{self.target.name}/"
        mine = {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
        head = mine.pop(_PLACE, None)
        if head is not None:
            told = orjson.loads(head)
            self.place, self.gone, self.away = told["number"], told["gone"], told.get("away", "")
        else:
            newest = await asyncio.to_thread(self._items.newest, self.partition)
            self.place = 0 if self.target.begin else newest
            await self._keep()
        rows: defaultdict[str, list[Waiting]] = defaultdict(list)
        for key, value in mine.items():
            if key.isdigit():
                one = waiting_of(value)
                rows[one.row].append(one)
        self.waiting = {row: sorted(each, key=lambda one: one.number) for row, each in rows.items()}

    async def step(self) -> bool:
        """Try what is due again, then send what is new; returns whether there was something to do."""
        if self.gone or self.held:
            return False
        before = self.away
        due = await self._again()
        new = False if self.held or self.leaving else await self._new()
        if self._dirty or self.away != before:
            await self._keep()
        return due or new

    async def resend(self, number: int | None = None) -> int:
        """Try what is parked or waits (one, or all that is parked) again now, from the first attempt on.

        Returns how many. A receiver that is away or gone is asked again too.
        """
        found = [
            one
            for row in self.waiting.values()
            for one in row
            if (one.parked if number is None else one.number == number)
        ]
        for one in found:
            self._set(replace(one, parked=False, attempts=0, due_ms=self._now_ms()))
        self.gone, self.away, self._held_until = False, "", 0
        await self._keep()
        return len(found)

    async def park(self, number: int) -> int:
        """Give one that waits up, so that those behind it go on; returns how many (0 or 1)."""
        found = [one for row in self.waiting.values() for one in row if one.number == number]
        for one in found:
            self._set(replace(one, parked=True, detail=f"parked by hand: {one.detail}"[:_TOLD]))
        await self._keep()
        return len(found)

    async def _new(self) -> bool:
        newest = await asyncio.to_thread(self._items.newest, self.partition)
        if newest <= self.place:
            return False
        items = await asyncio.to_thread(self._items.after, self.partition, self.place, self.target, BATCH)
        rows: defaultdict[str, list[ItemT]] = defaultdict(list)
        for item in items:
            rows[self._rule.row(item)].append(item)
        room = asyncio.Semaphore(_AT_ONCE)
        unsent = await asyncio.gather(*(self._row(row, each, room) for row, each in rows.items()))
        left = {number for numbers in unsent for number in numbers}
        if left:
            self.place = min(left) - 1
            self._ahead = {item.number for item in items if item.number > self.place} - left
        else:
            last = items[-1].number if items else 0  # it may be newer than the newest asked for before
            self.place = last if len(items) == BATCH else max(newest, last)
            self._ahead.clear()
        await self._keep()
        return True

    async def _row(self, row: str, items: Sequence[ItemT], room: asyncio.Semaphore) -> list[int]:
        """Send a row's items in order; those after a failure wait. Returns what is still to send."""
        for at, item in enumerate(items):
            if item.number in self._ahead:
                continue
            what = self._rule.what(item)
            if self._first(row) is not None:
                self._set(Waiting(item.number, row, 0, self._now_ms(), "waits for one before it", what=what))
                continue
            async with room:
                if self.leaving:
                    self._set(
                        Waiting(item.number, row, 0, self._now_ms(), "left to another process", what=what)
                    )
                    continue
                if self.held or self.gone:
                    return [one.number for one in items[at:]]
                answer = await self._send(self.target, item)
            if self._left_alone(answer):
                return [one.number for one in items[at:]]
            self._note(Waiting(item.number, row, 0, 0, "", what=what), answer)
        return []

    async def _again(self) -> bool:
        """Try the first that waits of each row, and those behind it as long as that goes well."""
        did = False
        for row in list(self.waiting):
            while (first := self._first(row)) is not None and first.due_ms <= self._now_ms():
                if self.leaving:
                    return did
                did = True
                item = await asyncio.to_thread(self._items.one, self.partition, first.number, self.target)
                answer = Answer(200) if item is None else await self._send(self.target, item)
                if self._left_alone(answer):
                    return True
                if not self._note(first, answer):
                    break
        return did

    def _first(self, row: str) -> Waiting | None:
        return next((one for one in self.waiting.get(row, ()) if not one.parked), None)

    def _left_alone(self, answer: Answer) -> bool:
        """Whether the receiver is away or gone; then it is left alone."""
        if self._rule.judge(answer, 1, "")[0] is Verdict.GONE:
            self.gone, self.away = True, answer.detail or "status 410"
            return True
        if not self._rule.throttles(answer):
            self._held, self.away = 0, ""
            return False
        pause = max(_HOLD_S[min(self._held, len(_HOLD_S) - 1)], answer.retry_after_s or 0.0)
        self._held += 1
        self._held_until = self._now_ms() + int(pause * 1000)
        self.away = (answer.detail or f"status {answer.status}")[:_TOLD]
        return True

    def _note(self, one: Waiting, answer: Answer) -> bool:
        """What became of a delivery; returns whether the next of its row may go."""
        effect = f"{self.target.name}/{one.number}"
        verdict, pause = self._rule.judge(answer, one.attempts + 1, effect)
        if verdict is Verdict.DELIVERED:
            self.delivered += 1
            self._forget(one)
            return True
        told = (answer.detail or f"status {answer.status}")[:_TOLD]
        due = self._now_ms() + int(pause * 1000)
        tried = one.attempts + (verdict is not Verdict.PENDING)
        parked = verdict is Verdict.PARKED
        self._set(replace(one, attempts=tried, due_ms=due, detail=told, parked=parked))
        return parked

    def _set(self, one: Waiting) -> None:
        row = [other for other in self.waiting.get(one.row, []) if other.number != one.number]
        self.waiting[one.row] = sorted([*row, one], key=lambda each: each.number)
        self._dirty[str(one.number)] = orjson.dumps(asdict(one))

    def _forget(self, one: Waiting) -> None:
        row = [other for other in self.waiting.get(one.row, []) if other.number != one.number]
        if len(row) != len(self.waiting.get(one.row, [])):
            self._dirty[str(one.number)] = None
        if row:
            self.waiting[one.row] = row
        else:
            self.waiting.pop(one.row, None)

    async def _keep(self) -> None:
        """Make place and changes durable."""
        values, self._dirty = self._dirty, {}
        head: dict[str, Any] = {"number": self.place, "gone": self.gone, "away": self.away}
        values[_PLACE] = orjson.dumps(head)
        named = {f"{self.target.name}/{key}": value for key, value in values.items()}
        try:
            await asyncio.to_thread(self._notes.put, self.partition, named)
        except BaseException:
            self._dirty = values | self._dirty
            raise
