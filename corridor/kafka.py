"""Kafka as the settings have it."""

from __future__ import annotations

from corridor.settings import Settings, SettingsError
from streams.kafka.settings import KafkaSettings


def kafka_of(settings: Settings) -> KafkaSettings:
    """How Kafka is reached. Raises SettingsError when no servers are named, or half of a credential."""
    if settings.kafka_servers is None:
        raise SettingsError("setting kafka_servers: got nothing, want host:port of Kafka")
    for one, other in (("kafka_cert_file", "kafka_key_file"), ("kafka_username", "kafka_password")):
        if (getattr(settings, one) is None) != (getattr(settings, other) is None):
            raise SettingsError(f"settings {one} and {other}: got one of them, want both or neither")
    password = settings.kafka_password
    return KafkaSettings(
        servers=settings.kafka_servers,
        prefix=settings.kafka_prefix,
        partitions=settings.partitions,
        replication=settings.replication,
        retention_days=settings.log_retention_days,
        ca_file=settings.kafka_ca_file,
        cert_file=settings.kafka_cert_file,
        key_file=settings.kafka_key_file,
        username=settings.kafka_username,
        password=None if password is None else password.get_secret_value(),
    )
