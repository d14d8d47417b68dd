"""How Kafka is reached, and what librdkafka is told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 8 << 20
"""What one message may hold: the API takes bodies of 5 MB, and an event carries a zone whole."""

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is, what its topics are called and how they are made.

    ``servers``: "host:port,host:port"; ``prefix``: what topics and groups begin with. With ``username`` or
    one of the files the connection is TLS; without ``ca_file`` the system's authorities are trusted.
    ``wait_s``: how long a call waits for Kafka before it says that it is away. The password never shows.
    """

    servers: str
    prefix: str = "corridor."
    partitions: int = 1
    replication: int = 1
    retention_days: float = 30.0
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    wait_s: float = 5.0

    def topic(self, name: str) -> str:
        """The full name of a topic or group."""
        return f"{self.prefix}{name}"

    @property
    def retention_ms(self) -> int:
        """How long the log keeps its records."""
        return int(self.retention_days * _DAY_MS)

    @property
    def in_sync(self) -> int:
        """How many copies must hold a record before it is acknowledged: a majority."""
        return self.replication // 2 + 1

    def client(self, **more: Any) -> dict[str, Any]:
        """The configuration of a librdkafka client; ``more`` has underscores for the dots.

        It carries the password: not to be logged.
        """
        config: dict[str, Any] = {
            "bootstrap.servers": self.servers,
            "client.id": "corridor",
            "allow.auto.create.topics": False,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1_000,  # the default of 10 s is how long it would stay away after
            "socket.connection.setup.timeout.ms": 5_000,
            "socket.keepalive.enable": True,
            "log_level": 2,  # each failed attempt is a line else; what matters is told by our errors
        }
        return config | self.security() | {name.replace("_", "."): value for name, value in more.items()}

    def security(self) -> dict[str, Any]:
        """The part of it that says who we are and whom we trust; empty on a plain connection."""
        files = {
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.cert_file,
            "ssl.key.location": self.key_file,
        }
        config: dict[str, Any] = {name: str(path) for name, path in files.items() if path is not None}
        if self.username is not None:
            config |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": self.username}
            config |= {"sasl.password": self.password or ""}
        if config:
            config["security.protocol"] = "SSL" if self.username is None else "SASL_SSL"
        return config
