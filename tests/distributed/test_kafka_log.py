"""The log in a real Kafka: the contract of ``streams.log.Log``, sizes, many readers, many threads."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.kafka.clock import Clock
from streams.kafka.log import KafkaLog
from streams.kafka.settings import MAX_MESSAGE_BYTES, KafkaSettings
from streams.kafka.topics import create
from streams.kafka.wire import OVERHEAD
from streams.log import Log, LogError, LogFullError
from streams.memory_log import MemoryLog
from streams.records import NewRecord, RecordKind
from tests.distributed import servers

Make = Callable[[int], KafkaSettings]


def frame(partition: int, body: bytes, kind: RecordKind = RecordKind.FRAME, key: str = "a") -> NewRecord:
    return NewRecord(partition, kind, 1_700_000_000_123, key, body)


@pytest.fixture
def settings(kafka: servers.Kafka) -> KafkaSettings:
    return KafkaSettings(kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=2, wait_s=20)


@pytest.fixture
def log(settings: KafkaSettings) -> Iterator[KafkaLog]:
    create(settings)
    log = KafkaLog(settings)
    yield log
    log.close()


def test_positions_count_from_one_without_holes_in_each_partition(log: Log) -> None:
    assert log.append([frame(0, b"a"), frame(1, b"b"), frame(0, b"c")]) == [1, 1, 2]
    assert log.append([frame(1, b"d")]) == [2]
    assert [(r.position, r.body) for r in log.read(0, 0, 1 << 20)] == [(1, b"a"), (2, b"c")]
    assert [(r.position, r.body) for r in log.read(1, 1, 1 << 20)] == [(2, b"d")]
    assert (log.end(0), log.end(1), log.trimmed(0)) == (2, 2, 0)
    assert log.append([]) == []


def test_whatever_is_done_it_answers_as_a_log_in_memory_does(log: Log) -> None:
    rng, model = random.Random(11), MemoryLog(partitions=2)
    for _ in range(150):
        bodies = [rng.randbytes(rng.choice([0, 1, 50, 4000])) for _ in range(rng.randrange(4))]
        records = [frame(rng.randrange(2), body, rng.choice(list(RecordKind))) for body in bodies]
        assert log.append(records) == model.append(records)
        partition = rng.randrange(2)
        assert log.end(partition) == model.end(partition)
        question = partition, rng.randrange(model.end(partition) + 2), rng.choice([0, 1, 100, 5000, 1 << 20])
        _, after, max_bytes = question
        got, want = log.read(*question), model.read(*question)
        assert got == want[: len(got)]
        assert bool(got) == bool(want)
        while len(got) < len(want):  # it may give less at once, as the port allows
            room = max_bytes - sum(len(record.body) for record in got)
            got += log.read(partition, after + len(got), room)
            assert got == want[: len(got)]


def test_more_partitions_than_readers_are_kept_for(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.reading._IDLE", (2, 3))
    many = replace(settings, partitions=5)
    create(many)
    log = KafkaLog(many)
    log.append([frame(p, f"{p}.{i}".encode() * 100) for i in range(8) for p in range(5)])
    at = [0] * 5
    for turn in range(8):
        for partition in range(5):
            (record,) = log.read(partition, at[partition], 1)
            assert record.body == f"{partition}.{turn}".encode() * 100
            at[partition] = record.position
    assert len(log._readers._idle) == 3
    log.close()


def test_a_record_comes_back_as_it_was_given(log: Log) -> None:
    given = [
        NewRecord(1, kind, 1_700_000_000_000 + kind, key, bytes([kind]) * kind)
        for kind, key in zip(RecordKind, ["", "ключ", "k" * 300, "a/b"], strict=True)
    ]
    log.append([*given, NewRecord(1, RecordKind.TICK, -1, "", b"")])
    found = log.read(1, 0, 1 << 20)
    assert [(r.partition, r.kind, r.received_ms, r.key, r.body) for r in found[:4]] == [
        (1, g.kind, g.received_ms, g.key, g.body) for g in given
    ]
    assert (found[4].received_ms, found[4].body) == (-1, b"")


def test_read_gives_at_least_one_record_and_stops_at_the_size(log: Log) -> None:
    log.append([frame(0, bytes(100)) for _ in range(5)])
    assert [r.position for r in log.read(0, 0, 10)] == [1]
    assert [r.position for r in log.read(0, 1, 250)] == [2, 3]
    assert [r.position for r in log.read(0, 3, 250)] == [4, 5]
    assert log.read(0, 5, 250) == []
    assert log.read(0, 9, 250) == []


def test_the_largest_record_is_read_whole_among_small_ones(log: Log) -> None:
    large = frame(0, bytes(MAX_MESSAGE_BYTES - OVERHEAD - 1))
    log.append([frame(0, b"first"), large, frame(0, b"last")])
    at, sizes = 0, []
    while records := log.read(0, at, 1000):
        sizes.append([len(r.body) for r in records])
        at = records[-1].position
    assert sizes == [[5], [MAX_MESSAGE_BYTES - OVERHEAD - 1], [4]]


def test_a_record_that_is_too_large_is_refused_with_all_of_its_append_and_hurts_nothing(log: Log) -> None:
    with pytest.raises(LogError, match="got 9000001 bytes with its key, want at most 8388480") as caught:
        log.append([frame(0, b"x"), frame(0, bytes(9_000_000))])
    assert not isinstance(caught.value, LogFullError)
    assert log.end(0) == 0
    assert log.append([frame(0, b"next")]) == [1]


def test_an_append_of_more_than_the_queue_holds_goes_through(log: Log) -> None:
    bodies = [bytes([i]) * (4 << 20) for i in range(24)]  # 96 MB; 64 MB may wait
    positions = log.append([frame(0, body) for body in bodies])
    assert positions == list(range(1, 25))
    at = 0
    for body in bodies:
        (record,) = log.read(0, at, 1)
        assert record.body == body
        at = record.position


def test_a_partition_that_is_not_there_is_refused(log: Log) -> None:
    for call in (
        lambda: log.append([frame(2, b"x")]),
        lambda: log.read(2, 0, 1),
        lambda: log.end(-1),
        lambda: log.trimmed(2),
        lambda: log.trim(2, 1),
    ):
        with pytest.raises(LogError, match=r"no such partition: got -?[12], want 0 to 1"):
            call()


def test_trim_lets_go_of_nothing_and_what_retention_took_is_told(log: KafkaLog) -> None:
    log.append([frame(0, str(i).encode()) for i in range(10)])
    assert log.trim(0, 5) == 0
    assert len(log.read(0, 0, 1 << 20)) == 10
    _delete_before(log, 0, offset=6)
    assert (log.trimmed(0), log.end(0)) == (6, 10)
    assert [r.position for r in log.read(0, 0, 1 << 20)] == [7, 8, 9, 10]
    assert [r.position for r in log.read(0, 8, 1 << 20)] == [9, 10]
    _delete_before(log, 0, offset=10)
    assert (log.trimmed(0), log.end(0)) == (10, 10)
    assert log.read(0, 0, 1 << 20) == []
    assert log.append([frame(0, b"new")]) == [11]
    assert [r.position for r in log.read(0, 10, 1 << 20)] == [11]


def test_a_reader_that_retention_overtook_goes_on_where_records_begin(log: KafkaLog) -> None:
    log.append([frame(0, bytes(1000)) for _ in range(10)])
    assert [r.position for r in log.read(0, 0, 2000)] == [1, 2]
    other = KafkaLog(log.settings)
    assert other.read(0, 9, 100)[0].position == 10  # it stays at the end, where retention is to come
    _delete_before(log, 0, offset=10)
    assert log.append([frame(0, b"a")]) == [11]
    assert other.read(0, 10, 100)[0].position == 11
    seen, at = [], 2
    while records := log.read(0, at, 2000):
        seen += [r.position for r in records]
        at = seen[-1]
    assert seen[-1] == 11
    assert seen == sorted(set(seen))
    other.close()


def test_many_readers_of_one_log_each_get_all_in_order(log: KafkaLog) -> None:
    log.append([frame(i % 2, f"{i}".encode() * 500) for i in range(2000)])

    def follow(partition: int, max_bytes: int) -> list[int]:
        at, found = 0, []
        while records := log.read(partition, at, max_bytes):
            found += [r.position for r in records]
            at = found[-1]
        return found

    with ThreadPoolExecutor(12) as threads:
        sizes = [1, 3_000, 100_000, 1 << 20] * 3
        results = list(threads.map(follow, [i % 2 for i in range(12)], sizes))
    assert all(found == list(range(1, 1001)) for found in results)


def test_many_threads_append_and_each_gets_its_own_positions(log: KafkaLog) -> None:
    start = threading.Barrier(8)

    def write(worker: int) -> list[tuple[int, bytes]]:
        start.wait()
        found = []
        for turn in range(40):
            bodies = [f"{worker}.{turn}.{i}".encode() for i in range(3)]
            found += list(zip(log.append([frame(0, body) for body in bodies]), bodies, strict=True))
        return found

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(write, range(8)))
    there = {r.position: r.body for r in log.read(0, 0, 1 << 20)}
    assert list(there) == list(range(1, 8 * 40 * 3 + 1))
    for told in results:
        assert all(there[position] == body for position, body in told)
        assert [position for position, _ in told] == sorted(position for position, _ in told)


def test_two_logs_of_one_topic_see_each_other(log: KafkaLog) -> None:
    other = KafkaLog(log.settings)
    assert log.append([frame(0, b"mine")]) == [1]
    assert other.append([frame(0, b"theirs")]) == [2]
    assert [r.body for r in log.read(0, 0, 100)] == [b"mine", b"theirs"]
    assert log.append([frame(0, b"again")]) == [3]
    assert [r.body for r in other.read(0, 2, 100)] == [b"again"]
    other.close()


def test_what_somebody_else_put_into_the_topic_stops_no_reader(log: KafkaLog) -> None:
    stranger = Producer({"bootstrap.servers": log.settings.servers})
    stranger.produce(log.topic, b"by hand", partition=0)
    stranger.produce(log.topic, None, key=b"\xff", partition=0)
    stranger.flush(20)
    log.append([frame(0, b"ours")])
    found = log.read(0, 0, 100)
    assert [(r.kind, r.key, r.body) for r in found] == [
        (RecordKind.FRAME, "", b"by hand"),
        (RecordKind.FRAME, "\N{REPLACEMENT CHARACTER}", b""),
        (RecordKind.FRAME, "a", b"ours"),
    ]


def test_a_missing_topic_and_another_number_of_partitions_are_told_at_once(settings: KafkaSettings) -> None:
    log = KafkaLog(settings)
    for call in (lambda: log.append([frame(0, b"x")]), lambda: log.read(0, 0, 1), lambda: log.end(0)):
        with pytest.raises(LogError, match=r"\.log is missing; run `corridor topics create`") as caught:
            call()
        assert not isinstance(caught.value, LogFullError)
    admin = AdminClient(settings.client())
    admin.create_topics([NewTopic(log.topic, 3, 1)])[log.topic].result(20)
    for call in (lambda: log.append([frame(0, b"x")]), lambda: log.read(0, 0, 1), lambda: log.end(0)):
        with pytest.raises(LogError, match="got 3 partitions, want 2"):
            call()
    log.close()


def test_a_closed_log_says_so(log: KafkaLog) -> None:
    log.append([frame(0, b"x")])
    log.close()
    with pytest.raises(LogError, match="is closed"):
        log.append([frame(0, b"x")])
    with pytest.raises(LogError, match="is closed"):
        log.read(0, 0, 1)


def _delete_before(log: KafkaLog, partition: int, offset: int) -> None:
    """What retention does, at once."""
    admin = AdminClient(log.settings.client())
    (future,) = admin.delete_records([TopicPartition(log.topic, partition, offset)]).values()
    future.result(20)


@pytest.mark.parametrize("ahead_ms", [3_600_000, -3_600_000])
def test_a_machine_whose_clock_is_off_appends_nothing(settings: KafkaSettings, ahead_ms: int) -> None:
    create(settings)
    off = [ahead_ms]
    log = KafkaLog(settings, Clock(lambda: time.time_ns() // 1_000_000 + off[0]))
    try:
        with pytest.raises(LogFullError, match=r"clock is 3[56]\d\d s"):
            log.append([frame(0, b"a")])
        assert log.end(0) == 0
        off[0] = 0
        deadline = time.monotonic() + 30
        while True:
            try:
                assert log.append([frame(0, b"b")]) == [1]
                break
            except LogFullError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        log.close()
