"""The gateway through the real embedded broker, with devices that are real MQTT clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import cbor2
import pytest

from feeds.deadletters import DeadLetters
from gateway.ackkey import AckKey
from gateway.broker import BrokerProcess, running
from gateway.mqtt import Broker
from gateway.registry import Fitted, MemoryRegistry
from gateway.service import GatewaySettings, run_gateway
from streams.codec import decode_frame
from streams.log import Log
from streams.memory_log import MemoryLog
from streams.signing.keys import DeviceKey
from tests.unit.gateway.reports import T0, payload
from tests.unit.gateway.test_nmea import gga, rmc

DEVICES = ("d1", "d2", "d3")
V311, V5 = aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    with running() as found:
        yield found


@dataclass
class Running:
    """A gateway that runs, and what it writes to."""

    broker: BrokerProcess
    log: Log
    letters: DeadLetters
    health: Path

    def reports(self) -> list[dict[str, Any]]:
        records = self.log.read(0, 0, 1 << 30)
        return [row for r in records for row in decode_frame(r.body).reports.to_pylist()]

    def samples(self) -> list[dict[str, Any]]:
        records = self.log.read(0, 0, 1 << 30)
        return [row for r in records for row in decode_frame(r.body).samples.to_pylist()]

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.health.read_text())) if self.health.exists() else {"state": "none"}


@contextlib.asynccontextmanager
async def gateway(
    broker: BrokerProcess,
    folder: Path,
    log: Log | None = None,
    ack_key: AckKey | None = None,
    **keyed: DeviceKey,
) -> AsyncIterator[Running]:
    """``keyed``: the keys of devices that have one."""
    fitted = {device: Fitted(f"asset_{device}", "demo", 0) for device in DEVICES}
    fitted |= {device: Fitted(f"asset_{device}", "demo", 0, keys=(key,)) for device, key in keyed.items()}
    registry = MemoryRegistry(fitted)
    letters = DeadLetters(folder / "dead.db")
    found = Running(broker, log if log is not None else MemoryLog(), letters, folder / "gateway.json")
    found.health.unlink(missing_ok=True)
    stop = asyncio.Event()
    settings = GatewaySettings(Broker("127.0.0.1", broker.ports.public), found.health, ack_key=ack_key)
    task = asyncio.create_task(run_gateway(settings, found.log, registry, letters, stop))
    try:
        await until(lambda: "connected to" in json.dumps(found.state().get("broker", {}).get("nmea", "")))
        await until(lambda: found.state()["state"] == "ok")
        yield found
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)
        letters.close()


async def until(true: Any, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def device(broker: BrokerProcess, name: str, version: aiomqtt.ProtocolVersion) -> AsyncIterator[Device]:
    async with aiomqtt.Client("127.0.0.1", broker.ports.public, identifier=name, protocol=version) as client:
        await client.subscribe(f"corridor/v1/{name}/ack", qos=1)
        yield Device(name, client)


class Device:
    def __init__(self, name: str, client: aiomqtt.Client) -> None:
        self.name, self.client = name, client

    async def send(self, *payloads: bytes, channel: str = "report") -> None:
        for one in payloads:
            await self.client.publish(f"corridor/v1/{self.name}/{channel}", one, qos=1)

    async def ack(self) -> bytes:
        message = await asyncio.wait_for(anext(self.client.messages), 5)
        assert isinstance(message.payload, bytes)
        return message.payload

    async def durable(self, count: int) -> list[int]:
        """Sequence numbers acknowledged, until there are ``count``."""
        found: set[int] = set()
        while len(found) < count:
            for first, last in json.loads(await self.ack())["durable"]:
                found.update(range(first, last + 1))
        return sorted(found)


async def test_reports_of_both_forms_and_protocol_versions_are_durable_before_they_are_acknowledged(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    body = {"v": 1, "boot": "c", "seq": 0, "t": [T0], "lon": [101.5], "lat": [21.5], "speed_kmh": [60.5]}
    async with gateway(broker, tmp_path) as found:
        async with device(broker, "d1", V311) as one, device(broker, "d2", V5) as two:
            raws = [payload(seq) for seq in range(20)]
            await one.send(*raws)
            await two.send(cbor2.dumps(body))
            assert await one.durable(20) == list(range(20))
            assert cbor2.loads(await two.ack()) == {
                "boot": "c",
                "durable": [[0, 0]],
                "refused": [],
                "later": [],
            }
        reports = found.reports()
        assert sorted(r["raw"] for r in reports if r["device"] == "d1") == sorted(raws)
        assert [r["asset"] for r in reports if r["device"] == "d2"] == ["asset_d2"]
        assert [s["speed_ckmh"] for s in found.samples() if s["speed_ckmh"]] == [6050]


async def test_what_is_refused_is_named_kept_and_costs_nobody_else(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with gateway(broker, tmp_path) as found, device(broker, "d1", V5) as one:
        await one.send(
            payload(0),
            payload(1, t=[T0], lon=[1], lat=[91]),
            b"\xffgarbage",
            b"\xd2signed",
            b"x" * 70_000,
            payload(2),
        )
        answer = json.loads(await one.ack())
        assert answer["durable"] == [[0, 0], [2, 2]]
        assert answer["refused"] == [[1, "impossible_value"]]
        await until(lambda: sum(found.letters.count().values()) == 4)
        assert found.letters.count("demo") == {
            "impossible_value": 1,
            "not_readable": 2,
            "too_large": 1,
        }
        (large,) = found.letters.list(reason="too_large")
        assert large.detail == "report too large: got 70000 bytes, want at most 65536"
        assert [r["seq"] for r in found.reports()] == [0, 2]


async def test_an_unknown_device_is_told_to_come_later_and_nothing_of_it_is_kept(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with gateway(broker, tmp_path) as found:
        async with device(broker, "stranger", V5) as one:
            await one.send(payload(4))
            answer = json.loads(await one.ack())
        assert answer["later"] == [[4, 4, 60, "unknown_device"]]
        assert found.reports() == []
        assert found.letters.list() == []


async def test_a_report_that_is_sent_again_is_acknowledged_again_and_counted_once(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with gateway(broker, tmp_path) as found, device(broker, "d1", V311) as one:
        await one.send(payload(7))
        assert await one.durable(1) == [7]
        await one.send(payload(7))
        assert await one.durable(1) == [7]
        assert len(found.reports()) == 1


async def test_garbage_and_thousands_of_unknown_devices_slow_nobody_down(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with gateway(broker, tmp_path) as found:
        async with (
            aiomqtt.Client("127.0.0.1", broker.ports.public, identifier="vandal") as vandal,
            device(broker, "d1", V5) as one,
        ):
            for number in range(2_000):
                await vandal.publish(f"corridor/v1/unknown-{number}/report", payload(number), qos=0)
                await vandal.publish(
                    f"corridor/v1/d2/{('report', 'nmea', 'status')[number % 3]}", os.urandom(300)
                )
            for name in ("corridor/v1/d2/else", "corridor/v1//report", "corridor/v1/!/report", "other"):
                await vandal.publish(name, os.urandom(100_000), qos=1)
            began = asyncio.get_running_loop().time()
            await one.send(*(payload(seq) for seq in range(16)))
            assert await one.durable(16) == list(range(16))
            assert asyncio.get_running_loop().time() - began < 5
        assert {r["device"] for r in found.reports()} <= {"d1", "d2"}


async def test_a_full_log_acknowledges_nothing_says_so_and_resumes_by_itself(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    log = MemoryLog(max_bytes=0)
    async with gateway(broker, tmp_path, log) as found, device(broker, "d1", V5) as one:
        await one.send(payload(0))
        answer = json.loads(await one.ack())
        assert answer["later"] == [[0, 0, 10, "disk_full"]]
        assert answer["durable"] == []
        await one.send(rmc(1), gga(1), channel="nmea")
        await until(lambda: found.state()["state"] == "log_unavailable")
        log.max_bytes = 1 << 30
        await asyncio.sleep(1.1)  # the log asked for a second
        await one.send(payload(0))
        assert await one.durable(1) == [0]
        await until(lambda: found.state()["state"] == "ok")
        await until(lambda: b"".join(r["raw"] for r in found.reports() if r["form"] == 4) == rmc(1) + gga(1))


async def test_raw_nmea_becomes_one_fix_an_epoch_and_survives_a_restart(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    log = MemoryLog()
    async with device(broker, "d3", V311) as receiver:
        async with gateway(broker, tmp_path, log) as found:
            await receiver.send(rmc(1), gga(1), rmc(2), channel="nmea")
            await until(lambda: b"".join(r["raw"] for r in found.reports()).endswith(rmc(2)))
        await receiver.send(gga(2), rmc(3), channel="nmea")  # nobody is there: the broker's session holds it
        async with gateway(broker, tmp_path, log) as found:
            await until(lambda: len(found.samples()) == 3)
    assert b"".join(r["raw"] for r in found.reports()) == rmc(1) + gga(1) + rmc(2) + gga(2) + rmc(3)
    fixes = [(s["t_ms"] % 60_000, s["alt_mm"]) for s in found.samples()]
    assert fixes == [(1_000, 545_400), (2_000, 545_400), (3_000, None)]


async def test_devices_say_whether_they_are_there(broker: BrokerProcess, tmp_path: Path) -> None:
    async with (
        gateway(broker, tmp_path) as found,
        device(broker, "d1", V5) as one,
        device(broker, "d2", V5) as two,
    ):
        await one.send(b"online", channel="status")
        await two.send(b"offline", channel="status")
        await until(lambda: found.state()["devices"] == {"online": 1, "offline": 1})


async def test_a_broker_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    with running() as first:
        port = first.ports.public
        async with gateway(first, tmp_path) as found:
            first.stop()
            await until(lambda: found.state()["state"] == "broker_away")
            assert "not connected" in found.state()["broker"]["reports"] or "lost" in str(found.state())
            with running(port) as second:
                await until(lambda: found.state()["state"] == "ok", 15)
                async with device(second, "d1", V5) as one:
                    await one.send(payload(0))
                    assert await one.durable(1) == [0]
