"""TLS, client certificates and passwords (SCRAM) against a real Kafka; what is wrong with them is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from corridor.authority import Authority
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import TopicsError, check, create
from streams.log import LogFullError
from streams.records import NewRecord, RecordKind
from tests.distributed import servers
from tests.distributed.process import free_port

_RECORD = NewRecord(0, RecordKind.FRAME, 1, "a", b"x")


class Guarded(NamedTuple):
    """A broker with three doors: plain (for its operator), by certificate, by password."""

    plain: str
    tls: str
    password: str
    ca: Path
    cert: Path
    key: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority.make(folder / "ca", "test")
    server, client = authority.issue("kafka", hosts=["127.0.0.1"]), authority.issue("worker")
    pem, ca = folder / "kafka.pem", folder / "ca" / "ca.crt"
    pem.write_text(server.with_suffix(".key").read_text() + server.read_text())
    plain, tls, password, controller = (free_port() for _ in range(4))
    doors = {"PLAINTEXT": plain, "SSL": tls, "SASL_SSL": password}
    listeners = ",".join(f"{door}://127.0.0.1:{port}" for door, port in doors.items())
    more = [
        f"controller.quorum.voters=1@127.0.0.1:{controller}",
        f"listeners={listeners},CONTROLLER://127.0.0.1:{controller}",
        f"advertised.listeners={listeners}",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name=PLAINTEXT",
        "sasl.enabled.mechanisms=SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={pem}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={ca}",
        "listener.name.ssl.ssl.client.auth=required",
    ]
    with servers.kafka(folder / "broker", settings=more, port=plain) as kafka:
        settings = KafkaSettings(kafka.address)
        create(settings)
        admin = AdminClient(settings.client())
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion("worker", info, b"right one")
        admin.alter_user_scram_credentials([change])["worker"].result(20)
        key = client.with_suffix(".key")
        yield Guarded(kafka.address, f"127.0.0.1:{tls}", f"127.0.0.1:{password}", ca, client, key)


def works(settings: KafkaSettings) -> None:
    check(settings)
    log = KafkaLog(settings)
    (position,) = log.append([_RECORD])
    assert log.read(0, position - 1, 10)[0].body == b"x"
    log.close()


def refused(settings: KafkaSettings) -> str:
    """What is said when Kafka lets nobody in."""
    with pytest.raises(TopicsError) as told:
        check(settings)
    log = KafkaLog(settings)
    with pytest.raises(LogFullError) as away:
        log.append([_RECORD])
    log.close()
    said = f"{told.value}\n{away.value}"
    assert "right one" not in said
    assert "wrong one" not in said
    return said


def test_a_certificate_opens_the_door_and_none_does_not(guarded: Guarded) -> None:
    works(
        KafkaSettings(
            guarded.tls, ca_file=guarded.ca, cert_file=guarded.cert, key_file=guarded.key, wait_s=20
        )
    )
    assert "ssl" in refused(KafkaSettings(guarded.tls, ca_file=guarded.ca, wait_s=2)).lower()


def test_a_password_opens_the_door_and_a_wrong_one_is_told(guarded: Guarded) -> None:
    right = KafkaSettings(
        guarded.password, ca_file=guarded.ca, username="worker", password="right one", wait_s=20
    )
    works(right)
    wrong = KafkaSettings(
        guarded.password, ca_file=guarded.ca, username="worker", password="wrong one", wait_s=2
    )
    assert "invalid credentials" in refused(wrong)


def test_an_authority_that_is_not_trusted_is_told(guarded: Guarded, tmp_path: Path) -> None:
    Authority.make(tmp_path / "ca", "another")
    said = refused(
        KafkaSettings(
            guarded.password,
            ca_file=tmp_path / "ca" / "ca.crt",
            username="worker",
            password="right one",
            wait_s=2,
        )
    )
    assert "certificate verify failed" in said
