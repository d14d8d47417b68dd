"""One MQTT connection carrying what one device sends, or many.

MQTT 5, and 3.1.1 where the broker refuses it. A connection of its own has the unit's last will; a shared
one carries many units for a fleet too large for one socket each, which needs a broker that does not hold a
client to one device's topics. QoS 1 everywhere; the broker's PUBACK only ends the sending, what is kept and
sent again is the outbox's affair. Connections come back after pauses growing from 1 s to 60 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from aiomqtt.types import PayloadType

from firmware_sim.errors import CertificateError
from firmware_sim.noise import fraction
from firmware_sim.sender import Sender
from firmware_sim.wire import TOPIC

SEND_AT_ONCE = 10  # as many as aiomqtt takes without a warning
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens, and the credentials for it if it wants any.

    With ``ca`` (a PEM file) the connection is TLS; ``certs`` is a folder with NAME.crt and NAME.key of each
    connection.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    ca: Path | None = None
    certs: Path | None = None

    def context(self, name: str) -> ssl.SSLContext | None:
        """What ``name`` connects with; None for plain TCP. Raises ``CertificateError``."""
        if self.ca is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certs is not None:
                context.load_cert_chain(self.certs / f"{name}.crt", self.certs / f"{name}.key")
        except OSError as error:
            where = f" and {self.certs / name}.crt with its .key" if self.certs else ""
            got = error.strerror or error
            raise CertificateError(f"certificate not usable: got {got}, want {self.ca}{where}") from None
        return context


class Link:
    """A connection for ``senders``; ``run`` until cancelled.

    ``wake`` tells it that a sender has something new; ``last_error`` is why there is no connection now.
    """

    def __init__(self, broker: Broker, senders: Sequence[Sender], name: str) -> None:
        self.broker, self.senders, self.name = broker, senders, name
        self._tls = broker.context(senders[0].device)
        self.connected = False
        self.connects = 0
        self.last_error = ""
        self._by_device = {sender.device: sender for sender in senders}
        self._ready: dict[str, Sender] = {}
        self._news = asyncio.Event()
        self._protocol = aiomqtt.ProtocolVersion.V5

    def wake(self, sender: Sender) -> None:
        """``sender`` has something to send."""
        self._ready[sender.device] = sender
        self._news.set()

    @property
    def _reachable(self) -> bool:
        return len(self.senders) > 1 or self.senders[0].online

    async def run(self) -> None:
        """Connect, send and listen, again and again, until cancelled."""
        tries = 0
        while True:
            if not self._reachable:
                self._news.clear()  # nothing of it can be sent; what is ready is looked for again later
                await self._pause(LOOK_AGAIN_S)
                continue
            try:
                async with self._client() as client:
                    tries, self.last_error = 0, ""
                    await self._serve(client)
            except aiomqtt.MqttError as error:
                _mind_cancellation()
                self.last_error = str(error)
                if not self.connects:
                    # A broker without MQTT 5 refuses it or hangs up: 3.1.1 next, and so on in turns.
                    five = self._protocol is aiomqtt.ProtocolVersion.V5
                    self._protocol = aiomqtt.ProtocolVersion.V311 if five else aiomqtt.ProtocolVersion.V5
            finally:
                self.connected = False
            _mind_cancellation()
            await asyncio.sleep(min(60.0, 2.0 ** min(tries, 6)) * (0.5 + fraction(self.name, tries, "again")))
            tries += 1

    def _client(self) -> aiomqtt.Client:
        will = None
        if len(self.senders) == 1:
            status = TOPIC.format(self.senders[0].device, "status")
            will = aiomqtt.Will(status, b"offline", qos=1, retain=True)
        return aiomqtt.Client(
            self.broker.host,
            self.broker.port,
            username=self.broker.username,
            password=self.broker.password,
            identifier=self.name,
            tls_context=self._tls,
            protocol=self._protocol,
            will=will,
            clean_session=None if self._protocol is aiomqtt.ProtocolVersion.V5 else True,
            timeout=10 if self.connects else 4,
            keepalive=30,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    async def _serve(self, client: aiomqtt.Client) -> None:
        topics = [(TOPIC.format(sender.device, "ack"), 1) for sender in self.senders if not sender.plain]
        for start in range(0, len(topics), 100):
            await client.subscribe(topics[start : start + 100])
        for sender in self.senders:
            sender.outbox.connected(time.monotonic())
        await self._status(client, b"online")
        self.connected, self.connects = True, self.connects + 1
        listen = asyncio.create_task(self._listen(client), name=f"{self.name} acks")
        try:
            await self._send(client, listen)
        finally:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._status(client, b"offline")
            listen.cancel()
            await asyncio.gather(listen, return_exceptions=True)

    async def _status(self, client: aiomqtt.Client, text: bytes) -> None:
        topics = [TOPIC.format(sender.device, "status") for sender in self.senders]
        for start in range(0, len(topics), SEND_AT_ONCE):
            some = topics[start : start + SEND_AT_ONCE]
            await asyncio.gather(*(client.publish(topic, text, qos=1, retain=True) for topic in some))

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            sender = self._by_device.get(message.topic.value.split("/")[2])
            if sender is not None and sender.answered(_bytes(message.payload), time.monotonic()):
                self.wake(sender)

    async def _send(self, client: aiomqtt.Client, listen: asyncio.Task[None]) -> None:
        """Send what is due until the only sender has no network; a broken connection raises."""
        looked = -LOOK_AGAIN_S
        while self._reachable:
            _mind_cancellation()
            if listen.done():
                listen.result()
                return
            now = time.monotonic()
            if now - looked >= LOOK_AGAIN_S:
                looked, some = now, list(self.senders)
            else:
                some = list(self._ready.values())
            self._ready.clear()
            self._news.clear()
            for sender in some:
                if sender.online:
                    await (self._lines(client, sender) if sender.plain else self._reports(client, sender))
            await self._pause(LOOK_AGAIN_S)

    async def _reports(self, client: aiomqtt.Client, sender: Sender) -> None:
        topic = TOPIC.format(sender.device, "report")
        while keys := sender.outbox.take(time.monotonic(), SEND_AT_ONCE):
            order = sender.faults.order(sender.device, keys)
            reports = [sender.flash.read(key) for key in order]
            await asyncio.gather(*(client.publish(topic, report, qos=1) for report in reports))

    async def _lines(self, client: aiomqtt.Client, sender: Sender) -> None:
        topic = TOPIC.format(sender.device, "nmea")
        while sender.lines:
            some = list(itertools.islice(sender.lines, SEND_AT_ONCE))
            await asyncio.gather(*(client.publish(topic, line, qos=1) for line in some))
            for line in some:  # the PUBACK ends them; what had to make room meanwhile is gone already
                if sender.lines and sender.lines[0] is line:
                    sender.lines.popleft()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()


def _mind_cancellation() -> None:
    """Raise a cancellation that a library has swallowed (``asyncio.wait_for`` of Python 3.11 may)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _bytes(payload: PayloadType) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode()
