"""Gateways that talk by a broker: in the end one of them holds the session, and goes on holding it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.turn import Stand, Turn

TICK_S = 0.1
QUIET_S = 200.0  # longer than the longest wait and the silence together


class World:
    """A broker with one session, gateways that tick, and messages that take their time."""

    def __init__(self, names: list[str], delays: list[float]) -> None:
        self.turns = {name: Turn(name) for name in names}
        self.alive: set[str] = set()
        self.frozen: set[str] = set()
        self.connecting: set[str] = set()
        self.owner: str | None = None
        self.takeovers: list[tuple[float, str]] = []
        self.now = 0.0
        self._delays, self._drawn = delays, 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), what))

    def delay(self) -> float:
        self._drawn += 1
        return self._delays[self._drawn % len(self._delays)]

    def start(self, name: str) -> None:
        self.alive.add(name)
        self.say(self.turns[name].join(self.now))
        self.tick(name)

    def die(self, name: str) -> None:
        """Killed: the broker publishes the will and ends the connections."""
        self.alive.discard(name)
        self.owner = None if self.owner == name else self.owner
        self.say(self.turns[name].will)
        self.turns[name] = Turn(name)

    def tick(self, name: str) -> None:
        turn = self.turns[name]

        def go() -> None:
            if self.turns[name] is not turn:
                return
            if name not in self.frozen:
                self.say(turn.tick(self.now))
                if turn.stand is Stand.CLAIMING and name not in self.connecting:
                    self.connecting.add(name)
                    self.later(self.delay(), lambda: self.connect(name, turn))
                elif turn.stand is Stand.HOLDING and self.owner != name:
                    self.say(turn.lose(self.now))
            self.later(TICK_S, go)

        go()

    def connect(self, name: str, turn: Turn) -> None:
        self.connecting.discard(name)
        if self.turns[name] is not turn or not turn.wants:
            return
        self.owner = name
        self.takeovers.append((self.now, name))
        self.say(self.turns[name].hold(self.now))

    def say(self, message: str | None) -> None:
        if message is None:
            return

        def deliver() -> None:
            for name in sorted(self.alive):
                if name in self.frozen:
                    self.later(0.5, lambda name=name: self.hear(name, message))  # type: ignore[misc]
                else:
                    self.hear(name, message)

        self.later(self.delay(), deliver)

    def hear(self, name: str, message: str) -> None:
        if name in self.frozen:
            self.later(0.5, lambda: self.hear(name, message))
        elif name in self.alive:
            self.say(self.turns[name].hear(message, self.now))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, what = heapq.heappop(self._events)
            what()
        self.now = end

    def holders(self) -> list[str]:
        return [name for name in sorted(self.alive) if self.turns[name].stand is Stand.HOLDING]


fates = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["start", "die", "freeze", "thaw"]), st.floats(0, 20)),
    max_size=12,
)


@given(st.lists(st.floats(0.001, 0.3), min_size=1, max_size=8), fates)
@settings(max_examples=150, deadline=None)
def test_one_holds_it_in_the_end_and_nobody_takes_it_back(
    delays: list[float], fate: list[tuple[str, str, float]]
) -> None:
    world = World(list("abcd"), delays)
    for name, what, then_s in fate:
        if what == "start" and name not in world.alive:
            world.start(name)
        elif what == "die" and name in world.alive:
            world.frozen.discard(name)
            world.die(name)
        elif what == "freeze" and name in world.alive:
            world.frozen.add(name)
        elif what == "thaw":
            world.frozen.discard(name)
        world.run(then_s)
    world.frozen.clear()
    world.run(QUIET_S)
    settled = len(world.takeovers)
    assert len(world.holders()) == min(1, len(world.alive))
    assert world.holders() == ([world.owner] if world.alive else [])
    world.run(QUIET_S)
    assert len(world.takeovers) == settled


@given(st.lists(st.floats(0.001, 0.3), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_who_comes_later_takes_nothing(delays: list[float]) -> None:
    world = World(list("ab"), delays)
    world.start("b")
    world.run(5)
    world.start("a")
    world.run(100)
    assert [name for _, name in world.takeovers] == ["b"]


@given(
    st.lists(st.floats(0.001, 0.2), min_size=1, max_size=8),
    st.permutations("abcd"),
    st.lists(st.floats(0, 3), min_size=4, max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_who_starts_together_settles_by_one_claim(
    delays: list[float], order: list[str], gaps: list[float]
) -> None:
    world = World(list("abcd"), delays)
    for name, gap in zip(order, gaps, strict=True):
        world.start(name)
        world.run(gap)
    world.run(60)
    assert len(world.takeovers) == 1


def test_a_frozen_holder_is_replaced_and_does_not_come_back() -> None:
    world = World(list("ab"), [0.01])
    world.start("a")
    world.run(5)
    world.start("b")
    world.run(5)
    world.frozen.add("a")
    world.run(15)
    assert world.owner == "b"
    world.frozen.clear()
    world.run(100)
    assert [name for _, name in world.takeovers] == ["a", "b"]
    assert world.turns["a"].stand is Stand.STANDING_BY


def test_nobody_claims_whose_own_words_do_not_come_back() -> None:
    turn = Turn("a")
    assert turn.join(0) == "who a"
    said = [turn.tick(second) for second in range(1, 100)]
    assert not turn.wants
    assert said.count("who a") > 5
