"""The topics as they are stated: made once by an operator, checked by every process that starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from streams.kafka.client import Trouble
from streams.kafka.settings import MAX_MESSAGE_BYTES, KafkaSettings

LOG, EVENTS, REGISTRY = "log", "events", "registry"
DEADLETTERS, POSITIONS, DELIVERIES = "deadletters", "positions", "deliveries"
_HOUR_MS: Final = 3_600_000


class TopicsError(Exception):
    """Topics are not as stated; one line each."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it must be; ``config`` holds Kafka's own settings."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is not as stated. With a ``fatal`` one no process starts."""

    text: str
    fatal: bool


def stated(settings: KafkaSettings) -> tuple[Topic, ...]:
    """All topics of the system."""
    partitions, keep = settings.partitions, str(settings.retention_ms)
    return (
        _topic(settings, LOG, partitions, **{"retention.ms": keep, "segment.bytes": str(256 << 20)}),
        _topic(settings, EVENTS, partitions, **{"retention.ms": "-1"}),
        _topic(settings, REGISTRY, 1, **{"cleanup.policy": "compact", "segment.ms": str(24 * _HOUR_MS)}),
        _topic(settings, DEADLETTERS, partitions, **{"retention.ms": keep}),
        _topic(
            settings,
            POSITIONS,
            partitions,
            **{
                "retention.ms": str(_HOUR_MS),
                "segment.ms": str(_HOUR_MS // 4),
                "segment.bytes": str(64 << 20),
            },
        ),
        _topic(settings, DELIVERIES, partitions, **{"cleanup.policy": "compact"}),
    )


def _topic(settings: KafkaSettings, name: str, partitions: int, **config: str) -> Topic:
    common = {
        "cleanup.policy": "delete",
        "retention.bytes": "-1",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "min.insync.replicas": str(settings.in_sync),
        "unclean.leader.election.enable": "false",
        "message.timestamp.type": "LogAppendTime",  # retention goes by our own clocks else, also in a replay
    }
    if settings.replication == 1 and name in (LOG, EVENTS, REGISTRY, DELIVERIES):
        common["flush.messages"] = "1"  # one copy: durable is on the disk, not in a page cache
    return Topic(settings.topic(name), partitions, settings.replication, common | config)


def create(settings: KafkaSettings) -> list[str]:
    """Make what is missing and return the names; what is there stays as it is. Raises TopicsError."""
    admin = _Asking(settings)
    there = _partitions(admin, settings)
    missing = [topic for topic in stated(settings) if topic.name not in there]
    if not missing:
        return []
    new = [NewTopic(t.name, t.partitions, t.replication, config=t.config) for t in missing]
    made, wrong = [], []
    for name, future in admin.create_topics(new, operation_timeout=20, request_timeout=30).items():
        try:
            future.result(35)
            made.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                wrong.append(f"topic {name} not made: {error.args[0].str()}")
    if wrong:
        raise TopicsError("\n".join(wrong))
    deadline = time.monotonic() + 4 * settings.wait_s
    while not _led(admin, made, settings.wait_s) and time.monotonic() < deadline:
        time.sleep(0.05)
    return made


def _led(admin: AdminClient, names: Sequence[str], wait_s: float) -> bool:
    """Whether each partition has its leader, so that it can be used."""
    there = admin.list_topics(timeout=wait_s).topics
    return all(
        name in there
        and there[name].partitions
        and all(one.leader >= 0 for one in there[name].partitions.values())
        for name in names
    )


def check(settings: KafkaSettings, names: Sequence[str] = ()) -> None:
    """Raises TopicsError when a topic is missing or has another number of partitions, or Kafka is away.

    ``names``: only these of the stated topics ("log", "events" ...); none: all.
    """
    there = _partitions(_Asking(settings), settings)
    wanted = {settings.topic(name) for name in names}
    topics = [topic for topic in stated(settings) if not wanted or topic.name in wanted]
    wrong = [problem.text for topic in topics for problem in _counted(topic, there)]
    if wrong:
        raise TopicsError("\n".join(wrong))


def problems(settings: KafkaSettings) -> list[Problem]:
    """All that is not as stated; more replicas, space or time is right too. Raises TopicsError."""
    admin = _Asking(settings)
    there = _partitions(admin, settings)
    found = []
    for topic in stated(settings):
        found += _counted(topic, there)
        if topic.name in there:
            copies = min(there[topic.name].values(), default=0)
            if copies < topic.replication:
                found.append(
                    Problem(f"topic {topic.name}: got {copies} replicas, want {topic.replication}", False)
                )
            found += _configured(topic, _config(admin, topic.name, settings.wait_s))
    return found


def _counted(topic: Topic, there: dict[str, dict[int, int]]) -> list[Problem]:
    if topic.name not in there:
        return [Problem(f"topic {topic.name} is missing; run `corridor topics create`", True)]
    found = len(there[topic.name])
    if found == topic.partitions:
        return []
    return [Problem(f"topic {topic.name}: got {found} partitions, want {topic.partitions}", True)]


def _configured(topic: Topic, found: dict[str, str | None]) -> list[Problem]:
    wrong = []
    for name in ("cleanup.policy", "message.timestamp.type", "unclean.leader.election.enable"):
        if found.get(name) != topic.config[name]:
            wrong.append((name, found.get(name), topic.config[name]))
    for name in ("max.message.bytes", "min.insync.replicas", "retention.ms", "retention.bytes"):
        want = topic.config.get(name)
        if want is not None and _less(found.get(name), want, unlimited=name.startswith("retention")):
            wrong.append((name, found.get(name), f"at least {want}" if want != "-1" else "-1"))
    flush = topic.config.get("flush.messages")
    if flush is not None and found.get("flush.messages") != flush:
        wrong.append(("flush.messages", found.get("flush.messages"), f"{flush} (there is one copy)"))
    return [
        Problem(f"topic {topic.name}: {name}: got {got}, want {want}", False) for name, got, want in wrong
    ]


def _less(got: str | None, want: str, *, unlimited: bool) -> bool:
    if got is None or got == want:
        return got is None
    if unlimited and "-1" in (got, want):
        return want == "-1"
    return int(got) < int(want)


class _Asking(AdminClient):
    """An admin client that can say what is wrong with its connection."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.trouble = Trouble()
        super().__init__(settings.client() | {"error_cb": self.trouble})


def _partitions(admin: _Asking, settings: KafkaSettings) -> dict[str, dict[int, int]]:
    """Number of replicas of each partition of each topic. Raises TopicsError when Kafka is away."""
    try:
        found: Any = admin.list_topics(timeout=settings.wait_s)
    except KafkaException as error:
        admin.poll(0)
        text = f"Kafka at {settings.servers} does not answer: {error.args[0].str()}"
        raise TopicsError(admin.trouble.to(text)) from None
    return {
        name: {number: len(one.replicas) for number, one in topic.partitions.items()}
        for name, topic in found.topics.items()
    }


def _config(admin: AdminClient, topic: str, wait_s: float) -> dict[str, str | None]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        (future,) = admin.describe_configs([resource], request_timeout=wait_s).values()
        return {name: entry.value for name, entry in future.result(wait_s).items()}
    except KafkaException as error:
        raise TopicsError(f"topic {topic}: settings not readable: {error.args[0].str()}") from None
