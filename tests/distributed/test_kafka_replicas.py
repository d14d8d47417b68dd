"""Two brokers: what an append that has returned may count on."""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import stated
from streams.log import LogFullError
from streams.records import NewRecord, RecordKind
from tests.distributed import servers
from tests.distributed.process import free_port

pytestmark = pytest.mark.long

_QUICK = ("replica.lag.time.max.ms=60000", "replica.fetch.wait.max.ms=100")


def frame(body: bytes) -> NewRecord:
    return NewRecord(0, RecordKind.FRAME, 1, "a", body)


@contextmanager
def second_broker(first: servers.Kafka, folder: Path) -> Iterator[servers.Kafka]:
    """A broker more in the cluster of ``first``."""
    held = dict(line.split("=", 1) for line in _lines(first.folder / "kafka-data" / "meta.properties"))
    given = dict(line.split("=", 1) for line in _lines(first.folder / "kafka.properties"))
    data = folder / "kafka-data"
    data.mkdir(parents=True)
    directory = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    data.joinpath("meta.properties").write_text(
        f"version=1\ncluster.id={held['cluster.id']}\nnode.id=2\ndirectory.id={directory}\n"
    )
    port = free_port()
    more = ["process.roles=broker", "node.id=2", *_QUICK]
    more += [f"controller.quorum.voters={given['controller.quorum.voters']}"]
    more += [f"{name}=PLAINTEXT://127.0.0.1:{port}" for name in ("listeners", "advertised.listeners")]
    with servers.kafka(folder, settings=more, port=port) as server:
        yield server


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]


def test_an_append_returns_when_every_replica_in_sync_has_it(tmp_path: Path) -> None:
    with (
        servers.kafka(tmp_path / "1", settings=_QUICK) as first,
        second_broker(first, tmp_path / "2") as second,
    ):
        settings = KafkaSettings(first.address, replication=2, wait_s=20)
        _led_by_the_first(settings)
        log = KafkaLog(settings)
        assert log.append([frame(b"both")]) == [1]
        second.pause()
        with ThreadPoolExecutor(1) as thread:
            under_way = thread.submit(log.append, [frame(b"waits")])
            with pytest.raises(LateError):
                under_way.result(3)
            assert log.end(0) == 1  # no reader sees what one replica alone has
            second.resume()
            assert under_way.result(20) == [2]
        assert [r.body for r in log.read(0, 0, 100)] == [b"both", b"waits"]
        log.close()


def test_with_fewer_replicas_in_sync_than_stated_nothing_is_taken_until_they_are_back(tmp_path: Path) -> None:
    with (
        servers.kafka(tmp_path / "1", settings=_QUICK) as first,
        second_broker(first, tmp_path / "2") as second,
    ):
        settings = KafkaSettings(first.address, replication=2, wait_s=2)
        _led_by_the_first(settings)
        log = KafkaLog(settings)
        assert log.append([frame(b"both")]) == [1]
        second.stop()
        with pytest.raises(LogFullError) as caught:
            log.append([frame(b"refused")])
        assert caught.value.retry_after > 0
        second.start()
        position = _appended(log, frame(b"taken"))
        bodies = [r.body for r in log.read(0, 0, 100)]
        assert bodies[position - 1] == b"taken"
        assert bodies[0] == b"both"
        log.close()


def _appended(log: KafkaLog, record: NewRecord) -> int:
    for _ in range(20):
        try:
            return log.append([record])[0]
        except LogFullError:
            continue
    pytest.fail("the log takes nothing")


def _led_by_the_first(settings: KafkaSettings) -> None:
    """Make the log as it is stated, with both copies in sync and the broker that stays as its leader."""
    admin, (log, *_) = AdminClient(settings.client()), stated(settings)
    new = NewTopic(log.name, 1, replica_assignment=[[1, 2]], config=log.config)
    admin.create_topics([new])[log.name].result(30)
    for _ in range(200):
        made = admin.list_topics(log.name, timeout=10).topics[log.name].partitions.get(0)
        if made is not None and sorted(made.isrs) == [1, 2]:
            return
    pytest.fail("the second broker does not get in sync")
