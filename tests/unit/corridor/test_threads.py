"""The hub's threads: trouble in one step is said and passes, and none of them ends of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from corridor.threads import EngineThread

_NO_ROWS = np.empty(0, np.int64)


class _Engine:
    """What a thread asks of an engine."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.again: dict[int, int] = {}

    @property
    def waits(self) -> bool:
        return bool(self.again)


class _Runner:
    """Gives one step after another; ``recover`` makes an engine that knows no asset."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps
        self.engine: Any = None
        self.recover()

    def recover(self) -> None:
        self.engine = _Engine()

    def step(self) -> Any:
        if not self.steps:
            return SimpleNamespace(events=[], moved=_NO_ROWS, records=0)
        size, events, error = self.steps.pop(0)
        self.engine.names = [""] * size
        if error is not None:
            raise error
        return SimpleNamespace(events=events, moved=np.arange(size), records=1)

    def checkpoint(self) -> None:
        raise ValueError("a snapshot that can't be made")


class _Live:
    def __init__(self) -> None:
        self.events: list[Any] = []
        self.failures = 0

    def publish(self, engine: Any, rows: Any, events: Any) -> None:
        if events and self.failures:
            self.failures -= 1
            raise RuntimeError("not published")
        assert not len(rows) or rows.max() < len(engine.names)
        self.events += events


def run_until(runner: _Runner, live: _Live, done: Callable[[EngineThread], bool]) -> EngineThread:
    commands: Any = SimpleNamespace(answered=lambda events: None)
    given: Any = runner
    view: Any = live
    thread = EngineThread(given, view, commands, threading.Event(), 0.01)
    thread.start()
    until = time.monotonic() + 10
    while not done(thread) and time.monotonic() < until:
        time.sleep(0.01)
    alive, happened = thread.is_alive(), done(thread)
    thread.halt.set()
    thread.join(10)
    assert alive
    assert happened
    return thread


def test_rows_of_an_engine_that_failed_are_not_published_from_the_next() -> None:
    runner = _Runner([(500, [], None), (500, [], OSError("sink away")), (3, ["e"], None)])
    live = _Live()
    run_until(runner, live, lambda thread: live.events == ["e"] and thread.trouble is None)


def test_events_that_could_not_be_published_are_published_later() -> None:
    runner, live = _Runner([(1, ["a"], None), (1, ["b"], None)]), _Live()
    live.failures = 1
    run_until(runner, live, lambda thread: live.events == ["a", "b"] and thread.trouble is None)


def test_assets_that_wait_are_gone_through_by_ticks() -> None:
    runner = _Runner([(1, [], None)])
    runner.engine.again = {0: 1, 1: 1}
    ticks = []

    def tick(now_ms: int) -> None:
        ticks.append(now_ms)
        runner.engine.again.pop(len(ticks) - 1)

    runner.tick = tick  # type: ignore[attr-defined]
    run_until(runner, _Live(), lambda _: not runner.engine.again)
    assert len(ticks) == 2
