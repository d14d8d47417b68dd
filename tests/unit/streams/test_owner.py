"""The owner of a partition: records given and read, what fails on the way, and what is saved when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.engine import Engine, Step
from streams.events import Event
from streams.memory_log import MemoryLog
from streams.records import LogRecord, NewRecord
from streams.runtime.epochs import Epochs
from streams.runtime.owner import Owner, Parts, Turn
from streams.runtime.snapshots import SnapshotFiles
from streams.runtime.telling import Teller
from tests.unit.streams.engine.small_world import drive, feeder, world


class AwayError(Exception):
    """The sink can't say."""


class MemorySink:
    """Events on their way, and those that arrived. ``away``: nothing arrives; ``loses``: and is given up."""

    def __init__(self) -> None:
        self.kept: list[Event] = []
        self.covered = self.flushes = 0
        self.away = self.loses = False
        self._under_way: list[Event] = []
        self._position = 0

    def apply(self, partition: int, position: int, events: Sequence[Event]) -> None:
        last = self.last_number(partition)
        fresh = [event for event in events if event.number > last]
        assert not fresh or fresh[0].number == last + 1, "a hole"
        self._under_way += fresh
        self._position = max(self._position, position)

    def flush(self) -> None:
        self.flushes += 1
        if self.away or self.loses:
            if self.loses:
                self._under_way, self._position = [], self.covered
            raise AwayError("the sink is away")
        self.kept, self.covered = self.kept + self._under_way, self._position
        self._under_way = []

    def waiting(self) -> int:
        return len(self._under_way) + (self._position > self.covered)

    def position(self, partition: int) -> int:
        return self._position

    def last_number(self, partition: int) -> int:
        return len(self.kept) + len(self._under_way)

    def forget(self, partition: int) -> None:
        pass

    def close(self) -> None:
        pass


def history() -> list[NewRecord]:
    """A drive through the gate, one sample a record."""
    feed, records = feeder(), []
    for sample in drive(0, -0.08, 0.08):
        record = feed.record([sample])
        records.append(NewRecord(record.partition, record.kind, record.received_ms, record.key, record.body))
        feed.engine.fold(record)
    return records


@contextmanager
def owning(folder: Path, log: MemoryLog, sink: MemorySink, snapshot_s: float = 0.05) -> Iterator[Owner]:
    parts = Parts(log, folder, world, lambda: sink, lambda p: Teller(p, None, None), snapshot_s=snapshot_s)
    owner = Owner(0, parts)
    owner.start()
    try:
        yield owner
    finally:
        owner.let_go(keep=True)
        owner.join(20)
        assert not owner.is_alive()


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, f"it did not come to this in 30 s: {what}"
        time.sleep(0.002)


def give(owner: Owner, log: MemoryLog, records: Sequence[NewRecord]) -> None:
    """Append and deliver."""
    for new in records:
        (position,) = log.append([new])
        record = LogRecord(0, position, new.kind, new.received_ms, new.key, new.body)
        if not owner.offer(record):
            owner.inbox.give_up()


def folded(log: MemoryLog) -> list[Event]:
    """What the log says, with the ticks that its owner appended."""
    engine, events = Engine(0, world()), list[Event]()
    for record in log.read(0, 0, 1 << 30):
        events += engine.fold(record).events
    return events


def same(sink: MemorySink, log: MemoryLog) -> None:
    """All that was given has given its events; a tick that the owner appended last may wait in the log."""
    want = folded(log)
    assert sink.kept == want[: len(sink.kept)]
    assert all(event.position > len(history()) for event in want[len(sink.kept) :])


def at(owner: Owner, position: int) -> Callable[[], bool]:
    return lambda: bool(owner.status()["position"] >= position)


def saved(folder: Path) -> int:
    return max(
        max(SnapshotFiles(one.snapshots, 0).positions(), default=0)
        for one in Epochs(folder / "engine", 0).held()
    )


def test_it_reads_what_was_there_and_takes_what_it_is_given(tmp_path: Path) -> None:
    records = history()
    log, sink = MemoryLog(), MemorySink()
    log.append(records[:50])
    with owning(tmp_path, log, sink) as owner:
        until(owner.caught_up.is_set, "caught up")
        give(owner, log, records[50:])
        until(at(owner, len(records)), "folded")
    same(sink, log)
    assert saved(tmp_path) == owner.covered >= len(records)
    before = owner.covered
    with owning(tmp_path, log, sink) as owner:
        until(owner.caught_up.is_set, "caught up")
        assert owner.epoch is not None
        assert owner.epoch.number == 2
        assert owner.covered >= before


def test_nothing_is_covered_before_its_events_have_arrived(tmp_path: Path) -> None:
    records = history()
    log, sink = MemoryLog(), MemorySink()
    with owning(tmp_path, log, sink) as owner:
        sink.away = True
        give(owner, log, records)
        until(at(owner, len(records)), "folded")
        until(lambda: owner.unsaved, "said")
        assert (owner.covered, saved(tmp_path), sink.kept) == (0, 0, [])
        assert owner.trouble is None, "it folds on"
        sink.away = False
        until(lambda: owner.covered >= len(records), "covered")
        assert owner.unsaved is None
    same(sink, log)


def test_events_that_were_given_up_are_made_again(tmp_path: Path) -> None:
    records = history()
    log, sink = MemoryLog(), MemorySink()
    with owning(tmp_path, log, sink) as owner:
        give(owner, log, records[:60])
        until(lambda: owner.covered == 60, "covered")
        sink.loses = True
        give(owner, log, records[60:])
        before = sink.flushes
        until(lambda: sink.flushes > before + 1, "tried again")
        sink.loses = False
        until(lambda: owner.covered >= len(records), "covered")
    same(sink, log)


def test_one_record_that_can_not_be_folded_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = history()
    fold = Engine.fold

    def fails(engine: Engine, record: LogRecord) -> Step:
        if record.position == 70:
            raise ZeroDivisionError("made to fail")
        return fold(engine, record)

    monkeypatch.setattr(Engine, "fold", fails)
    log, sink = MemoryLog(), MemorySink()
    with owning(tmp_path, log, sink) as owner:
        give(owner, log, records)
        until(at(owner, len(records)), "folded")
        assert owner.status()["bad_records"] == 1
    monkeypatch.undo()
    before = [event for event in folded(log) if event.position < 70]
    assert sink.kept[: len(before)] == before
    assert len(sink.kept) > len(before)


def test_a_full_disk_is_said_and_folding_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = history()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    log, sink = MemoryLog(), MemorySink()
    with monkeypatch.context() as patch, owning(tmp_path, log, sink) as owner:
        until(owner.caught_up.is_set, "begun")
        patch.setattr(SnapshotFiles, "save", full)
        give(owner, log, records)
        until(lambda: owner.unsaved, "said")
        assert "No space left" in str(owner.unsaved)
        assert owner.covered == 0
        until(at(owner, len(records)), "folded")
        patch.undo()
        until(lambda: owner.covered >= len(records), "saved")
    same(sink, log)


def test_records_that_the_log_let_go_of_are_never_leapt_over(tmp_path: Path) -> None:
    records = history()
    log, sink = MemoryLog(), MemorySink()
    log.append(records)
    with owning(tmp_path, log, sink) as owner:
        until(lambda: owner.covered >= len(records), "covered")
    log.append(records)
    log.trim(0, len(records) + 10)
    with owning(tmp_path, log, sink) as owner:
        until(lambda: owner.trouble, "said")
        lost = f"{len(records) + 1} to {len(records) + 10}"
        assert str(owner.trouble) == f"LogTrimmedError: partition 0: the log lacks records {lost}"
        assert owner.covered >= len(records)


def test_an_owner_whose_epoch_was_deleted_takes_the_newest(tmp_path: Path) -> None:
    records = history()
    log, sink = MemoryLog(), MemorySink()
    with owning(tmp_path, log, sink, snapshot_s=60) as owner:
        give(owner, log, records[:60])
        until(at(owner, 60), "folded")
        epochs = Epochs(tmp_path / "engine", 0)
        for _ in range(3):
            epochs.acquire()
        assert owner.epoch is not None
        assert not owner.epoch.folder.exists()
        owner.save(0.2)
        until(lambda: owner.epoch is not None and owner.epoch.number > 3, "a new epoch")
        give(owner, log, records[60:])
        until(at(owner, len(records)), "folded")
    same(sink, log)
    assert saved(tmp_path) >= len(records)


def test_turns_come_in_the_order_of_asking() -> None:
    turn, came = Turn(), list[int]()

    def asks(number: int) -> None:
        with turn:
            came.append(number)

    with turn:
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=asks, args=(number,)))
            threads[-1].start()
            until(lambda number=number: turn.asked() == number + 2, "asked")  # type: ignore[misc]
    for thread in threads:
        thread.join(10)
    assert came == list(range(5))
