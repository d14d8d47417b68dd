"""Notes and ticks of the embedded runner: sent once, healed after a crash at any point, never in the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from feeds.readmodel import ReadModel
from streams.codec import dump_json
from streams.engine import engine as engine_module
from streams.engine.queues import decode
from streams.events import Change, Event, Kind
from streams.log import LogFullError
from streams.records import NewRecord, RecordKind
from streams.runtime import embedded
from streams.runtime.embedded import Runner
from streams.runtime.outbox import Beat
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.unit.streams.engine.small_world import Sample, drive, feeder, world


class Killed(BaseException):
    """The process is gone."""


def frames() -> list[NewRecord]:
    """A truck that crosses and another that comes back, a sample a record."""
    feed = feeder()
    samples = drive(0, -0.08, 0.08) + drive(100, 0.07, -0.07, asset="a2")
    records = []
    for sample in sorted(samples, key=lambda one: one.t_s):
        record = feed.record([sample])
        feed.engine.fold(record)
        records.append(NewRecord(0, record.kind, record.received_ms, record.key, record.body))
    return records


FRAMES = frames()


class Process:
    """One start of the system in ``folder``, a record a step."""

    def __init__(self, folder: Path) -> None:
        self.log, self.read = SqliteLog(folder / "log.db"), ReadModel(folder / "read.db", 1)
        files, past = SnapshotFiles(folder / "snapshots", 0), PastFolder(folder / "past")
        self.runner = Runner(self.log, world(), self.read, files, past, speaks=True)
        self.runner.recover()

    def until_idle(self) -> list[Event]:
        """Steps until nothing is left; returns their events."""
        events: list[Event] = []
        while (folded := self.runner.step()).records:
            events += folded.events
        return events

    def end(self) -> None:
        self.read.close()
        self.log.close()


@pytest.fixture(autouse=True)
def _a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_READ_BYTES", 1)


def queues(folder: Path) -> dict[str, Any]:
    """The newest data of each queue that was served, without its history."""
    with ReadModel(folder / "read.db", 1) as read:
        found = read.objects(Kind.QUEUE, "main")
    return {row.id: {k: v for k, v in row.data.items() if k != "why"} for row in found}


def heard(folder: Path) -> list[tuple[str, int]]:
    """(crossing, revision) of each note in the log."""
    log = SqliteLog(folder / "log.db")
    records = log.read(0, 0, 1 << 30)
    log.close()
    bodies = [record.body for record in records if record.kind is RecordKind.NOTE]
    return [(note.id, note.revision) for body in bodies for note in decode(body)]


def told(folder: Path) -> list[tuple[str, int]]:
    """(crossing, revision) of each crossing's event that was served."""
    with ReadModel(folder / "read.db", 1) as read:
        events = read.events_after((0,), "main", [Kind.CROSSING], 10_000)
    return [(event.id, event.revision) for event in events]


def straight(folder: Path) -> dict[str, Any]:
    """What one that never died serves."""
    folder.mkdir()
    process = Process(folder)
    for record in FRAMES:
        process.log.append([record])
        process.until_idle()
    process.end()
    assert heard(folder) == told(folder)
    return queues(folder)


def test_each_revision_of_a_crossing_is_noted_once_and_the_queues_are_served(tmp_path: Path) -> None:
    found = straight(tmp_path / "one")
    assert {q["direction"]: q["stages"]["exit_port"]["count"] for q in found.values()} == {
        "LA>CN": 1,
        "CN>LA": 1,
    }
    assert not any(count for q in found.values() for count in q["waiting"].values())


@pytest.mark.parametrize(("dies", "every"), [("committed", 2), ("committed", 5), ("sent", 1), ("sent", 3)])
def test_dying_around_the_sending_of_notes_loses_none_and_counts_none_twice(
    tmp_path: Path, dies: str, every: int
) -> None:
    want = straight(tmp_path / "straight")
    folder = tmp_path / "dies"
    folder.mkdir()
    process = Process(folder)
    appends = 0
    for number, record in enumerate(FRAMES, 1):
        process.log.append([record])
        append = process.log.append

        def kills(records: Sequence[NewRecord], append: Any = append) -> list[int]:
            nonlocal appends
            appends += 1
            if dies == "committed" and appends % every == 0:
                raise Killed
            done: list[int] = append(records)
            if dies == "sent" and appends % every == 0:
                raise Killed
            return done

        process.log.append = kills  # type: ignore[method-assign]
        try:
            process.until_idle()
            if number % 11 == 0:
                process.runner.checkpoint()
        except Killed:
            process.end()
            process = Process(folder)
        else:
            process.log.append = append  # type: ignore[method-assign]
    process.until_idle()
    assert process.runner.replays_differ == 0
    process.end()
    assert appends >= every
    assert queues(folder) == want
    assert set(heard(folder)) <= set(told(folder))
    assert dict(heard(folder)) == dict(told(folder))  # of each crossing the newest came last
    if dies == "sent":
        assert len(heard(folder)) == len(set(heard(folder)))


def test_after_a_restart_notes_between_snapshot_and_end_are_given_again_but_not_sent_again(
    tmp_path: Path,
) -> None:
    process = Process(tmp_path)
    for record in FRAMES:
        process.log.append([record])
        process.until_idle()
    process.end()
    before, end = heard(tmp_path), SqliteLog(tmp_path / "log.db").end(0)
    process = Process(tmp_path)  # without a snapshot: all of the log comes again
    assert process.until_idle() == []
    assert not process.runner.outbox
    assert process.log.end(0) == end
    assert heard(tmp_path) == before


def test_notes_that_came_twice_change_nothing(tmp_path: Path) -> None:
    want = straight(tmp_path / "one")
    process = Process(tmp_path / "one")
    process.until_idle()
    notes = [r for r in process.log.read(0, 0, 1 << 30) if r.kind is RecordKind.NOTE]
    process.log.append([NewRecord(0, r.kind, r.received_ms, r.key, r.body) for r in notes[::-1]])
    assert process.until_idle() == []
    process.end()
    assert queues(tmp_path / "one") == want


def test_no_snapshot_is_written_while_the_log_takes_no_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(tmp_path)
    append = process.log.append

    def full(_: Sequence[NewRecord]) -> list[int]:
        raise LogFullError("log full", 1.0)

    for record in FRAMES:
        append([record])
        monkeypatch.setattr(process.log, "append", full)
        process.until_idle()
    assert told(tmp_path)
    assert heard(tmp_path) == []
    assert not process.runner.checkpoint()
    monkeypatch.setattr(process.log, "append", append)
    process.until_idle()
    assert dict(heard(tmp_path)) == dict(told(tmp_path))
    assert process.runner.checkpoint()
    process.end()


def test_a_snapshot_made_while_catching_up_is_of_notes_that_are_in_the_log(tmp_path: Path) -> None:
    """The log grew while nobody folded it; the snapshot comes before its end is reached."""
    log = SqliteLog(tmp_path / "log.db")
    log.append(FRAMES)
    log.close()
    process = Process(tmp_path)
    while not process.runner.outbox:
        assert process.runner.step().records
    assert heard(tmp_path) == []
    assert process.runner.checkpoint()
    process.end()
    assert dict(heard(tmp_path)) == dict(told(tmp_path))
    process = Process(tmp_path)
    process.until_idle()
    process.end()
    assert dict(heard(tmp_path)) == dict(told(tmp_path))
    assert queues(tmp_path) == straight(tmp_path / "straight")


def test_one_that_does_not_speak_appends_nothing(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.runner.speaks = False
    process.log.append(FRAMES)
    process.until_idle()
    process.runner.tick(1)
    assert process.log.end(0) == len(FRAMES)
    assert process.runner.checkpoint()
    process.end()


def test_ticks_alone_are_not_worth_a_snapshot(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.log.append(FRAMES[:3])
    process.until_idle()
    assert process.runner.checkpoint()
    later = process.runner.engine.now_ms + 60_000
    process.runner.tick(later)
    process.until_idle()
    assert process.runner.engine.now_ms == later
    assert not process.runner.checkpoint()
    process.log.append(FRAMES[3:4])
    process.until_idle()
    assert process.runner.checkpoint()
    process.end()


def test_an_edit_of_zones_is_worked_off_by_ticks_though_nothing_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten trucks stay in a yard that turns out not to have been one; three are gone through in a step."""
    monkeypatch.setattr(engine_module, "_AGAIN", 3)
    feed, names = feeder(), [f"a{n}" for n in range(10)]
    stays = [Sample(30 * n, -0.45, speed=0, asset=name) for n in range(10) for name in names]
    frame = feed.record(stays)
    body = {"id": "c", "command": "zone.retire", "tenant": "main", "by": "test"}
    body["data"] = {"ids": ["yard"], "valid_from_ms": 0}  # type: ignore[assignment]
    process, clock, ticks = Process(tmp_path), 0.0, 0
    process.log.append([NewRecord(0, frame.kind, frame.received_ms, "k", frame.body)])
    process.log.append([NewRecord(0, RecordKind.COMMAND, frame.received_ms, "k", dump_json(body))])
    beat, events = Beat(clock), []
    while clock < 5:
        folded = process.runner.step()
        events += folded.events
        if beat.due(clock, folded.records, bool(process.runner.engine.again)):
            process.runner.tick(frame.received_ms)
            ticks += 1
        clock += 0.005
    process.end()
    yards = [e for e in events if e.kind is Kind.VISIT and e.data["zone"] == "yard"]
    newest = {e.asset: e.change for e in yards}
    assert newest == dict.fromkeys(names, Change.RETRACTED)
    assert process.runner.engine.again == {}
    assert ticks == 3


def test_a_tick_is_due_after_a_minute_without_records_or_soon_while_assets_wait() -> None:
    beat = Beat(100.0)
    assert not beat.due(159.9, 0, again=False)
    assert beat.due(160.0, 0, again=False)
    assert not beat.due(160.1, 0, again=False)  # it was appended and is yet to be read
    assert not beat.due(161.0, 1, again=True)  # a record takes the waiting on
    assert not beat.due(161.01, 0, again=True)
    assert beat.due(161.03, 0, again=True)
    assert not beat.due(161.04, 0, again=True)
    assert not beat.due(220.9, 0, again=False)
    assert beat.due(221.1, 0, again=False)
