"""Topics in a real Kafka: made as stated, checked, told by the command."""

from __future__ import annotations

import os
import uuid

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from corridor.__main__ import main
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import TopicsError, check, create, problems, stated
from tests.distributed import servers


@pytest.fixture
def settings(kafka: servers.Kafka) -> KafkaSettings:
    return KafkaSettings(kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=3, wait_s=20)


def changed(settings: KafkaSettings, topic: str, name: str, value: str) -> None:
    resource = ConfigResource(ResourceType.TOPIC, settings.topic(topic))
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource.add_incremental_config(entry)
    admin = AdminClient(settings.client())
    (future,) = admin.incremental_alter_configs([resource]).values()
    future.result(20)


def test_topics_are_made_once_and_are_then_as_stated(settings: KafkaSettings) -> None:
    with pytest.raises(TopicsError) as caught:
        check(settings)
    assert len(str(caught.value).splitlines()) == len(stated(settings))
    assert create(settings) == [topic.name for topic in stated(settings)]
    assert create(settings) == []
    check(settings)
    assert problems(settings) == []


def test_a_topic_that_is_missing_or_split_otherwise_stops_a_start(settings: KafkaSettings) -> None:
    admin = AdminClient(settings.client())
    name = settings.topic("events")
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(20)
    assert name not in create(settings)
    check(settings, ["log"])
    with pytest.raises(TopicsError, match=f"^topic {name}: got 2 partitions, want 3$"):
        check(settings)
    with pytest.raises(TopicsError, match=f"^topic {name}: got 2 partitions, want 3$"):
        check(settings, ["events"])


@pytest.mark.parametrize(
    ("topic", "name", "value", "told"),
    [
        ("log", "retention.ms", "1000", "got 1000, want at least 2592000000"),
        ("log", "max.message.bytes", "1000", "got 1000, want at least 8388608"),
        ("log", "flush.messages", "5", "got 5, want 1 (there is one copy)"),
        ("events", "retention.ms", "5000000000", "got 5000000000, want -1"),
        ("events", "retention.bytes", "5000000000", "got 5000000000, want -1"),
        ("registry", "cleanup.policy", "delete", "got delete, want compact"),
        ("log", "message.timestamp.type", "CreateTime", "got CreateTime, want LogAppendTime"),
    ],
)
def test_settings_that_lose_data_are_told_but_stop_nothing(
    settings: KafkaSettings, topic: str, name: str, value: str, told: str
) -> None:
    create(settings)
    changed(settings, topic, name, value)
    found = problems(settings)
    for _ in range(200):  # a broker hears of it a little later
        found = found or problems(settings)
    (problem,) = found
    assert not problem.fatal
    assert problem.text == f"topic {settings.topic(topic)}: {name}: {told}"
    check(settings)


def test_more_than_is_stated_is_right(settings: KafkaSettings) -> None:
    create(settings)
    changed(settings, "log", "retention.ms", "-1")
    changed(settings, "log", "max.message.bytes", str(16 << 20))
    changed(settings, "positions", "retention.ms", "999999999")
    assert problems(settings) == []


def test_the_command_makes_lists_and_checks(
    settings: KafkaSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("CORRIDOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CORRIDOR_KAFKA_PREFIX", settings.prefix)
    words = ["--kafka-servers", settings.servers, "--partitions", "3"]
    assert main(["topics", "check", *words]) == 1
    assert f"topic {settings.prefix}log is missing" in capsys.readouterr().out
    assert main(["topics", "create", *words]) == 0
    out = capsys.readouterr().out
    assert f"made {settings.prefix}log\n" in out
    assert f"{len(stated(settings))} topics are as stated" in out
    assert main(["topics", "check", *words]) == 0
    capsys.readouterr()
    assert main(["topics", "check", *words[:2], "--partitions", "4"]) == 1
    assert f"topic {settings.prefix}log: got 3 partitions, want 4" in capsys.readouterr().out
    assert main(["topics", "list", *words]) == 0
    assert f"{settings.prefix}log: 3 partitions, 1 replicas" in capsys.readouterr().out


def test_the_command_says_that_kafka_is_away_or_not_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("CORRIDOR_")]:
        monkeypatch.delenv(name)
    assert main(["topics", "check", "--kafka-servers", "127.0.0.1:1"]) == 2
    assert "Kafka at 127.0.0.1:1 does not answer" in capsys.readouterr().err
    assert main(["topics", "create"]) == 2
    assert "kafka_servers: got nothing" in capsys.readouterr().err
