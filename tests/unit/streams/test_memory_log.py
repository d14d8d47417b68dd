import pytest

from streams.log import Log, LogFullError
from streams.memory_log import MemoryLog
from streams.records import NewRecord, RecordKind


def record(body: bytes, partition: int = 0, kind: RecordKind = RecordKind.FRAME) -> NewRecord:
    return NewRecord(partition, kind, 1, "", body)


def test_positions_count_from_one_in_each_partition() -> None:
    log: Log = MemoryLog(partitions=2)
    assert log.append([record(b"a"), record(b"b", 1), record(b"c")]) == [1, 1, 2]
    assert [r.body for r in log.read(0, 0, 100)] == [b"a", b"c"]
    assert [r.body for r in log.read(0, 1, 100)] == [b"c"]
    assert (log.end(0), log.end(1)) == (2, 1)


def test_a_reading_holds_at_least_one_record_and_no_more_than_asked_for() -> None:
    log = MemoryLog()
    log.append([record(b"x" * 10)] * 3)
    assert len(log.read(0, 0, 1)) == 1
    assert len(log.read(0, 0, 25)) == 2


def test_a_full_log_takes_all_or_nothing() -> None:
    log = MemoryLog(max_bytes=10)
    log.append([record(b"12345")])
    with pytest.raises(LogFullError, match="got 6 bytes, want at most 5"):
        log.append([record(b"123"), record(b"456")])
    assert log.end(0) == 1


def test_trimming_spares_commands_and_gives_room() -> None:
    log = MemoryLog(max_bytes=10)
    log.append([record(b"12345"), record(b"123", kind=RecordKind.COMMAND)])
    assert log.trim(0, 2) == 1
    assert [r.position for r in log.read(0, 0, 100)] == [2]
    assert log.append([record(b"1234567")]) == [3]
