"""The gateway's reading of MQTT against Mosquitto, in both versions."""

from __future__ import annotations

import asyncio

import aiomqtt
import pytest
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.mqtt import Broker, Connection
from tests.distributed.servers import Mosquitto


@pytest.mark.parametrize("version", [MQTTv311, MQTTv50])
async def test_all_is_heard_once_in_order_and_acknowledged(mosquitto: Mosquitto, version: int) -> None:
    """More than the broker lets be under way at once: it goes on only when it gets PUBACKs that it takes."""
    there = Broker("127.0.0.1", mosquitto.port)
    heard: list[bytes] = []
    subscribed = asyncio.Event()
    every = asyncio.Event()
    count = 300

    def hear(topic: str, payload: bytes) -> None:
        assert topic == f"wire{version}/a"
        if payload == b"ready":
            subscribed.set()
            return
        heard.append(payload)
        if len(heard) == 2 * count:
            every.set()

    connection = Connection(there, f"wire-{version}", [f"wire{version}/+"], hear)
    connection._version = version
    task = asyncio.create_task(connection.run())
    payloads = [b"%d " % n + bytes(20 * n) for n in range(count)] + [bytes(200_000)]
    try:
        named = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        named.UserProperty = ("a", "b")
        five = aiomqtt.ProtocolVersion.V5
        async with (
            asyncio.timeout(60),
            aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=five) as device,
        ):
            while not subscribed.is_set():
                await device.publish(f"wire{version}/a", b"ready", qos=0)
                await asyncio.sleep(0.02)
            for n, payload in enumerate(payloads[:count]):
                await device.publish(
                    f"wire{version}/a", payload, qos=n % 3, properties=named if n % 7 == 0 else None
                )
            for payload in payloads[1:]:
                connection.publish(f"wire{version}/a", payload, qos=1)
                await asyncio.sleep(0)
            await every.wait()
        assert heard == payloads[:count] + payloads[1:]
        assert connection.losses == 0
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
