"""``corridor broker`` on a running broker: rules change without a restart, a second run changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from corridor.__main__ import main
from corridor.kafka import kafka_of
from corridor.settings import load
from streams.codec import dump_json
from streams.kafka.table import Table
from streams.kafka.topics import create
from tests.distributed import servers
from tests.distributed.fenced import Fenced, fenced

VICTIM, NEW = "victim", "new"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Fenced]:
    with fenced(tmp_path, [VICTIM]) as found:
        found.devices.issue(NEW)
        yield found


def arguments(broker: Fenced, name: str = "corridor-admin") -> dict[str, str]:
    """The environment of a command that speaks with that certificate."""
    there = broker.gateway(name)
    files = {"CA": there.tls_ca, "CERT": there.tls_cert, "KEY": there.tls_key}
    found = {f"CORRIDOR_MQTT_{key}_FILE": str(path) for key, path in files.items()}
    return found | {"CORRIDOR_MQTT_URL": f"mqtts://{there.host}:{there.port}"}


def apply(
    broker: Fenced, devices: list[str], monkeypatch: pytest.MonkeyPatch, *words: str, who: str = ""
) -> int:
    """Run ``corridor broker apply`` for these devices."""
    listed = broker.folder / "devices.txt"
    listed.write_text("\n".join(devices))
    for name, value in arguments(broker, who or "corridor-admin").items():
        monkeypatch.setenv(name, value)
    gateways = [word for one in ("gateway-1", "gateway-2") for word in ("--gateway", one)]
    return main(["broker", "apply", "--devices", str(listed), *gateways, *words])


async def may_publish(broker: Fenced, name: str) -> bool:
    """Whether a report of the device reaches a gateway."""
    gateway = broker.connect(broker.gateway(), "watch")
    async with gateway, broker.client(name) as device:
        await gateway.subscribe("corridor/v1/+/report", qos=1)
        await device.publish(f"corridor/v1/{name}/report", b"x", qos=1)
        try:
            await asyncio.wait_for(anext(gateway.messages), 0.5)
        except TimeoutError:
            return False
        return True


def test_a_device_comes_and_goes_without_a_restart(
    broker: Fenced, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = broker.server.pid
    assert [asyncio.run(may_publish(broker, name)) for name in (VICTIM, NEW)] == [True, False]
    assert apply(broker, [VICTIM, NEW], monkeypatch, "--dry-run") == 0
    assert "5 clients, 2 changes to make" in capsys.readouterr().out
    assert not asyncio.run(may_publish(broker, NEW))
    assert apply(broker, [VICTIM, NEW], monkeypatch) == 0
    assert capsys.readouterr().out.splitlines() == [
        "createRole: 1",
        "createClient: 1",
        "5 clients, 2 changes",
    ]
    assert [asyncio.run(may_publish(broker, name)) for name in (VICTIM, NEW)] == [True, True]
    assert apply(broker, [NEW, VICTIM], monkeypatch) == 0
    assert "5 clients, 0 changes" in capsys.readouterr().out
    assert apply(broker, [NEW], monkeypatch) == 0
    assert [asyncio.run(may_publish(broker, name)) for name in (VICTIM, NEW)] == [False, True]
    broker.server.kill()
    broker.server.start()  # the plugin has written its file
    assert [asyncio.run(may_publish(broker, name)) for name in (VICTIM, NEW)] == [False, True]
    assert broker.server.pid != pid


async def test_a_device_that_is_taken_away_is_thrown_out(
    broker: Fenced, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen() -> None:
        async with broker.client(VICTIM) as client:
            connected.set()
            await anext(client.messages)

    connected = asyncio.Event()
    listening = asyncio.create_task(listen())
    await asyncio.wait_for(connected.wait(), 10)
    assert await asyncio.to_thread(apply, broker, [NEW], monkeypatch) == 0
    with pytest.raises(aiomqtt.MqttError):
        await asyncio.wait_for(listening, 10)


def test_only_an_administrator_may_change_the_rules(
    broker: Fenced, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply(broker, [VICTIM, NEW], monkeypatch, who="gateway-1") == 2
    assert "these credentials may not change the rules" in capsys.readouterr().err
    assert not asyncio.run(may_publish(broker, NEW))


def test_a_broker_that_is_away_is_told(
    broker: Fenced, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broker.server.stop()
    assert apply(broker, [VICTIM], monkeypatch) == 2
    assert f"localhost:{broker.inner} not reachable: " in capsys.readouterr().err


def test_many_devices_at_once(broker: Fenced, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"truck-{number:03}" for number in range(150)]
    assert apply(broker, [VICTIM, *names], monkeypatch) == 0
    assert apply(broker, [VICTIM, *names[:-1]], monkeypatch) == 0
    assert asyncio.run(may_publish(broker, VICTIM))


def test_the_devices_are_those_that_the_registry_has_fitted(
    broker: Fenced,
    kafka: servers.Kafka,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in arguments(broker).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CORRIDOR_KAFKA_SERVERS", kafka.address)
    monkeypatch.setenv("CORRIDOR_KAFKA_PREFIX", f"rules-{uuid.uuid4().hex[:8]}.")
    settings = kafka_of(load({}))
    create(settings)
    words = ["broker", "apply", "--gateway", "gateway-1", "--gateway", "gateway-2"]
    assert main(words) == 2
    assert "no devices" in capsys.readouterr().err
    table = Table(settings)
    for place, (device, to_ms) in enumerate([(NEW, None), (VICTIM, None), (VICTIM, 5)]):
        fitted = {"tenant": "main", "position": place + 1, "data": {"asset": "a", "to_ms": to_ms}}
        table.put(f"device:{device}", dump_json(fitted))
    table.close()
    assert main(words) == 0
    assert [asyncio.run(may_publish(broker, name)) for name in (VICTIM, NEW)] == [False, True]
