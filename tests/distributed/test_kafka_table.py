"""The registry in a real Kafka: last value wins, what is gone is gone, and when a follower has it all."""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.kafka.settings import KafkaSettings
from streams.kafka.table import Changes, Table
from streams.kafka.topics import create
from streams.log import LogError
from tests.distributed import servers


@pytest.fixture
def settings(kafka: servers.Kafka) -> KafkaSettings:
    settings = KafkaSettings(kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=2, wait_s=20)
    create(settings)
    return settings


@pytest.fixture
def table(settings: KafkaSettings) -> Iterator[Table]:
    table = Table(settings)
    yield table
    table.close()


class Held:
    """What a follower holds."""

    def __init__(self, table: Table) -> None:
        self.values: dict[str, bytes] = {}
        self.told: queue.Queue[Changes] = queue.Queue()
        self.following = table.follow(self._changed)

    def _changed(self, changes: Changes) -> None:
        for key, value in changes:
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        self.told.put(changes)

    def until(self, key: str, value: bytes | None) -> None:
        while self.values.get(key) != value:
            self.told.get(timeout=20)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.following.close()


def test_the_last_value_of_a_key_wins_and_none_lets_go_of_it(table: Table) -> None:
    table.put("device:1", b"old")
    table.put_all({"device:1": b"new", "device:ü": b"", "device:3": b"x"})
    table.put("device:3", None)
    with Held(table) as held:
        assert held.following.caught_up.wait(20)
        assert held.values == {"device:1": b"new", "device:ü": b""}
        table.put("device:1", b"newer")
        held.until("device:1", b"newer")
        table.put("device:1", None)
        held.until("device:1", None)
        assert held.following.error is None


def test_an_empty_table_is_caught_up_with(table: Table) -> None:
    with Held(table) as held:
        assert held.following.caught_up.wait(20)
        assert held.values == {}


def test_caught_up_is_said_after_all_that_was_there(settings: KafkaSettings, table: Table) -> None:
    table.send({f"k{i}": f"{i}".encode() * 50 for i in range(20_000)})
    table.flush()
    before_that, ready = 0, threading.Event()

    def changed(changes: Changes) -> None:
        nonlocal before_that
        ready.wait()
        if not following.caught_up.is_set():
            before_that += len(changes)

    following = table.follow(changed)
    ready.set()
    assert following.caught_up.wait(30)
    table.put("k1", b"later")
    assert before_that == 20_000
    following.close()


def test_what_kafka_has_compacted_is_caught_up_with(settings: KafkaSettings, kafka: servers.Kafka) -> None:
    quick = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    quick |= {"delete.retention.ms": "0", "max.compaction.lag.ms": "100"}
    name = settings.topic("quick")
    admin = AdminClient(settings.client())
    admin.create_topics([NewTopic(name, 1, 1, config=quick)])[name].result(20)
    table = Table(settings, "quick")
    for turn in range(5):
        table.put_all({f"k{i}": f"{turn}".encode() for i in range(100)})
    table.put_all({f"k{i}": None for i in range(50)})
    with Held(table) as held:
        assert held.following.caught_up.wait(20)
        assert held.values == {f"k{i}": b"4" for i in range(50, 100)}
    table.close()


def test_a_value_that_is_too_large_is_refused_and_hurts_nothing(table: Table) -> None:
    with pytest.raises(LogError, match=r"value of b too large: got 9000001 bytes, want at most 8388480"):
        table.put_all({"a": b"", "b": bytes(9_000_000)})
    table.put("c", b"1")
    with Held(table) as held:
        assert held.following.caught_up.wait(20)
        assert held.values == {"c": b"1"}


def test_an_error_of_who_follows_ends_it_and_is_told(table: Table) -> None:
    table.put("a", b"1")

    def changed(_: Changes) -> None:
        raise ValueError("no such thing")

    following = table.follow(changed)
    following._thread.join(20)
    assert isinstance(following.error, ValueError)
    assert not following.caught_up.is_set()


def test_a_missing_table_is_told_at_once(kafka: servers.Kafka) -> None:
    table = Table(KafkaSettings(kafka.address, prefix="nowhere."))
    with pytest.raises(LogError, match=r"topic nowhere\.registry is missing"):
        table.put("a", b"1")
    following = table.follow(lambda _: None)
    following._thread.join(20)
    assert isinstance(following.error, LogError)
    table.close()
