"""What librdkafka is told, and what nobody is."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from corridor.kafka import kafka_of
from corridor.settings import Settings, SettingsError
from streams.kafka.client import consumer, producer
from streams.kafka.settings import KafkaSettings


def test_a_plain_connection_says_nothing_of_security() -> None:
    config = KafkaSettings("a:1,b:2").client(linger_ms=5)
    assert config["bootstrap.servers"] == "a:1,b:2"
    assert config["linger.ms"] == 5
    assert not [name for name in config if name.startswith(("ssl", "sasl", "security"))]


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"ca_file": Path("ca.pem")}, {"security.protocol": "SSL", "ssl.ca.location": "ca.pem"}),
        (
            {"ca_file": Path("ca.pem"), "cert_file": Path("c.pem"), "key_file": Path("k.pem")},
            {
                "security.protocol": "SSL",
                "ssl.ca.location": "ca.pem",
                "ssl.certificate.location": "c.pem",
                "ssl.key.location": "k.pem",
            },
        ),
        (
            {"username": "u", "password": "p"},
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "u",
                "sasl.password": "p",
            },
        ),
        (
            {"username": "u", "password": "p", "ca_file": Path("ca.pem")},
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "u",
                "sasl.password": "p",
                "ssl.ca.location": "ca.pem",
            },
        ),
    ],
)
def test_security_is_handed_on(given: dict[str, object], want: dict[str, str]) -> None:
    settings = KafkaSettings("a:1", **given)  # type: ignore[arg-type]
    assert settings.security() == want
    assert want.items() <= settings.client().items()


def test_librdkafka_knows_every_word_of_our_configuration() -> None:
    settings = KafkaSettings("127.0.0.1:1", username="u", password="p")
    assert isinstance(producer(settings, linger_ms=0, message_timeout_ms=0), Producer)
    client = consumer(settings, group_id="g", enable_partition_eof=True)
    assert isinstance(client, Consumer)
    client.close()


def test_the_password_shows_nowhere() -> None:
    settings = KafkaSettings("a:1", username="u", password="very secret")
    assert "very secret" not in f"{settings!r} {settings}"


def test_copies_in_sync_are_a_majority() -> None:
    assert [KafkaSettings("a:1", replication=n).in_sync for n in range(1, 6)] == [1, 2, 2, 3, 3]


def test_the_settings_of_the_system_become_those_of_kafka() -> None:
    settings = Settings(
        kafka_servers="a:1",
        kafka_prefix="x.",
        partitions=7,
        replication=3,
        log_retention_days=2,
        kafka_ca_file=Path("ca.pem"),
        kafka_username="u",
        kafka_password="very secret",
    )
    kafka = kafka_of(settings)
    assert (kafka.topic("log"), kafka.partitions, kafka.replication) == ("x.log", 7, 3)
    assert kafka.retention_ms == 2 * 86_400_000
    assert kafka.security()["sasl.password"] == "very secret"
    assert "very secret" not in f"{settings!r} {kafka!r}"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "kafka_servers: got nothing"),
        ({"kafka_servers": "a:1", "kafka_username": "u"}, "kafka_username and kafka_password: got one"),
        ({"kafka_servers": "a:1", "kafka_key_file": "k"}, "kafka_cert_file and kafka_key_file: got one"),
    ],
)
def test_half_of_what_is_needed_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        kafka_of(Settings.model_validate(given))
