"""A connection to the broker that is always wanted: gmqtt, with our own way of coming back.

MQTT 5 first, 3.1.1 when the broker refuses that. After a loss the pauses grow from half a second to 30
seconds; ``state`` always says in words where it stands. PUBACKs are sent at once, or, for a connection
with ``acknowledge_after``, when the handler's coroutine has returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTError

from gateway.errors import GatewayError
from gateway.wire import WiredClient

log = logging.getLogger("corridor.gateway")

_CONNECT_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_NEVER_EXPIRES: Final = 0xFFFFFFFF
_WINDOW: Final = 1_000  # messages that wait for their PUBACK at once
_REFUSED: Final = 0x80  # from here on the codes of a SUBACK are refusals (MQTT 5 section 3.9.3)
_NO_RECONNECTS: Final = -2  # below zero and not gmqtt's "unlimited": the loop below does it

# gmqtt logs what we report ourselves, and a warning for each reconnect that we forbid
_quiet = logging.getLogger("corridor.gmqtt")
_quiet.setLevel(logging.CRITICAL + 1)
for _name in ("gmqtt.mqtt.protocol", "gmqtt.mqtt.package", "gmqtt.mqtt.handler", "gmqtt.mqtt.utils"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

Handler = Callable[[str, bytes], None]
DurableHandler = Callable[[str, bytes], Awaitable[None]]


class NotConnectedError(GatewayError):
    """Nothing can be published now."""


class _ClosedError(GatewayError):
    """The broker closed the connection instead of answering; perhaps it speaks another version."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are; the password does not show in repr."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls: bool = False

    def __repr__(self) -> str:
        return f"Broker({self.host}:{self.port}{', tls' if self.tls else ''})"

    def context(self) -> ssl.SSLContext | bool:
        """The TLS context for the files given, False for plain TCP."""
        if not self.tls:
            return False
        context = ssl.create_default_context(cafile=self.tls_ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.tls_cert is not None:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        return context


class _Gathering:
    """A transport that sends what was written during one turn of the event loop by one system call.

    gmqtt writes every PUBACK by itself, and that system call costs more than all else it does with a
    message. Everything but ``write`` is the real transport's.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


class Connection:
    """One MQTT session: connects, subscribes, hands messages over, comes back after a loss."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        filters: Sequence[str],
        handler: Handler,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        """``will`` is a topic and what the broker publishes there when this connection dies.

        Who has one is missed by others: the broker then takes 15 s of silence for death instead of 45.
        """
        self.state = "not connected yet"
        self.connected = False
        self.losses = 0
        self._broker = broker
        self._client_id = client_id
        self._filters = filters
        self._will = will
        self._keepalive_s = 30 if will is None else 10
        self._version = MQTTv50
        self._handler: Handler | DurableHandler = handler
        self._acknowledge_after = False
        self._resumed: Callable[[], None] | None = None
        self._client: WiredClient | None = None
        self._lost = asyncio.Event()

    @classmethod
    def acknowledge_after(
        cls,
        broker: Broker,
        client_id: str,
        filters: Sequence[str],
        handler: DurableHandler,
        resumed: Callable[[], None],
    ) -> Connection:
        """A connection with a session that the broker keeps, and a PUBACK only after ``handler``.

        ``resumed`` is called before the first message of a session that the broker had kept.
        """
        connection = cls(broker, client_id, filters, lambda _topic, _payload: None)
        connection._handler = handler
        connection._acknowledge_after = True
        connection._resumed = resumed
        return connection

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            if await self.once():
                pause = _FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def once(self) -> bool:
        """Connect and stay until that is lost. Returns whether there was a connection."""
        where = f"{self._broker.host}:{self._broker.port}"
        try:
            await self._connect(self._version)
        except (OSError, TimeoutError, MQTTError, _ClosedError) as error:
            self._say(f"not connected to {where}: {_words(error)}")
            other = self._version == MQTTv50 and not isinstance(error, OSError)
            self._version = MQTTv311 if other else MQTTv50
            return False
        self.connected = True
        self._say(f"connected to {where}")
        try:
            await self._lost.wait()
        finally:
            self.connected = False
            await self._drop()
        self.losses += 1
        self._say(f"connection to {where} lost")
        return True

    def close(self) -> None:
        """End this connection; ``once`` returns then."""
        self._lost.set()

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Hand a message to the broker. Raises NotConnectedError, also when too many are on their way."""
        if self._client is None or not self.connected:
            raise NotConnectedError(f"not published to {topic}: {self.state}")
        try:
            if qos == 1 and self._client.wire is not None:
                self._client.wire.publish(topic.encode(), payload)
            else:
                self._client.publish(topic, payload, qos=qos)
        except OverflowError as error:
            raise NotConnectedError(f"not published to {topic}: too many unacknowledged") from error

    async def _connect(self, version: int) -> None:
        self._lost = asyncio.Event()
        client = self._client = self._new_client()
        try:
            await asyncio.wait_for(self._greet(client, version), _CONNECT_S)
            self._gather_writes(client)
            for found in self._filters:
                client.subscribe(found, qos=1)
        except BaseException:
            await self._drop()
            raise

    @staticmethod
    def _gather_writes(client: gmqtt.Client) -> None:
        connection = client._connection
        connection._transport = connection._protocol._transport = _Gathering(connection._transport)

    async def _greet(self, client: gmqtt.Client, version: int) -> None:
        """Connect, or find out that the broker hangs up."""
        host, port, context = self._broker.host, self._broker.port, self._broker.context()
        connect = asyncio.create_task(
            client.connect(host, port, ssl=context, keepalive=self._keepalive_s, version=version),
            name="mqtt connect",
        )
        lost = asyncio.create_task(self._lost.wait(), name="mqtt lost")
        try:
            await asyncio.wait({connect, lost}, return_when=asyncio.FIRST_COMPLETED)
            answered = connect.done()
        finally:
            connect.cancel()
            lost.cancel()
            await asyncio.gather(connect, lost, return_exceptions=True)
        if not answered:
            why = ": it may refuse this certificate" if self._broker.tls_cert else ""
            raise _ClosedError(f"connection closed by the broker{why}")
        connect.result()

    def _new_client(self) -> WiredClient:
        properties: dict[str, Any] = {}
        if self._acknowledge_after:
            properties = {"session_expiry_interval": _NEVER_EXPIRES, "receive_maximum": _WINDOW}
        client = WiredClient(
            self._client_id,
            clean_session=not self._acknowledge_after,
            optimistic_acknowledgement=not self._acknowledge_after,
            will_message=gmqtt.Message(*self._will, qos=1) if self._will else None,
            logger=_quiet,
            **properties,
        )
        client.handler = None if self._acknowledge_after else self._hear
        client.set_config({"reconnect_retries": _NO_RECONNECTS})
        if self._broker.username is not None:
            client.set_auth_credentials(self._broker.username, self._broker.password)
        lost = self._lost
        client.on_disconnect = lambda _client, _packet, _error=None: lost.set()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._receive_then_acknowledge if self._acknowledge_after else self._receive
        return client

    def _on_connect(self, _client: Any, session_present: int, _code: int, _properties: Any) -> None:
        if session_present and self._resumed is not None:
            self._resumed()

    def _on_subscribe(self, _client: Any, _id: int, granted: Sequence[int], _properties: Any) -> None:
        """A broker whose access rules refuse a filter sends nothing: say so, and ask again after a while."""
        if any(code >= _REFUSED for code in granted):
            self.connected = False
            filters = ", ".join(self._filters)
            self._say(f"{self._broker.host}:{self._broker.port} refuses the subscription to {filters}")
            asyncio.get_running_loop().call_later(_LONGEST_PAUSE_S, self._lost.set)

    def _receive(self, _client: Any, topic: str, payload: bytes, _qos: int, _properties: Any) -> None:
        self._hear(topic, payload)

    def _hear(self, topic: str, payload: bytes) -> None:
        try:
            self._handler(topic, payload)
        except Exception:  # nobody else would say a word
            log.exception("message_not_handled topic=%r bytes=%d", topic, len(payload))

    async def _receive_then_acknowledge(
        self, _client: Any, topic: str, payload: bytes, _qos: int, _properties: Any
    ) -> int:
        done = self._handler(topic, payload)
        if done is not None:
            await done
        return 0

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.disconnect(), 2)

    def _say(self, state: str) -> None:
        if state != self.state:
            self.state = state
            log.info("mqtt_connection client=%s state=%r", self._client_id, state)


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"no answer in {_CONNECT_S:g} s"
    return str(error).lower() or type(error).__name__
