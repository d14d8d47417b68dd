"""The embedded log: order, atomic groups, two processes, damage and a full disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
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
    assert again.end(0) == 8
    assert again.append([frame(0, b"new")]) == [9]


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
