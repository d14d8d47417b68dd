"""``corridor rebuild`` over small systems that are stopped: whole logs, trimmed ones, and ones that lie."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path

import pytest

import geofences
from corridor import rebuild as rebuild_module
from corridor.__main__ import main
from corridor.folder import Folder
from corridor.rebuild import Rebuild, RebuildError
from corridor.settings import Settings
from corridor.swap import finish, swap
from feeds.readmodel import ReadModel
from feeds.store.duck import DuckStore
from streams.engine import Engine, Rules
from streams.events import Event, Kind
from streams.records import LogRecord, NewRecord, RecordKind
from streams.runtime import embedded
from streams.runtime.embedded import LogTrimmedError, Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.unit.streams.engine.small_world import Feeder, drive, world

WORLD = world()


@pytest.fixture(autouse=True)
def _a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_READ_BYTES", 1)


def runner(folder: Folder) -> Runner:
    log, read = SqliteLog(folder.log), ReadModel(folder.read, 1)
    made = Runner(log, WORLD, read, SnapshotFiles(folder.snapshots, 0), PastFolder(folder.past))
    made.recover()
    return made


def close(one: Runner) -> None:
    assert isinstance(one.log, SqliteLog)
    assert isinstance(one.sink, ReadModel)
    one.log.close()
    one.sink.close()


def records() -> list[LogRecord]:
    """A drive through the gate and back in 24 frames, of which some come hours late."""
    feed = Feeder(Engine(0, WORLD, Rules()))
    there = drive(0, -0.08, 0.08)
    back = drive(7_200, 0.08, -0.08)
    samples = [*there, *back]
    parts = [samples[n : n + 12] for n in range(0, len(samples), 12)]
    order = [*parts[::3], *parts[1::3], *parts[2::3]]
    made = []
    for number, part in enumerate(order, 1):
        record = feed.record(part, received_s=20_000 + number)
        made.append(LogRecord(0, number, record.kind, record.received_ms, record.key, record.body))
    return made


def system(tmp_path: Path, checkpoint_every: int = 4) -> Folder:
    """A stopped system that has folded ``records``."""
    folder = Folder(tmp_path / "data")
    log = SqliteLog(folder.log)
    log.append([NewRecord(0, r.kind, r.received_ms, r.key, r.body) for r in records()])
    log.close()
    one, steps = runner(folder), 0
    while one.step().records:
        steps += 1
        if steps % checkpoint_every == 0:
            one.checkpoint()
    close(one)
    return folder


def events(path: Path) -> list[Event]:
    with ReadModel(path, 1) as read:
        return read.events_after((0,), "main", limit=100_000)


def rebuild_of(folder: Folder) -> Rebuild:
    settings = Settings(data_dir=folder.root, min_free_mb=1)
    return Rebuild(settings, folder, lambda *_: None, WORLD)


def change(folder: Folder, statement: str) -> None:
    db = sqlite3.connect(folder.read)
    with db:
        db.execute(statement)
    db.close()


def test_a_whole_log_gives_what_was_served(tmp_path: Path) -> None:
    folder = system(tmp_path)
    served = events(folder.read)
    told: list[tuple[str, int, int]] = []
    rebuild = Rebuild(Settings(data_dir=folder.root, min_free_mb=1), folder, lambda *p: told.append(p), WORLD)
    result = rebuild.run()
    assert any(event.change == "amended" for event in served)
    assert (result.comparison.same, result.comparison.equal) == (True, len(served))
    assert result.begun == "the beginning of the log"
    assert told[-1] == ("store", len(records()), len(records()))
    kept = rebuild.replace(result)
    assert "read.db.before-rebuild" in kept
    assert events(folder.read) == served == events(folder.root / "read.db.before-rebuild")
    with DuckStore(folder.store) as store:
        assert store.position(0) == len(records())
        assert len(store.track("a1", 0, 1 << 60, 1 << 20)) > 100
    assert not folder.rebuild.exists()
    again = runner(folder)
    assert again.engine.position == len(records())
    close(again)


def test_what_differs_is_counted_and_told(tmp_path: Path) -> None:
    folder = system(tmp_path)
    served = events(folder.read)
    changed, gone = served[3], served[7]
    data = json.dumps({**changed.data, "state": "lost"}, separators=(",", ":"))
    change(folder, f"UPDATE events SET data = '{data}' WHERE number = {changed.number}")
    change(folder, f"DELETE FROM events WHERE number = {gone.number}")
    change(
        folder,
        "INSERT INTO events SELECT partition, 100000, position, kind, 'visit_none', 1, change, tenant, "
        "asset, t_ms, recorded_ms, data FROM events ORDER BY number DESC LIMIT 1",
    )
    found = rebuild_of(folder).run().comparison
    assert (found.equal, found.differing, found.missing, found.more) == (len(served) - 2, 1, 1, 1)
    assert not found.same
    assert f"{changed.id} revision {changed.revision}" in found.told[0]
    assert "state was lost, is" in found.told[0]
    assert f"{gone.id} revision {gone.revision}" in found.told[1]
    assert "was not served" in found.told[1]
    assert found.told[2].startswith("visit_none revision 1")
    assert "the replay does not give it" in found.told[2]


@pytest.mark.parametrize("trimmed", [True, False])
def test_it_begins_at_the_oldest_snapshot(tmp_path: Path, trimmed: bool) -> None:
    folder = system(tmp_path)
    served = events(folder.read)
    oldest = SnapshotFiles(folder.snapshots, 0).positions()[0]
    if trimmed:
        log = SqliteLog(folder.log)
        assert log.trim(0, oldest) == oldest
        log.close()
    rebuild = rebuild_of(folder)
    result = rebuild.run(from_snapshot=not trimmed)
    assert result.begun == f"the snapshot at {oldest}"
    assert result.records == len(records()) - oldest
    assert result.comparison.same
    assert result.comparison.equal == sum(event.position > oldest for event in served) > 0
    assert "store" not in result.names
    rebuild.replace(result)
    assert events(folder.read) == served
    with ReadModel(folder.read) as new, ReadModel(folder.root / "read.db.before-rebuild") as old:
        for kind in (Kind.VISIT, Kind.CROSSING, Kind.TRIP):
            assert new.objects(kind, "main") == old.objects(kind, "main")
    one = runner(folder)
    assert one.engine.position == len(records())
    assert one.past.figures()["end"] == len(records())
    close(one)


def test_without_a_snapshot_a_trimmed_log_is_refused_until_it_is_rebuilt(tmp_path: Path) -> None:
    folder = system(tmp_path)
    served = events(folder.read)
    log = SqliteLog(folder.log)
    log.trim(0, 8)
    log.close()
    for path in folder.snapshots.iterdir():
        path.write_bytes(b"CES\n\x01\x00\x00\x00" + bytes(8))
    with pytest.raises(
        LogTrimmedError, match=r"lacks records up to 8.*version 1.*corridor rebuild --replace"
    ):
        runner(folder)
    assert len(SnapshotFiles(folder.snapshots, 0).positions()) == 3, "another release may be able to use them"
    rebuild = rebuild_of(folder)
    result = rebuild.run()
    assert result.begun.startswith("position 9")
    rebuild.replace(result)
    kept = events(folder.read)
    early = [event for event in served if event.position <= 8]
    assert kept[: len(early)] == early
    assert [event.number for event in kept] == list(range(1, len(kept) + 1))
    one = runner(folder)
    assert one.engine.position == len(records())
    close(one)


def test_events_of_records_that_were_not_folded_are_told_apart(tmp_path: Path) -> None:
    folder = system(tmp_path)
    served = events(folder.read)
    last = served[-1].position
    change(folder, f"DELETE FROM events WHERE position >= {last}")
    change(folder, f"UPDATE positions SET position = {last - 1}")
    result = rebuild_of(folder).run()
    assert result.comparison.same
    assert result.unserved == sum(event.position == last for event in served)


def test_what_retention_deleted_is_not_compared(tmp_path: Path) -> None:
    folder = system(tmp_path)
    served = events(folder.read)
    middle = served[len(served) // 2]
    with ReadModel(folder.read, 1) as read:
        assert read.trim_events(middle.recorded_ms) > 0
    result = rebuild_of(folder).run()
    assert result.comparison.same
    assert 0 < result.comparison.equal == len(served) - result.gone


def test_a_swap_that_was_interrupted_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stop in range(1, 20):
        folder = Folder(tmp_path / str(stop))
        side = Folder(folder.rebuild)
        for where, text in ((folder, "old"), (side, "new")):
            where.read.write_text(text)
            where.past.mkdir()
            (where.past / "file").write_text(text)
        (folder.root / "read.db-wal").write_text("old wal")
        left, real = stop, os.replace

        def dies(source: Path, into: Path, real: object = real) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise InterruptedError
            assert callable(real)
            real(source, into)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", dies)
            with contextlib.suppress(InterruptedError):
                swap(folder, ["read.db", "past"])
        begun = stop > 1
        finish(folder)
        found = [folder.read.read_text(), (folder.past / "file").read_text()]
        assert found == (["new", "new"] if begun else ["old", "old"])
        if begun:
            assert (folder.root / "read.db.before-rebuild").read_text() == "old"
            assert (folder.root / "read.db.before-rebuild-wal").read_text() == "old wal"
            assert (folder.root / "past.before-rebuild" / "file").read_text() == "old"
        assert not folder.rebuild.exists()
        if left > 0:
            return
    raise AssertionError("it never came to the end")


def test_an_older_copy_is_never_overwritten(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for number in range(2):
        folder.read.write_text(f"old {number}")
        Folder(folder.rebuild).read.write_text("new")
        swap(folder, ["read.db"])
    assert (tmp_path / "read.db.before-rebuild").read_text() == "old 0"
    assert (tmp_path / "read.db.before-rebuild-2").read_text() == "old 1"


def test_too_little_room_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    folder = system(tmp_path)
    rebuild = Rebuild(Settings(data_dir=folder.root, min_free_mb=1 << 40), folder, lambda *_: None, WORLD)
    with pytest.raises(RebuildError, match="too little room"):
        rebuild.run()
    assert not folder.rebuild.exists()


def test_the_verb_tells_and_returns_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = system(tmp_path)
    monkeypatch.setattr(rebuild_module, "World", lambda *_: WORLD)
    monkeypatch.setattr(geofences, "world", lambda: ((), ()))
    words = ["rebuild", "--data-dir", str(folder.root)]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "the result equals what was served" in told.out
    assert f"fold: {len(records())} of {len(records())} records (100 %)" in told.err
    assert not folder.rebuild.exists()
    change(folder, "DELETE FROM events WHERE number = 2")
    assert main([*words, "--replace"]) == 3
    told = capsys.readouterr()
    assert "1 more than served" in told.out
    assert "the result differs from what was served" in told.out
    assert "read.db.before-rebuild" in told.out
    assert main(words) == 0


def test_the_verb_refuses_a_folder_in_use_and_one_without_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rebuild", "--data-dir", str(tmp_path / "none")]) == 2
    assert "no data folder" in capsys.readouterr().err
    folder = Folder(tmp_path / "data")
    folder.hold()
    assert main(["rebuild", "--data-dir", str(folder.root)]) == 2
    assert "data folder in use" in capsys.readouterr().err
    folder.release()
    assert main(["rebuild", "--data-dir", str(folder.root)]) == 1
    assert "no log here" in capsys.readouterr().err


def test_a_record_that_can_not_be_used_is_counted(tmp_path: Path) -> None:
    folder = system(tmp_path)
    log = SqliteLog(folder.log)
    log.append([NewRecord(0, RecordKind.FRAME, 1, "k", b"garbage")])
    log.close()
    result = rebuild_of(folder).run()
    assert (result.bad_records, result.comparison.same) == (1, True)
