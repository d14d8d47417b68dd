"""A law of the runner: a process that dies anywhere and starts again serves what one that never died does.

Real files: log, read model, snapshots and past lie in a folder. The samples come late, shuffled and twice.
`HYPOTHESIS_PROFILE=nightly` tries many more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.readmodel import ReadModel
from streams.engine import Engine, Rules
from streams.engine import engine as engine_module
from streams.events import Event
from streams.records import LogRecord, NewRecord
from streams.runtime import chunks, chunks_merge, embedded
from streams.runtime.embedded import Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.property.delivery import Delivery
from tests.property.test_order_free import NIGHTLY, WORLD, arrivals, law

CASES = 2_000 if NIGHTLY else int(os.environ.get("CASES", "60"))
RULES = st.builds(
    Rules,
    checkpoint_rows=st.sampled_from([8, 512]),
    late_window_ms=st.sampled_from([7 * 86_400_000, 3_600_000]),
)


class Killed(BaseException):
    """The process is gone."""


class At(Enum):
    """Where in its work a process dies, or that it goes on."""

    GOES_ON = "goes on"
    FOLDED = "a record was folded, its events are not committed"
    COMMITTED = "the events are committed"
    SEALING = "the past's file is written, but has no name yet"
    SEALED = "the past is sealed, no snapshot is written"
    SAVED = "the snapshot is written"


class Sink:
    """The read model, before which a process may die."""

    def __init__(self, read: ReadModel) -> None:
        self.read, self.dies = read, False

    def apply(self, partition: int, position: int, events: Sequence[Event]) -> None:
        if self.dies:
            raise Killed
        self.read.apply(partition, position, events)

    def position(self, partition: int) -> int:
        return self.read.position(partition)

    def last_number(self, partition: int) -> int:
        return self.read.last_number(partition)


class Process:
    """What one start of the system holds; ``work`` folds a record and makes a checkpoint."""

    def __init__(self, folder: Path, rules: Rules) -> None:
        self.log = SqliteLog(folder / "log.db")
        self.sink = Sink(ReadModel(folder / "read.db", 1))
        files, past = SnapshotFiles(folder / "snapshots", 0), PastFolder(folder / "past")
        self.runner = Runner(self.log, WORLD, self.sink, files, past, rules=rules)
        self.said = self.runner.recover()

    def work(self, dies: At, checkpoint: bool) -> int:
        """Returns the records read; raises Killed where it is to die."""
        self.sink.dies = dies is At.FOLDED
        read = self.runner.step().records
        if self.sink.dies:  # nothing was to be committed
            raise Killed
        if dies is At.COMMITTED:
            raise Killed
        if checkpoint or dies is not At.GOES_ON:
            with dying(self.runner, dies):
                self.runner.checkpoint()
            if dies is not At.GOES_ON:
                raise Killed
            self.runner.trim_past()
            while self.runner.past.compact():
                pass
        return read

    def end(self) -> None:
        self.sink.read.close()
        self.log.close()


@contextmanager
def dying(runner: Runner, at: At) -> Iterator[None]:
    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        if at is At.SEALING:
            patch.setattr(os, "replace", dies)
        elif at is At.SEALED:
            patch.setattr(runner.files, "save", dies)
        yield


@contextmanager
def small() -> Iterator[Path]:
    """A folder, and limits so low that short histories meet them: a record a step, much asked of the past."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(embedded, "_READ_BYTES", 1)
        patch.setattr(engine_module, "_GENERATION", 0)
        patch.setattr(chunks, "worth", lambda *_: True)
        patch.setattr(chunks_merge, "TIER", 2)
        yield Path(folder)


def fill(folder: Path, records: list[LogRecord]) -> None:
    log = SqliteLog(folder / "log.db")
    log.append([NewRecord(0, r.kind, r.received_ms, r.key, r.body) for r in records])
    log.close()


def served(folder: Path) -> list[Event]:
    with ReadModel(folder / "read.db", 1) as read:
        return read.events_after((0,), "main", limit=1_000_000)


@given(
    arrivals(most_frames=12),
    RULES,
    st.lists(st.tuples(st.sampled_from(At), st.booleans()), min_size=1, max_size=30),
)
@law(CASES)
def test_dying_anywhere_changes_nothing(
    delivery: Delivery, rules: Rules, course: list[tuple[At, bool]]
) -> None:
    records = delivery.records()
    straight = Engine(0, WORLD, rules)
    want = [event for record in records for event in straight.fold(record).events]
    with small() as folder:
        fill(folder, records)
        process = Process(folder, rules)
        try:
            for dies, checkpoint in course:
                try:
                    process.work(dies, checkpoint)
                except Killed:
                    process.end()
                    process = Process(folder, rules)
            while process.work(At.GOES_ON, True):
                pass
            assert process.runner.replays_differ == 0
            assert process.runner.engine.counts == straight.counts
        finally:
            process.end()
        assert served(folder) == want


@given(arrivals(), st.sampled_from([3_600_000, 7 * 86_400_000]))
@law(CASES * 2)
def test_how_often_states_are_kept_changes_nothing(delivery: Delivery, window: int) -> None:
    """What is forgotten of the time before the late window is never asked for."""
    seldom, often = (Engine(0, WORLD, Rules(checkpoint_rows=n, late_window_ms=window)) for n in (100_000, 4))
    for record in delivery.records():
        assert often.fold(record).events == seldom.fold(record).events
