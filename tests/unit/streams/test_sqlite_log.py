"""The embedded log: order, atomic groups, two processes, damage and a full disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.log import LogCorruptError, LogError, LogFullError
from streams.records import NewRecord, RecordKind
from streams.sqlite_log import SqliteLog


def frame(partition: int, body: bytes, kind: RecordKind = RecordKind.FRAME) -> NewRecord:
    return NewRecord(partition, kind, 1_700_000_000_000, "a", body)


def test_positions_count_from_one_without_holes_in_each_partition(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=2)
    assert log.append([frame(0, b"a"), frame(1, b"b"), frame(0, b"c")]) == [1, 1, 2]
    assert log.append([frame(1, b"d")]) == [2]
    assert [(r.position, r.body) for r in log.read(0, 0, 1 << 20)] == [(1, b"a"), (2, b"c")]
    assert [(r.position, r.body) for r in log.read(1, 1, 1 << 20)] == [(2, b"d")]
    assert (log.end(0), log.end(1)) == (2, 2)


def test_read_gives_at_least_one_record_and_stops_at_the_size(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([frame(0, bytes(100)) for _ in range(5)])
    assert [r.position for r in log.read(0, 0, 10)] == [1]
    assert [r.position for r in log.read(0, 1, 250)] == [2, 3]


def test_reopening_gives_what_was_appended_and_refuses_another_number_of_partitions(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=2)
    log.append([frame(1, b"x")])
    log.close()
    assert SqliteLog(tmp_path / "log.db", partitions=2).read(1, 0, 100)[0].body == b"x"
    with pytest.raises(LogError, match="has 2 partitions, asked for 3"):
        SqliteLog(tmp_path / "log.db", partitions=3)


def test_trim_forgets_frames_keeps_commands_and_never_reuses_positions(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([frame(0, b"1"), frame(0, b"2", RecordKind.COMMAND), frame(0, b"3")])
    assert log.trim(0, 3) == 2
    assert [(r.position, r.body) for r in log.read(0, 0, 100)] == [(2, b"2")]
    assert log.append([frame(0, b"4")]) == [4]


def test_appends_of_another_process_interleave(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path)
    script = (
        "from pathlib import Path; import sys\n"
        "from streams.sqlite_log import SqliteLog\n"
        "from streams.records import NewRecord, RecordKind\n"
        "log = SqliteLog(Path(sys.argv[1]))\n"
        "for i in range(50): log.append([NewRecord(0, RecordKind.FRAME, 1, 'k', b'other')])\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(path)])
    mine = [log.append([frame(0, b"mine")])[0] for _ in range(50)]
    assert other.wait(60) == 0
    records = log.read(0, 0, 1 << 20)
    assert [r.position for r in records] == list(range(1, 101))
    assert [r.position for r in records if r.body == b"mine"] == mine


def test_a_damaged_tail_is_cut_off_and_said(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path)
    log.append([frame(0, bytes([i]) * 50) for i in range(10)])
    log.close()
    db = sqlite3.connect(path)
    db.execute("update records set body = x'00' where id in (9, 10)")
    db.commit()
    db.close()
    again = SqliteLog(path)
    assert again.recovered == "cut 2 damaged records at the end of partition 0, from 9 on"
    assert [r.position for r in again.read(0, 0, 1 << 20)] == list(range(1, 9))
    assert again.append([frame(0, b"new")]) == [11]  # a store that had read 9 and 10 would miss another 9


@pytest.mark.parametrize("cut", [0.15, 0.5, 0.9])
def test_a_torn_file_is_set_aside_and_its_readable_start_saved(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path)
    bodies = [bytes([i % 251]) * 9000 for i in range(200)]
    log.append([frame(0, body) for body in bodies])
    log.close()
    whole = path.read_bytes()
    at = int(len(whole) * cut)
    path.write_bytes(whole[:at] + bytes(len(whole) - at))
    again = SqliteLog(path)
    try:
        kept = again.read(0, 0, 1 << 30)
    except LogCorruptError:
        pytest.fail("damage that opening left in place")
    assert again.recovered is not None
    assert len(kept) < 200
    assert [r.body for r in kept] == bodies[: len(kept)]
    assert list(tmp_path.glob("log.db.damaged-1"))
    assert again.append([frame(0, b"new")]) == [len(kept) + 1]


def test_a_full_database_appends_nothing_and_resumes(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([frame(0, b"before")])
    pages = log._connection().execute("pragma page_count").fetchone()[0]
    log._connection().execute(f"pragma max_page_count = {pages + 2}")
    with pytest.raises(LogFullError) as caught:
        log.append([frame(0, bytes(16000)) for _ in range(20)])
    assert caught.value.retry_after > 0
    assert log.end(0) == 1
    log._connection().execute("pragma max_page_count = 1000000")
    assert log.append([frame(0, b"after")]) == [2]


def test_a_nearly_full_disk_is_refused_before_sqlite_meets_it(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", min_free_bytes=1 << 60)
    with pytest.raises(LogFullError, match=r"disk nearly full: got .* bytes free, want at least"):
        log.append([frame(0, b"x")])


def test_what_is_old_ends_before_the_first_record_that_is_not(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([NewRecord(0, RecordKind.FRAME, t, "k", b"x") for t in (10, 20, 30, 25, 40)])
    assert log.position_before(0, 25, limit=5) == 2
    assert log.position_before(0, 100, limit=3) == 3
    assert log.position_before(0, 5, limit=5) == 0


def test_several_processes_may_open_a_new_log_at_once(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; import sys\n"
        "from streams.sqlite_log import SqliteLog\n"
        "sys.stdin.readline()\n"
        "for i in range(25): SqliteLog(Path(sys.argv[1]) / f'{i}.db').close()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    others = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    time.sleep(0.5)
    ends = []
    for other in others:
        assert other.stdin is not None
        other.stdin.write(b"go\n")
        other.stdin.flush()
    for other in others:
        ends.append((other.communicate(timeout=60)[1], other.returncode))
    assert ends == [(b"", 0), (b"", 0)]


def test_a_log_that_can_not_be_read_now_is_not_taken_for_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path)
    log.append([frame(0, b"kept")])

    def locked(*_: object) -> int:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(SqliteLog, "_end", locked)
        with pytest.raises(LogError, match="database is locked"):
            SqliteLog(path)
    assert not list(tmp_path.glob("log.db.damaged*"))
    log.append([frame(0, b"seen")])
    assert [r.body for r in SqliteLog(path).read(0, 0, 100)] == [b"kept", b"seen"]


@pytest.mark.parametrize("dying", range(1, 5))
def test_a_crash_while_saving_a_damaged_log_loses_nothing_that_was_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dying: int
) -> None:
    path = tmp_path / "log.db"
    log = SqliteLog(path)
    log.append([frame(0, bytes([i % 251]) * 9000) for i in range(100)])
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    path.with_name("log.db-wal").write_bytes(b"")
    calls, replace = 0, os.replace

    def dies(*names: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == dying:
            raise KeyboardInterrupt
        replace(*names)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", dies)
        with contextlib.suppress(KeyboardInterrupt):
            SqliteLog(path)
    kept = [r.position for r in SqliteLog(path).read(0, 0, 1 << 30)]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) > 40


def test_trimming_that_fails_leaves_the_log_writable(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([frame(0, b"x") for _ in range(600)])
    db = log._connection()
    db.execute("create temp trigger full before delete on records begin select raise(abort, 'disk'); end")
    with pytest.raises(sqlite3.IntegrityError):
        log.trim(0, 600)
    db.execute("drop trigger full")
    assert log.append([frame(0, b"y")]) == [601]
    assert log.trim(0, 600) == 600
    assert [r.position for r in log.read(0, 0, 100)] == [601]


def test_positions_that_a_consumer_knows_are_skipped(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append([frame(0, b"x")])
    log.skip(0, 7)
    log.skip(0, 3)
    assert log.append([frame(0, b"y")]) == [8]
