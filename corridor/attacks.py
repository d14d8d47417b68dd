"""What a malicious device would try on a broker, tried for real.

Names are made up, so that no real device is touched, and no real gateway's share is joined. The attacker uses
a device's credentials where they are given; the gateway's own show at least that a broker holds nobody apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import gmqtt

from gateway.mqtt import Broker
from gateway.topic import Channel, every, shared, topic

_WAIT_S: Final = 3.0
_REFUSED: Final = 0x80


@dataclass(frozen=True, slots=True)
class Attacked:
    """One attack: its name, whether the broker withstood it, and that in words."""

    check: str
    well: bool
    said: str


async def attack(gateway: Broker, device: Broker | None = None, name: str | None = None) -> list[Attacked]:
    """Try all attacks with the credentials of ``device`` (whose name is ``name``); ``gateway`` watches."""
    mark = uuid.uuid4().hex[:8]
    victim, me = f"doctor-victim-{mark}", name or f"doctor-attacker-{mark}"
    watch = _Client(gateway, f"doctor-watch-{mark}")
    other = _Client(device or gateway, me)
    async with contextlib.AsyncExitStack() as closing:
        for client in (watch, other):
            closing.push_async_callback(client.close)
            try:
                await client.connect()
            except (OSError, TimeoutError, gmqtt.MQTTConnectError) as error:
                where = f"{client.broker.host}:{client.broker.port}"
                return [Attacked("broker", False, f"{where} not reachable: {error or 'no answer'}")]
        found = [Attacked("broker", True, f"{gateway.host}:{gateway.port} answers")]
        judge = _Judge(found, own=device in (None, gateway))
        await _publish(watch, other, victim, judge)
        await _read(watch, other, victim, judge)
        await _acks(other, me, judge)
        await _share(other, f"doctor-{mark}", judge)
        await _throw_out(watch, other, judge)
    return found


@dataclass(frozen=True, slots=True)
class _Judge:
    found: list[Attacked]
    own: bool

    def say(self, check: str, held: bool, what: str) -> None:
        """Note whether the broker has held."""
        if held:
            said = f"these credentials can't {what}"
        elif self.own:
            said = f"these credentials can {what}: fine for the gateway's own, "
            said += "fatal for a device's; see docs/mqtt.md"
        else:
            said = f"this device can {what}; see docs/mqtt.md"
        self.found.append(Attacked(check, held, said))


async def _publish(watch: _Client, other: _Client, victim: str, judge: _Judge) -> None:
    report = topic(victim, Channel.REPORT)
    if await watch.subscribe(report) >= _REFUSED and await watch.subscribe(every(Channel.REPORT)) >= _REFUSED:
        judge.found.append(Attacked("publish", False, "the gateway's credentials may not hear reports"))
        return
    other.publish(report)
    judge.say("publish", not await _so(lambda: report in watch.heard), "publish as another device")


async def _read(watch: _Client, other: _Client, victim: str, judge: _Judge) -> None:
    ack = topic(victim, Channel.ACK)
    await other.subscribe(ack)
    watch.publish(ack)
    judge.say("read", not await _so(lambda: ack in other.heard), "read another device's acks")


async def _acks(other: _Client, me: str, judge: _Judge) -> None:
    ack = topic(me, Channel.ACK)
    if await other.subscribe(ack) >= _REFUSED and not judge.own:
        judge.found.append(Attacked("ack", False, f"{me} may not hear its own acks: it would never forget"))
        return
    other.publish(ack)
    judge.say("ack", not await _so(lambda: ack in other.heard), "publish acks, which make devices forget")


async def _share(other: _Client, group: str, judge: _Judge) -> None:
    granted = await other.subscribe(shared(group, Channel.REPORT)) < _REFUSED
    judge.say("share", not granted, "join a group of gateways, and so take its share of all reports away")


async def _throw_out(watch: _Client, other: _Client, judge: _Judge) -> None:
    thief = _Client(other.broker, watch.client_id)
    with contextlib.suppress(OSError, TimeoutError, gmqtt.MQTTConnectError):
        await thief.connect()
    out = await _so(lambda: watch.gone)
    await thief.close()
    judge.say("id", not out, "throw a gateway out by its client id")


class _Client:
    """An MQTT client that remembers what it has heard."""

    def __init__(self, broker: Broker, client_id: str) -> None:
        self.broker, self.client_id = broker, client_id
        self.heard: set[str] = set()
        self.gone = False
        self._granted: asyncio.Queue[int] = asyncio.Queue()
        self._client = gmqtt.Client(client_id)
        self._client.set_config({"reconnect_retries": -2})  # below zero and not "unlimited": never
        if broker.username:
            self._client.set_auth_credentials(broker.username, broker.password)
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect

    async def connect(self) -> None:
        """Raises OSError, TimeoutError or MQTTConnectError."""
        context = self.broker.context()
        await asyncio.wait_for(self._client.connect(self.broker.host, self.broker.port, ssl=context), _WAIT_S)

    async def subscribe(self, wanted: str) -> int:
        """The broker's code: below 0x80 it is granted. No answer counts as a refusal."""
        if self.gone:
            return _REFUSED
        self._client.subscribe(wanted, qos=1)
        try:
            return await asyncio.wait_for(self._granted.get(), _WAIT_S)
        except TimeoutError:
            return _REFUSED

    def publish(self, name: str) -> None:
        """Publish something that means nothing."""
        if not self.gone:
            self._client.publish(name, b"{}", qos=1)

    async def close(self) -> None:
        """Go, if it is not gone yet."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.disconnect(), 2)

    def _on_message(self, _client: Any, name: str, _payload: bytes, _qos: int, _properties: Any) -> int:
        self.heard.add(name)
        return 0

    def _on_subscribe(self, _client: Any, _id: int, granted: Any, _properties: Any) -> None:
        for code in granted:
            self._granted.put_nowait(int(code))

    def _on_disconnect(self, _client: Any, _packet: Any, _error: Any = None) -> None:
        self.gone = True


async def _so(true: Callable[[], bool]) -> bool:
    """Whether it becomes so while we wait."""
    for _ in range(int(_WAIT_S / 0.05)):
        if true():
            return True
        await asyncio.sleep(0.05)
    return False
