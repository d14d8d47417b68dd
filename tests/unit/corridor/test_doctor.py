"""The doctor's attacks, tried for real on the embedded broker, which withstands neither."""

from __future__ import annotations

import socket

from corridor.cli.doctor import attack
from gateway.broker import running
from gateway.mqtt import Broker


async def test_a_broker_without_access_rules_fails_both_attacks() -> None:
    with running() as broker:
        findings = await attack(Broker("127.0.0.1", broker.ports.public))
    assert [(f.check, f.well) for f in findings] == [("broker", True), ("publish", False), ("read", False)]
    assert "see docs/mqtt.md" in findings[1].said


async def test_a_broker_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (finding,) = await attack(Broker("127.0.0.1", port))
    assert not finding.well
    assert f"127.0.0.1:{port} not reachable" in finding.said
