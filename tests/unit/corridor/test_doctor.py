"""The doctor's attacks, tried for real on the embedded broker, which withstands none of them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.attacks import attack
from gateway.broker import running
from gateway.mqtt import Broker


async def test_a_broker_without_access_rules_fails_the_attacks() -> None:
    with running() as broker:
        findings = await attack(Broker("127.0.0.1", broker.ports.public))
    found = {f.check: f.well for f in findings}
    assert found == {
        "broker": True,
        "publish": False,
        "read": False,
        "ack": False,
        "share": False,
        "id": False,
    }
    assert "see docs/mqtt.md" in findings[1].said


async def test_a_broker_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (finding,) = await attack(Broker("127.0.0.1", port))
    assert not finding.well
    assert f"127.0.0.1:{port} not reachable" in finding.said


def test_a_device_without_its_certificate_is_asked_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["doctor", "--data-dir", str(tmp_path), "--http-port", "0", "--mqtt-url", "mqtt://127.0.0.1:1"]
    words += ["--device", "d1"]
    assert main(words) == 2
    assert "--device needs --device-cert and --device-key" in capsys.readouterr().err
