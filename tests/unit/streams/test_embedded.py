"""The embedded runner: recovery at any point, bad records, and a replay that would decide otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.readmodel import ReadModel
from streams.engine import Engine, Step
from streams.events import Event, Kind
from streams.records import LogRecord, NewRecord, RecordKind
from streams.runtime.embedded import LogBehindError, Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.unit.streams.engine.small_world import Feeder, drive, feeder, world


def new(record: LogRecord) -> NewRecord:
    return NewRecord(record.partition, record.kind, record.received_ms, record.key, record.body)


def runner(folder: Path) -> Runner:
    log, read = SqliteLog(folder / "log.db"), ReadModel(folder / "read.db", 1)
    made = Runner(log, world(), read, SnapshotFiles(folder / "snapshots", 0), PastFolder(folder / "past"))
    made.recover()
    return made


def fill(folder: Path) -> Feeder:
    """A log with a drive through the gate, one sample a record; the feeder has folded it."""
    feed, log = feeder(), SqliteLog(folder / "log.db")
    for sample in drive(0, -0.08, 0.08):
        record = feed.record([sample])
        log.append([new(record)])
        feed.events += feed.engine.fold(record).events
    return feed


def kept(folder: Path) -> list[Event]:
    with ReadModel(folder / "read.db", 1) as read:
        return read.events_after((0,), "main", limit=10_000)


def test_it_folds_the_log_into_the_read_model(tmp_path: Path) -> None:
    feed = fill(tmp_path)
    one = runner(tmp_path)
    assert one.step().events == feed.events
    assert one.step().records == 0
    assert one.lag() == 0
    assert kept(tmp_path) == feed.events


@pytest.mark.parametrize("snapshot_at", [0, 20, 90])
@pytest.mark.parametrize("dies_at", [10, 60, 130])
def test_dying_at_any_point_gives_the_same_events_once(
    tmp_path: Path, snapshot_at: int, dies_at: int
) -> None:
    feed = fill(tmp_path)
    records = SqliteLog(tmp_path / "log.db").read(0, 0, 1 << 30)
    (tmp_path / "dead").mkdir()
    short = SqliteLog(tmp_path / "dead" / "log.db")
    first = runner(tmp_path / "dead")
    for number, record in enumerate(records[:dies_at], 1):
        short.append([new(record)])
        first.step()
        if number == snapshot_at:
            first.checkpoint()
    for record in records[dies_at:]:
        short.append([new(record)])
    second = runner(tmp_path / "dead")
    fresh = second.step().events
    assert kept(tmp_path / "dead") == feed.events
    assert fresh == [e for e in feed.events if e.position > dies_at]


def test_a_record_that_is_not_readable_is_passed_over(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([NewRecord(0, RecordKind.FRAME, 1, "k", b"garbage")])
    one = runner(tmp_path)
    assert one.step().records == 1
    assert (one.bad_records, one.lag()) == (1, 0)


def test_a_snapshot_that_is_not_readable_is_passed_over(tmp_path: Path) -> None:
    fill(tmp_path)
    one = runner(tmp_path)
    one.step()
    one.checkpoint()
    for path in (tmp_path / "snapshots").iterdir():
        path.write_bytes(b"broken")
    assert runner(tmp_path).recover().startswith("from the start of the log")


def test_a_read_model_ahead_of_the_log_is_told(tmp_path: Path) -> None:
    fill(tmp_path)
    runner(tmp_path).step()
    for path in tmp_path.glob("log.db*"):
        path.unlink()
    with pytest.raises(LogBehindError, match=r"events cover log position \d+, but the log ends at 0"):
        runner(tmp_path)


def test_what_was_served_stays_when_a_replay_would_decide_otherwise(tmp_path: Path) -> None:
    """As after an update of zones between a crash and the restart: no event is taken back or repeated."""
    fill(tmp_path)
    one = runner(tmp_path)
    one.step()
    served = kept(tmp_path)
    with ReadModel(tmp_path / "read.db", 1) as read:
        log, past = SqliteLog(tmp_path / "log.db"), PastFolder(tmp_path / "none" / "past")
        second = Runner(log, world(), read, SnapshotFiles(tmp_path / "none", 0), past)
        second.recover()
        second.engine.number += 3  # a replay that gives other numbers, and so other content under them
        second.step()
        more = Feeder(second.engine, {"a1": 10_000})
        record = more.record(drive(20_000, 0.08, -0.08))
        second.log.append([new(record)])
        fresh = second.step().events
    assert second.replays_differ == 1
    assert any(e.kind is Kind.CROSSING for e in fresh)
    assert kept(tmp_path) == [*served, *fresh]
    assert [e.number for e in kept(tmp_path)] == list(range(1, len(served) + len(fresh) + 1))


def test_a_record_that_can_not_be_folded_is_left_out_after_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = fill(tmp_path)
    fold, poison = Engine.fold, 5

    def fails(engine: Engine, record: LogRecord) -> Step:
        if record.position == poison:
            raise OverflowError("a number that is too large")
        return fold(engine, record)

    monkeypatch.setattr(Engine, "fold", fails)
    one = runner(tmp_path)
    for _ in range(2):
        with pytest.raises(OverflowError):
            one.step()
        one.recover()
    one.step()
    assert (one.bad_records, one.lag()) == (1, 0)
    assert [event.kind for event in kept(tmp_path)] == [event.kind for event in feed.events]


def test_a_read_model_that_was_deleted_is_rebuilt_whole_although_there_are_snapshots(tmp_path: Path) -> None:
    feed = fill(tmp_path)
    one = runner(tmp_path)
    one.step()
    assert one.checkpoint()
    for path in tmp_path.glob("read.db*"):
        path.unlink()
    again = runner(tmp_path)
    again.step()
    assert kept(tmp_path) == feed.events
