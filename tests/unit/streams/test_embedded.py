"""The embedded runner: recovery at any point, bad records, and a replay that would decide otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.readmodel import ReadModel
from streams.engine import Engine, Step
from streams.events import Event, Kind
from streams.past import PastError
from streams.records import LogRecord, NewRecord, RecordKind
from streams.runtime import embedded
from streams.runtime.embedded import LogBehindError, LogTrimmedError, Runner
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


def folded(folder: Path, *checkpoints: int) -> list[Event]:
    """A read model, snapshots after these steps of a record each, and a past, of ``fill``'s log."""
    feed, one = fill(folder), runner(folder)
    for number in range(1, max(checkpoints) + 1):
        one.step()
        if number in checkpoints:
            assert one.checkpoint()
    return feed.events


@pytest.fixture
def _a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_READ_BYTES", 1)


@pytest.mark.usefixtures("_a_record_a_step")
def test_a_snapshot_above_the_pasts_end_is_refused_and_the_one_before_it_taken(tmp_path: Path) -> None:
    events = folded(tmp_path, 20, 40, 60)
    newest = max((tmp_path / "past").iterdir())
    newest.unlink()
    one = runner(tmp_path)
    assert one.engine.position == 40
    assert SnapshotFiles(tmp_path / "snapshots", 0).positions() == [20, 40]
    assert [path.suffix for path in (tmp_path / "snapshots").glob("*60*")] == [".refused"]
    while one.step().records:
        pass
    assert one.checkpoint()
    assert one.replays_differ == 0
    assert kept(tmp_path) == events


@pytest.mark.usefixtures("_a_record_a_step")
def test_snapshots_of_another_version_make_it_begin_anew_with_a_past_of_its_own(tmp_path: Path) -> None:
    events = folded(tmp_path, 20, 40, 60)
    for path in (tmp_path / "snapshots").iterdir():
        path.write_bytes(b"CES\n\x01\x00\x00\x00" + path.read_bytes()[8:])
    one = runner(tmp_path)
    assert (one.engine.position, one.past.figures()["end"]) == (0, 0)
    assert len(list((tmp_path / "past.aside").iterdir())) == 3
    one.step()
    assert one.checkpoint()
    assert SnapshotFiles(tmp_path / "snapshots", 0).positions() == [1], "not pushed out by those refused"
    while one.step().records:
        pass
    assert kept(tmp_path) == events


@pytest.mark.usefixtures("_a_record_a_step")
def test_a_past_with_a_gap_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    events = folded(tmp_path, 20, 40, 60)
    sorted((tmp_path / "past").iterdir())[1].unlink()
    one = runner(tmp_path)
    assert one.engine.position == 0
    assert "got positions after 40" in caplog.text
    while one.step().records:
        pass
    assert kept(tmp_path) == events


@pytest.mark.usefixtures("_a_record_a_step")
def test_a_past_that_is_damaged_is_made_anew_and_no_record_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = folded(tmp_path, 20, 40)
    fold = Engine.fold

    def fails(engine: Engine, record: LogRecord) -> Step:
        if record.position == 50 and engine.memory.past is not None and (tmp_path / "past.aside").exists():
            return fold(engine, record)
        if record.position == 50:
            raise PastError("damaged")
        return fold(engine, record)

    monkeypatch.setattr(Engine, "fold", fails)
    one = runner(tmp_path)
    begun = []
    for _ in range(2):
        with pytest.raises(PastError):
            all(iter(lambda: one.step().records, 0))
        one.recover()
        begun.append(one.engine.position)
    assert begun == [40, 0], "the second time it is the past's fault"
    while one.step().records:
        pass
    assert one.bad_records == 0
    assert kept(tmp_path) == events


@pytest.mark.usefixtures("_a_record_a_step")
def test_a_trimmed_log_without_a_snapshot_is_told_with_what_to_do(tmp_path: Path) -> None:
    folded(tmp_path, 20, 40, 60)
    SqliteLog(tmp_path / "log.db").trim(0, 20)
    assert runner(tmp_path).engine.position == 60
    for path in (tmp_path / "past").iterdir():
        path.unlink()
    want = (
        r"lacks records up to 20.*the newest snapshot is of 60: the past goes up to 0 only.*corridor rebuild"
    )
    with pytest.raises(LogTrimmedError, match=want):
        runner(tmp_path)
    assert SnapshotFiles(tmp_path / "snapshots", 0).positions() == [20, 40, 60]


@pytest.mark.usefixtures("_a_record_a_step")
def test_the_past_forgets_only_what_no_kept_snapshot_can_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded(tmp_path, 20, 40, 60)
    one = runner(tmp_path)
    told: list[tuple[list[int], int]] = []
    monkeypatch.setattr(one.past, "trim", lambda before, at: told.append((before.tolist(), at)))
    one.trim_past()
    assert told == [], "how far the assets were at the oldest snapshot is not known yet"
    newest = []
    for _ in range(3):
        one.step()
        newest.append(one.engine.state["t"][:1].tolist())
        assert one.checkpoint()
    one.trim_past()
    assert told == [([newest[0][0] - one.rules.late_window_ms], 61)]
