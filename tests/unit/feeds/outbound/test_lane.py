"""Deliveries of one endpoint: each event once, in order for each asset, whatever the receiver answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.outbound.lane import BATCH, Lane, Rule, waiting_of
from feeds.outbound.schedule import PAUSES_S, Answer
from feeds.webhooks.endpoints import Endpoint
from streams.events import Change, Event, Kind

ENDPOINT = Endpoint("customs", "main", "https://example.org", b"k" * 24, begin=True)
RULE = Rule[Event](row=lambda one: one.asset or one.id, what=lambda one: one.kind.value)


def event(number: int, asset: str) -> Event:
    return Event(0, number, number, Kind.VISIT, f"visit_{number}", 1, Change.CREATED, "main", asset, 0, 0, {})


@dataclass
class Events:
    """Events in memory."""

    all: list[Event]

    def newest(self, partition: int) -> int:
        return self.all[-1].number if self.all else 0

    def after(self, partition: int, number: int, endpoint: Endpoint, limit: int) -> Sequence[Event]:
        return [one for one in self.all if one.number > number][:limit]

    def one(self, partition: int, number: int, endpoint: Endpoint) -> Event | None:
        return next((one for one in self.all if one.number == number), None)


@dataclass
class Notes:
    """Notes in memory; ``fails`` makes the next put fail."""

    kept: dict[str, bytes] = field(default_factory=dict)
    fails: bool = False

    def load(self, partition: int) -> dict[str, bytes]:
        return dict(self.kept)

    def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
        if self.fails:
            raise OSError("no notes now")
        for key, value in values.items():
            if value is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = value


@dataclass
class Receiver:
    """Answers by ``answer``; ``got`` has what it answered with 200, in order."""

    answer: Callable[[Event], Answer]
    got: list[Event] = field(default_factory=list)
    tried: list[Event] = field(default_factory=list)

    async def send(self, endpoint: Endpoint, one: Event) -> Answer:
        await asyncio.sleep(0)
        self.tried.append(one)
        answer = self.answer(one)
        if answer.status == 200:
            self.got.append(one)
        return answer


class Clock:
    """Goes only when told to."""

    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def lane(
    events: Events, notes: Notes, receiver: Receiver, clock: Clock, endpoint: Endpoint = ENDPOINT
) -> Lane[Endpoint, Event]:
    return Lane(endpoint, 0, events, notes, receiver.send, clock, RULE)


async def until_idle(one: Lane[Endpoint, Event]) -> None:
    while await one.step():
        pass


def by_asset(events: Sequence[Event]) -> dict[str, list[int]]:
    found = defaultdict(list)
    for one in events:
        found[one.asset].append(one.number)
    return dict(found)


async def test_all_is_delivered_in_order_for_each_asset() -> None:
    events = Events([event(n, f"a{n % 7}") for n in range(1, 3 * BATCH)])
    receiver = Receiver(lambda _: Answer(200))
    one = lane(events, Notes(), receiver, Clock())
    await one.begin()
    await until_idle(one)
    assert by_asset(receiver.got) == by_asset(events.all)
    assert one.counts() == {"waiting": 0, "parked": 0, "delivered": len(events.all)}


async def test_what_comes_while_it_looks_is_sent_once() -> None:
    """The newest is asked for before the events, which may already hold more."""
    events, receiver = Events([event(1, "a")]), Receiver(lambda _: Answer(200))

    class Late(Events):
        def newest(self, partition: int) -> int:
            seen = super().newest(partition)
            if seen == 1:
                self.all.append(event(2, "a"))
            return seen

    one = lane(Late(events.all), Notes(), receiver, Clock())
    await one.begin()
    await until_idle(one)
    assert [found.number for found in receiver.got] == [1, 2]


async def test_one_that_leaves_ends_what_is_under_way_and_another_sends_the_rest_once() -> None:
    events, notes, clock = Events([event(n, f"a{n % 20}") for n in range(1, BATCH)]), Notes(), Clock()

    def answer(_: Event) -> Answer:
        one.leaving = len(receiver.tried) >= 11
        return Answer(200)

    receiver = Receiver(answer)
    one = lane(events, notes, receiver, clock)
    await one.begin()
    await one.step()
    assert 11 <= len(receiver.got) < 20
    assert not await one.step()
    another = Receiver(lambda _: Answer(200))
    one = lane(events, notes, another, clock)
    await one.begin()
    await until_idle(one)
    assert by_asset([*receiver.got, *another.got]) == by_asset(events.all)


async def test_what_is_pending_holds_its_asset_and_counts_as_no_attempt() -> None:
    events, clock, known = Events([event(1, "a"), event(2, "a"), event(3, "b")]), Clock(), False
    receiver = Receiver(lambda _: Answer(200) if known else Answer(None, "no receipt", 2.0, pending=True))
    one = lane(events, Notes(), receiver, clock)
    await one.begin()
    for _ in range(50):
        await until_idle(one)
        clock.now += 2_000
    assert {(held.number, held.attempts) for row in one.waiting.values() for held in row} == {
        *((1, 0), (2, 0), (3, 0))
    }
    assert not one.held
    known = True
    await until_idle(one)
    assert by_asset(receiver.got) == {"a": [1, 2], "b": [3]}


async def test_one_that_is_parked_by_hand_lets_those_behind_it_go() -> None:
    events, clock = Events([event(1, "a"), event(2, "a")]), Clock()
    receiver = Receiver(lambda one: Answer(500 if one.number == 1 else 200))
    notes = Notes()
    one = lane(events, notes, receiver, clock)
    await one.begin()
    await until_idle(one)
    assert await one.park(1) == 1
    assert await one.park(7) == 0
    await until_idle(one)
    assert [found.number for found in receiver.got] == [2]
    (left,) = (waiting_of(value) for key, value in notes.kept.items() if key == "customs/1")
    assert (left.parked, left.what, left.row) == (True, "visit", "a")
    assert left.detail == "parked by hand: status 500"


async def test_a_receiver_that_was_gone_is_asked_again_when_somebody_says_so() -> None:
    events, ill = Events([event(1, "a")]), True
    receiver = Receiver(lambda _: Answer(410 if ill else 200))
    one = lane(events, Notes(), receiver, Clock())
    await one.begin()
    await until_idle(one)
    assert one.gone
    ill = False
    await one.resend()
    await until_idle(one)
    assert [found.number for found in receiver.got] == [1]


async def test_notes_of_before_are_read() -> None:
    old = b'{"number":1,"asset":"a","attempts":3,"due_ms":5,"detail":"status 500","parked":true}'
    assert waiting_of(old).row == "a"


async def test_a_new_endpoint_begins_now() -> None:
    events, notes, receiver = Events([event(1, "a")]), Notes(), Receiver(lambda _: Answer(200))
    one = lane(events, notes, receiver, Clock(), Endpoint("new", "main", "https://x.example", b"k" * 24))
    await one.begin()
    events.all.append(event(2, "a"))
    await until_idle(one)
    assert [found.number for found in receiver.got] == [2]


async def test_one_that_fails_holds_up_its_asset_and_no_other() -> None:
    events = Events([event(1, "a"), event(2, "b"), event(3, "a"), event(4, "b")])
    clock, ill = Clock(), True
    receiver = Receiver(lambda one: Answer(500 if ill and one.asset == "a" else 200))
    one = lane(events, Notes(), receiver, clock)
    await one.begin()
    await until_idle(one)
    assert [found.number for found in receiver.got] == [2, 4]
    assert one.counts()["waiting"] == 2
    ill = False
    await until_idle(one)
    assert [found.number for found in receiver.got] == [2, 4]  # not before its time
    clock.now += 10_000
    await until_idle(one)
    assert [found.number for found in receiver.got] == [2, 4, 1, 3]


async def test_what_is_refused_for_days_is_parked_and_may_be_sent_again() -> None:
    events, clock, ill = Events([event(1, "a"), event(2, "a")]), Clock(), True
    receiver = Receiver(lambda one: Answer(400 if ill and one.number == 1 else 200))
    notes = Notes()
    one = lane(events, notes, receiver, clock)
    await one.begin()
    for _ in range(len(PAUSES_S) + 1):
        await until_idle(one)
        clock.now += 120_000_000
    await until_idle(one)
    assert [found.number for found in receiver.got] == [2]
    assert one.counts() == {"waiting": 0, "parked": 1, "delivered": 1}
    ill = False
    again = lane(events, notes, receiver, clock)
    await again.begin()
    assert await again.resend() == 1
    await until_idle(again)
    assert [found.number for found in receiver.got] == [2, 1]
    assert again.counts()["parked"] == 0


async def test_a_receiver_that_is_away_is_left_alone_and_gets_all_when_it_is_back() -> None:
    events, clock, away = Events([event(n, f"a{n % 3}") for n in range(1, 30)]), Clock(), True
    receiver = Receiver(lambda _: Answer(None, "refused") if away else Answer(200))
    notes = Notes()
    one = lane(events, notes, receiver, clock)
    await one.begin()
    await until_idle(one)
    assert one.held
    tried = len(receiver.tried)
    await until_idle(one)
    assert len(receiver.tried) == tried
    assert set(notes.kept) == {"customs/place"}  # nothing is noted for each of them
    assert orjson.loads(notes.kept["customs/place"])["away"] == "refused"  # but people can see it
    away = False
    clock.now += 400_000
    await until_idle(one)
    assert by_asset(receiver.got) == by_asset(events.all)
    assert orjson.loads(notes.kept["customs/place"])["away"] == ""


async def test_a_receiver_that_is_gone_is_never_asked_again() -> None:
    events, notes, clock = Events([event(1, "a"), event(2, "b")]), Notes(), Clock()
    receiver = Receiver(lambda _: Answer(410))
    for _ in range(2):
        one = lane(events, notes, receiver, clock)
        await one.begin()
        await until_idle(one)
        assert one.gone
        clock.now += 10**9
    assert len(receiver.tried) <= 2


_ANSWERS = st.sampled_from([200, 200, 200, 500, 429, None])


@settings(deadline=None)
@given(
    assets=st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    answers=st.lists(_ANSWERS, max_size=60),
    dies=st.lists(st.booleans(), max_size=20),
    pieces=st.integers(1, 5),
)
def test_whatever_happens_each_asset_gets_all_in_order(
    assets: list[str], answers: list[int | None], dies: list[bool], pieces: int
) -> None:
    """A process may die after any step, and after sending without having noted it: then some come twice."""
    whole = [event(number, asset) for number, asset in enumerate(assets, 1)]
    events, notes, clock = Events([]), Notes(), Clock()
    script = iter(answers)
    receiver = Receiver(lambda _: Answer(next(script, 200)))

    async def run() -> None:
        deaths = iter(dies)
        size = -(-len(whole) // pieces)
        one = lane(events, notes, receiver, clock)
        await one.begin()
        for at in range(0, len(whole), size):
            events.all.extend(whole[at : at + size])
            for _ in range(5):
                notes.fails = next(deaths, False)
                died = notes.fails
                with contextlib.suppress(OSError):
                    await one.step()
                notes.fails = False
                if died:
                    one = lane(events, notes, receiver, clock)
                    await one.begin()
                clock.now += 100_000_000
        for _ in range(300):
            await one.step()
            clock.now += 100_000_000
        assert one.counts()["waiting"] == 0

    asyncio.run(run())
    for asset, numbers in by_asset(whole).items():
        first_times = list(dict.fromkeys(by_asset(receiver.got).get(asset, [])))
        assert first_times == numbers
