"""Kafka stopped, frozen and killed under the log, the sink, the feed and the members."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from streams.events import Change, Event, Kind
from streams.kafka.client import LogAwayError
from streams.kafka.feed import EventFeed
from streams.kafka.log import KafkaLog
from streams.kafka.members import Members
from streams.kafka.settings import KafkaSettings
from streams.kafka.sink import KafkaSink, SinkAwayError
from streams.kafka.table import Changes, Table
from streams.kafka.topics import create
from streams.log import LogFullError
from streams.records import NewRecord, RecordKind
from tests.distributed import servers

pytestmark = pytest.mark.long

_T = TypeVar("_T")


def frame(body: bytes, partition: int = 0) -> NewRecord:
    return NewRecord(partition, RecordKind.FRAME, 1, "a", body)


def event(number: int) -> Event:
    return Event(0, number, number, Kind.TRIP, f"trip_{number}", 1, Change.CREATED, "main", "a", 1, 2, {})


def again(call: Callable[[], _T], away: type[Exception] = LogAwayError) -> _T:
    """What ``call`` gives once Kafka is back."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return call()
        except away:
            assert time.monotonic() < deadline


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Kafka]:
    with servers.kafka(tmp_path) as broker:
        yield broker


@pytest.fixture
def settings(broker: servers.Kafka) -> KafkaSettings:
    settings = KafkaSettings(broker.address, partitions=2, wait_s=1.5)
    create(settings)
    return settings


def _within(seconds: float, call: Callable[[], object]) -> LogFullError:
    """The LogFullError that ``call`` raises, which it must do within that time."""
    began = time.monotonic()
    with pytest.raises(LogFullError) as caught:
        call()
    assert time.monotonic() - began < seconds
    assert caught.value.retry_after > 0
    return caught.value


def _outages(broker: servers.Kafka) -> list[tuple[Callable[[], None], Callable[[], None]]]:
    return [
        (broker.stop, broker.start),
        (broker.pause, broker.resume),
        (broker.kill, broker.start),
    ]


@pytest.mark.timeout(180)
def test_a_log_without_its_broker_says_so_in_time_and_works_again_by_itself(
    broker: servers.Kafka, settings: KafkaSettings
) -> None:
    log, late = KafkaLog(settings), KafkaLog(settings)
    assert again(lambda: log.append([frame(b"before")]))
    assert log.read(0, 0, 1)[0].body == b"before"
    for end, back in (
        (broker.stop, broker.start),
        (broker.pause, broker.resume),
        (broker.kill, broker.start),
    ):
        end()
        _within(30, lambda: log.append([frame(b"away")]))
        _within(30, lambda: log.end(0))
        _within(30, lambda: log.read(1, 0, 100))
        _within(30, lambda: late.append([frame(b"away")]))  # one that was never connected, in the first turn
        back()
        position = again(lambda: log.append([frame(b"back")]))[0]
        assert log.read(0, position - 1, 1)[0].body == b"back"
        assert again(lambda: late.append([frame(b"back")]))
    # what was told as not appended may be there: it was given up, not taken back
    assert {r.body for r in log.read(0, 0, 1 << 20)} <= {b"before", b"away", b"back"}
    log.close()
    late.close()


def test_many_appends_to_a_broker_that_is_away_hold_little_memory(
    broker: servers.Kafka, settings: KafkaSettings
) -> None:
    log = KafkaLog(settings)
    again(lambda: log.append([frame(b"x")]))
    broker.stop()
    body = bytes(1 << 20)
    resident = []
    for _ in range(4):
        _within(30, lambda: log.append([frame(body)] * 200))
        resident.append(_resident() >> 20)
    assert max(resident) - min(resident) < 64, resident  # MB: what was given up is let go of
    broker.start()
    assert again(lambda: log.append([frame(b"back")]))
    log.close()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.timeout(180)
def test_every_append_that_returned_is_there_after_the_broker_was_killed(
    broker: servers.Kafka, settings: KafkaSettings
) -> None:
    log = KafkaLog(settings)
    stop = threading.Event()
    returned: list[list[tuple[int, int, bytes]]] = [[], [], []]

    def write(worker: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            bodies = [f"{worker}.{turn}.{i}.".encode() + bytes(2000) for i in range(5)]
            try:
                positions = log.append([frame(body, worker % 2) for body in bodies])
            except LogAwayError:
                continue
            returned[worker] += [(worker % 2, p, b) for p, b in zip(positions, bodies, strict=True)]

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        counts = [len(told) for told in returned]
        while any(len(told) < count + 100 for told, count in zip(returned, counts, strict=True)):
            stop.wait(0.01)
        broker.kill()
        broker.start()
    counts = [len(told) for told in returned]
    while any(len(told) < count + 10 for told, count in zip(returned, counts, strict=True)):
        stop.wait(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    there: dict[tuple[int, int], bytes] = {}
    for partition in (0, 1):
        at = 0
        while records := log.read(partition, at, 1 << 20):
            there |= {(partition, r.position): r.body for r in records}
            assert [r.position for r in records] == list(range(at + 1, at + 1 + len(records)))
            at = records[-1].position
    for told in returned:
        assert [b for p, at, b in told if there.get((p, at)) != b] == []
        places = [at for _, at, _ in told]
        assert places == sorted(set(places))
    log.close()


@pytest.mark.timeout(180)
def test_a_sink_keeps_the_order_over_a_broker_that_goes_and_comes(
    broker: servers.Kafka, settings: KafkaSettings
) -> None:
    sink = KafkaSink(settings)
    number = 0
    for end, back in (
        (broker.stop, broker.start),
        (broker.kill, broker.start),
        (broker.pause, broker.resume),
    ):
        for _ in range(50):
            number += 1
            sink.apply(0, number, [event(number)])
        end()
        for _ in range(50):
            number += 1
            sink.apply(0, number, [event(number)])
        with pytest.raises(SinkAwayError, match="not confirmed within 1 s"):
            sink.flush(1)
        assert sink.last_number(0) == number  # it still waits, in order
        back()
        again(lambda: sink.flush(5), SinkAwayError)
    feed = EventFeed(settings)
    found = [e.number for batch in feed.read(10) for e in batch.events]
    while not feed.caught_up:
        found += [e.number for batch in feed.read(10) for e in batch.events]
    assert found == list(range(1, number + 1))
    feed.close()
    sink.close()


def test_a_sink_whose_queue_is_full_gives_up_and_begins_again_where_the_topic_ends(
    broker: servers.Kafka, settings: KafkaSettings
) -> None:
    sink = KafkaSink(settings)
    sink.apply(0, 1, [event(1)])
    sink.flush()
    broker.stop()
    before = _resident()
    rng = random.Random(1)
    with pytest.raises(SinkAwayError, match="too much waits"):
        _fill(sink, rng)
    assert sink.waiting() == 0
    assert _resident() - before < 250 << 20
    _within(30, lambda: sink.position(0))
    broker.start()
    assert again(lambda: sink.position(0)) == 1
    sink.apply(0, 2, [event(2)])
    sink.flush()
    assert sink.last_number(0) == 2
    sink.close()


def _fill(sink: KafkaSink, rng: random.Random) -> None:
    for number in range(2, 300):
        data = {"x": rng.randbytes(250_000).hex()}
        sink.apply(0, number, [Event(0, number, number, *_rest(number), data)])


def _rest(number: int) -> tuple[Kind, str, int, Change, str, str, int, int]:
    return Kind.TRIP, f"trip_{number}", 1, Change.CREATED, "main", "a", 1, 2


@pytest.mark.timeout(180)
def test_feed_table_and_members_wait_for_a_broker_that_is_away(
    broker: servers.Kafka, settings: KafkaSettings
) -> None:
    sink, feed, table = KafkaSink(settings), EventFeed(settings), Table(settings)
    sink.apply(0, 1, [event(1)])
    sink.flush()
    table.put("a", b"1")
    assert [len(batch.events) for batch in feed.read(10)] == [1]
    values: dict[str, bytes | None] = {}
    owned: set[int] = set()
    told = threading.Event()

    def changed(changes: Changes) -> None:
        values.update(changes)
        told.set()

    def came(partitions: frozenset[int]) -> None:
        owned.update(partitions)
        told.set()

    broker.kill()
    _within(30, lambda: EventFeed(settings).read())
    _within(30, lambda: table.put("a", b"2"))
    _within(30, feed.lag)
    assert feed.read(0.5) == []
    following = table.follow(changed)
    members = Members(settings, "store", came, owned.difference_update, session_s=1.5)
    broker.start()
    again(lambda: table.put("a", b"3"))
    while values.get("a") != b"3" or owned != {0, 1}:
        assert told.wait(30)
        told.clear()
    sink.apply(0, 2, [event(2)])
    again(lambda: sink.flush(5), SinkAwayError)
    found = feed.read(10)
    while not found:
        found = feed.read(10)
    assert [e.number for batch in found for e in batch.events] == [2]
    assert members.error is None
    assert following.error is None
    members.close()
    following.close()
    table.close()
    feed.close()
    sink.close()
