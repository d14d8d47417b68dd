"""What a malicious device tries on the broker as it is shipped, each attack for real, judged by effect."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from corridor.authority import Authority
from gateway.mqtt import Broker
from tests.distributed.fenced import GROUP, Fenced, fenced, knock

REPORTS = "corridor/v1/+/report"
SHARED = f"$share/{GROUP}/{REPORTS}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    with fenced(tmp_path_factory.mktemp("fenced"), ["victim", "attacker", "gone", "unlisted"]) as found:
        yield found


class Heard:
    """What a client hears, in the order of arrival."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            self.messages.append((message.topic.value, message.payload))


@contextlib.asynccontextmanager
async def hearing(client: aiomqtt.Client, *filters: str) -> AsyncIterator[Heard]:
    """A connected client that hears what it may of ``filters``."""
    heard = Heard()
    async with client:
        for one in filters:
            await client.subscribe(one, qos=1)
        task = asyncio.create_task(heard.listen(client))
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.01)


def test_who_may_comes_in_at_its_own_door_only(broker: Fenced) -> None:
    device, gateway = broker.device("victim"), broker.gateway()
    assert knock(device, "victim")
    assert knock(gateway, "gateway")
    assert not knock(replace(gateway, port=device.port), "gateway")
    assert not knock(replace(device, port=gateway.port), "victim")


def test_a_certificate_of_another_authority_is_refused(broker: Fenced, tmp_path: Path) -> None:
    other = Authority.make(tmp_path, "Devices")  # of the same name, too
    other.issue("victim")
    path = tmp_path / "victim"
    assert not knock(
        replace(broker.device("victim"), tls_cert=f"{path}.crt", tls_key=f"{path}.key"), "victim"
    )


def test_no_certificate_is_refused(broker: Fenced) -> None:
    for there in (broker.device("victim"), broker.gateway()):
        assert not knock(replace(there, tls_cert=None, tls_key=None), "victim")
        assert not knock(Broker(there.host, there.port), "victim")


def test_tls_1_2_is_refused(broker: Fenced) -> None:
    assert not knock(broker.device("victim"), "victim", newest=ssl.TLSVersion.TLSv1_2)


def test_a_device_trusts_no_other_broker(broker: Fenced, tmp_path: Path) -> None:
    other = Authority.make(tmp_path, "Services")
    there = replace(broker.device("victim"), tls_ca=str(other.folder / "ca.crt"))
    assert not knock(there, "victim")


def test_a_revoked_certificate_is_refused_once_the_broker_has_read_its_files(broker: Fenced) -> None:
    assert knock(broker.device("gone"), "gone")
    broker.devices.revoke("gone")
    broker.server.reload()
    deadline = time.monotonic() + 10
    while knock(broker.device("gone"), "gone"):
        assert time.monotonic() < deadline
    assert knock(broker.device("victim"), "victim")


async def test_a_device_can_not_publish_as_another_nor_acks_nor_to_the_gateways(broker: Fenced) -> None:
    gateway = broker.connect(broker.gateway(), "watch")
    everything = (REPORTS, "corridor/v1/+/nmea", "corridor/v1/+/status", f"corridor/gateways/{GROUP}")
    async with (
        hearing(gateway, *everything) as heard,
        hearing(broker.client("victim"), "corridor/v1/victim/ack") as acks,
        broker.client("attacker") as attacker,
    ):
        for name in ("victim/report", "victim/nmea", "victim/status", "victim/ack", "attacker/ack"):
            await attacker.publish(f"corridor/v1/{name}", b"forged", qos=1, retain=name.endswith("status"))
        await attacker.publish(f"corridor/gateways/{GROUP}", b"held attacker", qos=1)
        await attacker.publish(
            "$CONTROL/dynamic-security/v1", b'{"commands":[{"command":"listRoles"}]}', qos=1
        )
        await attacker.publish("corridor/v1/attacker/report", b"last", qos=1)
        await gateway.publish("corridor/v1/victim/ack", b"true", qos=1)
        await until(lambda: bool(heard.messages and acks.messages))
    assert heard.messages == [("corridor/v1/attacker/report", b"last")]
    assert acks.messages == [("corridor/v1/victim/ack", b"true")]


async def test_a_last_will_speaks_for_no_other_device(broker: Fenced) -> None:
    gateway = broker.connect(broker.gateway(), "watch")
    async with hearing(gateway, "corridor/v1/+/status") as heard:
        for name in ("victim", "attacker"):
            will = f"corridor/v1/{name}/status"
            await asyncio.to_thread(knock, broker.device("attacker"), "attacker", will=will)
        await until(lambda: bool(heard.messages))
    assert heard.messages == [("corridor/v1/attacker/status", b"offline")]


@pytest.mark.parametrize(
    "wanted",
    [
        "corridor/v1/victim/ack",
        "corridor/v1/+/ack",
        "corridor/v1/victim/report",
        "corridor/#",
        "#",
        "+/+/+/+",
        "$SYS/#",
        "$CONTROL/#",
        f"corridor/gateways/{GROUP}",
        "$share/x/corridor/v1/attacker/ack",
    ],
)
async def test_a_device_hears_nothing_but_its_own_acks(broker: Fenced, wanted: str) -> None:
    gateway = broker.connect(broker.gateway(), "gateway")
    async with gateway, broker.client("attacker") as attacker:
        (granted,) = await attacker.subscribe(wanted, qos=1)
        assert getattr(granted, "value", granted) == 0x87, f"{wanted}: got {granted}, want not authorized"
        (granted,) = await attacker.subscribe("corridor/v1/attacker/ack", qos=1)
        assert getattr(granted, "value", granted) == 1
        heard = Heard()
        task = asyncio.create_task(heard.listen(attacker))
        await gateway.publish("corridor/v1/victim/ack", b"secret", qos=1)
        await gateway.publish("corridor/v1/attacker/ack", b"own", qos=1)
        await until(lambda: bool(heard.messages))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert heard.messages == [("corridor/v1/attacker/ack", b"own")]


async def test_a_device_that_joins_the_gateways_share_steals_no_report(broker: Fenced) -> None:
    wanted = {b"%d" % number for number in range(300)}
    one, two = (broker.connect(broker.gateway(f"gateway-{n}"), f"g{n}") for n in (1, 2))
    async with (
        hearing(one, SHARED) as first,
        hearing(two, SHARED) as second,
        hearing(broker.client("attacker"), SHARED, f"$share/other/{REPORTS}", REPORTS) as stolen,
        broker.client("victim") as victim,
    ):
        for payload in sorted(wanted):
            await victim.publish("corridor/v1/victim/report", payload, qos=1)
        await until(lambda: len(first.messages) + len(second.messages) >= len(wanted))
    assert {payload for _, payload in first.messages + second.messages} == wanted
    assert len(first.messages) + len(second.messages) == len(wanted)
    assert first.messages
    assert second.messages
    assert stolen.messages == []


async def test_a_gateway_may_join_no_share_but_its_group_s(broker: Fenced) -> None:
    async with broker.connect(broker.gateway(), "gateway") as gateway:
        granted = [await gateway.subscribe(one, qos=1) for one in (f"$share/other/{REPORTS}", SHARED)]
    assert [getattr(code, "value", code) for (code,) in granted] == [0x87, 1]


async def test_a_device_throws_no_other_out_by_its_client_id(broker: Fenced) -> None:
    async with hearing(broker.client("victim"), "corridor/v1/victim/ack") as heard:
        for other in ("victim", "corridor-nmea", "corridor-gateway"):
            async with broker.client("attacker", client_id=other) as attacker:
                await attacker.publish("corridor/v1/attacker/report", b"x", qos=1)
        async with broker.connect(broker.gateway(), "gateway") as gateway:
            await gateway.publish("corridor/v1/victim/ack", b"still here", qos=1)
        await until(lambda: bool(heard.messages))
    assert heard.messages == [("corridor/v1/victim/ack", b"still here")]


async def test_a_device_can_not_take_the_session_of_the_raw_nmea(broker: Fenced) -> None:
    """The session is named by a client id: whoever took it would be given what waits in it."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 600

    def session() -> aiomqtt.Client:
        return broker.connect(broker.gateway(), "corridor-nmea", properties=properties, clean_start=False)

    async with session() as nmea:
        await nmea.subscribe("corridor/v1/+/nmea", qos=1)
    async with broker.client("victim") as victim:
        await victim.publish("corridor/v1/victim/nmea", b"$GPRMC", qos=1)
    thief = broker.client("attacker", client_id="corridor-nmea", properties=properties, clean_start=False)
    async with hearing(thief) as stolen, broker.client("victim") as victim:
        await victim.publish("corridor/v1/victim/nmea", b"$GPGGA", qos=1)
    heard = Heard()
    async with session() as nmea:
        task = asyncio.create_task(heard.listen(nmea))
        await until(lambda: len(heard.messages) >= 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [payload for _, payload in heard.messages] == [b"$GPRMC", b"$GPGGA"]
    assert stolen.messages == []
    async with broker.connect(broker.gateway(), "corridor-nmea", clean_start=True):
        pass  # nothing is left for the next test
