"""What the whole-system tests share: an HTTP client with the key, devices that speak MQTT, and patience."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import aiomqtt
import cbor2
import httpx

from bench.system import System
from corridor.fleetbook import register
from corridor.folder import Local

V311, V5 = aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5
EVER: Final[dict[str, str | int]] = {
    "from": "1990-01-01T00:00:00Z",
    "to": "2100-01-01T00:00:00Z",
    "points": 200_000,
}


def http(system: System) -> httpx.Client:
    """A client of the system's API with the local key."""
    head = {"Authorization": f"Bearer {system.local.key}"}
    return httpx.Client(base_url=system.local.url, headers=head, timeout=60)


def fit(system: System, device: str, vin: str) -> str:
    """Register a truck and fit the device to it; returns the asset's id."""
    register(system.client(), [{"device": device, "vin": vin, "name": device}])
    asset: str = system.client().get(f"/v1/assets/{vin}")["id"]
    return asset


def events(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """Lines of the event feed."""
    answer = client.get("/v1/events", params={"limit": 10_000, **query})
    answer.raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


def until(found: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """What ``found`` gives once it is true."""
    deadline = time.monotonic() + timeout_s
    while not (value := found()):
        assert time.monotonic() < deadline, f"nothing after {timeout_s:g} s"
        time.sleep(0.05)
    return value


class Device:
    """A device that is connected and hears its acks."""

    def __init__(self, name: str, client: aiomqtt.Client) -> None:
        self.name, self.client = name, client

    async def publish(self, payload: bytes, channel: str = "report") -> None:
        """Publish and wait for the broker's PUBACK, which promises nothing."""
        await self.client.publish(f"corridor/v1/{self.name}/{channel}", payload, qos=1)

    async def ack(self, timeout_s: float = 30.0) -> dict[str, Any]:
        """The next ack."""
        message = await asyncio.wait_for(anext(self.client.messages), timeout_s)
        payload = message.payload
        assert isinstance(payload, bytes)
        found: dict[str, Any] = json.loads(payload) if payload[:1] == b"{" else cbor2.loads(payload)
        return found

    async def durable(self, *payloads: bytes) -> list[int]:
        """Publish reports and wait until as many are durable; returns their seqs."""
        for payload in payloads:
            await self.publish(payload)
        found: set[int] = set()
        while len(found) < len(payloads):
            ack = await self.ack()
            assert (ack["refused"], ack["later"]) == ([], []), ack
            for first, last in ack["durable"]:
                found.update(range(first, last + 1))
        return sorted(found)


@contextlib.asynccontextmanager
async def device(where: Local, name: str, version: aiomqtt.ProtocolVersion = V5) -> AsyncIterator[Device]:
    """A connected device; its ack topic is subscribed."""
    async with aiomqtt.Client(where.mqtt_host, where.mqtt_port, identifier=name, protocol=version) as client:
        await client.subscribe(f"corridor/v1/{name}/ack", qos=1)
        yield Device(name, client)


def report(seq: int, boot: str = "b0", **keys: Any) -> dict[str, Any]:
    """A report's map."""
    return {"v": 1, "boot": boot, "boot_n": 1, "seq": seq, **keys}


def as_json(*reports: dict[str, Any]) -> list[bytes]:
    """Reports as the wire's JSON."""
    return [json.dumps(one).encode() for one in reports]


async def in_time(work: Awaitable[Any], timeout_s: float = 60.0) -> Any:
    """The result, or a failure after the time."""
    return await asyncio.wait_for(work, timeout_s)
