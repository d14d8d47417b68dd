"""One MQTT connection carrying the reports of one unit or of many.

MQTT 5, and 3.1.1 where the broker refuses it. A connection of its own has the unit's last will; a shared
one carries many units for a fleet too large for one socket each, which needs a broker that does not hold a
client to one device's topics. QoS 1 everywhere; the broker's PUBACK only ends the sending, what is kept and
sent again is the outbox's affair. Connections come back after pauses growing from 1 s to 60 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiomqtt
from aiomqtt.types import PayloadType

from firmware_sim.device import Unit
from firmware_sim.flash import Key
from firmware_sim.noise import fraction
from firmware_sim.wire import decode_ack

_log = logging.getLogger(__name__)

SEND_AT_ONCE = 16
IDLE_S = 1.0
TOPIC = "corridor/v1/{}/{}"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens, and the credentials for it if it wants any."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None


class Link:
    """A connection for ``units``; ``run`` until cancelled. ``wake`` tells it that there is something new."""

    def __init__(self, broker: Broker, units: Sequence[Unit], name: str) -> None:
        self.broker, self.units, self.name = broker, units, name
        self.connected = False
        self.connects = 0
        self.last_error = ""
        self._by_device = {unit.device: unit for unit in units}
        self._news = asyncio.Event()
        self._protocol = aiomqtt.ProtocolVersion.V5

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Connect, send and listen, again and again, until cancelled."""
        tries = 0
        while True:
            if len(self.units) == 1 and not self.units[0].online:
                await self._pause(IDLE_S)
                continue
            try:
                async with self._client() as client:
                    tries, self.last_error = 0, ""
                    await self._serve(client)
            except aiomqtt.MqttError as error:
                self.last_error = str(error)
                # A broker that knows no MQTT 5 refuses it or hangs up: the next try is 3.1.1, and so on.
                other = self._protocol is aiomqtt.ProtocolVersion.V5
                self._protocol = aiomqtt.ProtocolVersion.V311 if other else aiomqtt.ProtocolVersion.V5
            finally:
                self.connected = False
            await self._pause(min(60.0, 2.0 ** min(tries, 6)) * (0.5 + fraction(self.name, tries, "again")))
            tries += 1

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[aiomqtt.Client]:
        own = len(self.units) == 1
        will = (
            aiomqtt.Will(TOPIC.format(self.units[0].device, "status"), b"offline", 1, True) if own else None
        )
        five = self._protocol is aiomqtt.ProtocolVersion.V5
        client = aiomqtt.Client(
            self.broker.host,
            self.broker.port,
            username=self.broker.username,
            password=self.broker.password,
            identifier=self.name,
            protocol=self._protocol,
            will=will,
            clean_session=None if five else True,
            timeout=10,
            keepalive=30,
        )
        async with client:
            yield client

    async def _serve(self, client: aiomqtt.Client) -> None:
        for start in range(0, len(self.units), 100):
            topics = [
                (TOPIC.format(u.device, "ack"), 1) for u in self.units[start : start + 100] if not u.plain
            ]
            if topics:
                await client.subscribe(topics)
        for unit in self.units:
            unit.outbox.connected(time.monotonic())
        await self._status(client, b"online")
        self.connected, self.connects = True, self.connects + 1
        listen = asyncio.create_task(self._listen(client), name=f"{self.name} acks")
        try:
            await self._send(client, listen)
            await self._status(client, b"offline")
        except asyncio.CancelledError:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._status(client, b"offline")
            raise
        finally:
            listen.cancel()
            await asyncio.gather(listen, return_exceptions=True)

    async def _status(self, client: aiomqtt.Client, text: bytes) -> None:
        jobs = [(TOPIC.format(unit.device, "status"), text) for unit in self.units]
        for start in range(0, len(jobs), SEND_AT_ONCE):
            await asyncio.gather(
                *(client.publish(t, p, qos=1, retain=True) for t, p in jobs[start : start + SEND_AT_ONCE])
            )

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            unit = self._by_device.get(message.topic.value.split("/")[2])
            ack = decode_ack(_bytes(message.payload))
            if unit is not None and ack is not None:
                unit.outbox.acknowledge(ack, time.monotonic())
                self.wake()

    async def _send(self, client: aiomqtt.Client, listen: asyncio.Task[None]) -> None:
        """Send what is due until the only unit loses its network; a broken connection raises."""
        while len(self.units) > 1 or self.units[0].online:
            if listen.done():
                listen.result()
                return
            self._news.clear()
            due: list[tuple[str, bytes]] = []
            for unit in self.units:
                if unit.online:
                    due += self._due(unit)
            for start in range(0, len(due), SEND_AT_ONCE):
                await asyncio.gather(
                    *(client.publish(topic, data, qos=1) for topic, data in due[start : start + SEND_AT_ONCE])
                )
            if not due:
                await self._pause(IDLE_S)

    def _due(self, unit: Unit) -> list[tuple[str, bytes]]:
        if unit.plain:
            topic = TOPIC.format(unit.device, "nmea")
            return [(topic, unit.lines.popleft()) for _ in range(min(len(unit.lines), SEND_AT_ONCE))]
        topic = TOPIC.format(unit.device, "report")
        keys: list[Key] = unit.faults.order(unit.device, unit.outbox.take(time.monotonic(), SEND_AT_ONCE))
        return [(topic, unit.flash.read(key)) for key in keys]

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)


def _bytes(payload: PayloadType) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode()
