"""The busy part of a subscriber's MQTT: packets taken apart by the read, PUBACKs written by the read.

gmqtt makes the connection, greets, subscribes, pings and reads what is rare. A plain PUBLISH (QoS 0 or 1, no
properties), its PUBACK and the PUBACKs of what is published here never reach it: it spends more on a message
than all else that the gateway does with it.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from typing import Any, Final

import gmqtt
from gmqtt.mqtt.constants import MQTTv50
from gmqtt.mqtt.package import Package

_PUBLISH: Final = 0x30
_QOS: Final = 0x06
_QOS_1: Final = 0x02
_PUBACK: Final = 0x40
_PUBACK_HEAD: Final = b"\x40\x02"  # of both versions, when there is no more to say than success
_MOST_LENGTH_BYTES: Final = 4
_ID: Final = struct.Struct(">H")

Handler = Callable[[str, bytes], None]


class Wire(asyncio.Protocol):
    """A transport's protocol in the place of gmqtt's, from before the CONNECT on.

    ``handler`` gets each message (topic, payload) and must not raise. It may not keep anything waiting.
    """

    def __init__(self, connection: Any, handler: Handler) -> None:
        """``connection``: gmqtt's, which has sent nothing yet."""
        self._connection = connection
        self._gmqtt: asyncio.Protocol = connection._protocol
        self._transport = connection._transport
        self._ids = connection._handler.id_generator
        self._state = connection._handler._connection_state
        self._handler = handler
        self._held = bytearray()
        self._wanted = 0
        self._transport.set_protocol(self)

    def publish(self, topic: bytes, payload: bytes) -> None:
        """Send a message with QoS 1. Raises OverflowError while too many wait for their PUBACK."""
        properties = b"\0" if self._state.protocol_version == MQTTv50 else b""
        size = 4 + len(topic) + len(properties) + len(payload)
        head = bytearray((_PUBLISH | _QOS_1,))
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        head.append(size)
        head += _ID.pack(len(topic)) + topic + _ID.pack(self._ids.next_id()) + properties + payload
        self._connection._transport.write(head)

    def data_received(self, data: bytes) -> None:
        """Take apart what is whole; the rest waits for more."""
        self._connection._last_data_in = time.monotonic()
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return
            data = bytes(self._held)
            self._held.clear()
        at = self._packets(data)
        if at < len(data):
            self._held += memoryview(data)[at:]

    def _packets(self, data: bytes) -> int:
        """Handle the whole packets; returns where the first that is not whole begins."""
        five = self._state.protocol_version == MQTTv50
        at, size, acks, handler = 0, len(data), bytearray(), self._handler
        self._wanted = 2
        while size - at >= 2:
            kind, length, body = data[at], data[at + 1], at + 2
            if length > 127:
                found = _length(data, at + 1)
                if found is None:
                    self._wanted = size - at + 1
                    break
                length, body = found
                if length < 0:
                    self._transport.abort()  # nobody can tell any more where a packet begins
                    return size
            end = body + length
            if end > size:
                self._wanted = end - at
                break
            if kind & 0xF0 == _PUBLISH and length >= 2 and (kind & _QOS) <= _QOS_1:
                topic_end = start = body + 2 + (data[body] << 8 | data[body + 1])
                if kind & _QOS:
                    start += 2
                if start + five <= end and topic_end > body + 2 and not (five and data[start]):
                    if kind & _QOS:
                        acks += _PUBACK_HEAD + data[topic_end:start]
                    handler(data[body + 2 : topic_end].decode("utf-8", "replace"), data[start + five : end])
                    at = end
                    continue
            if kind == _PUBACK and length >= 2:
                self._ids.free_id(data[body] << 8 | data[body + 1])
            else:
                self._connection.put_package(Package(kind, data[body:end]))
            at = end
        if acks:
            self._connection._transport.write(acks)
        return at

    def eof_received(self) -> bool | None:
        """See asyncio.Protocol."""
        return self._gmqtt.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._gmqtt.connection_lost(error)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._gmqtt.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._gmqtt.resume_writing()


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """The remaining length that begins at ``at`` and where it ends; below 0 is none; None: not all there."""
    length = 0
    for n in range(_MOST_LENGTH_BYTES):
        if at + n >= len(data):
            return None
        length |= (data[at + n] & 127) << 7 * n
        if data[at + n] < 128:
            return length, at + n + 1
    return -1, at


class WiredClient(gmqtt.Client):  # type: ignore[misc]
    """gmqtt's client; with ``handler`` set before it connects, what is busy goes by a ``Wire``."""

    handler: Handler | None = None
    wire: Wire | None = None

    async def _create_connection(self, *arguments: Any, **named: Any) -> Any:
        connection = await super()._create_connection(*arguments, **named)
        if self.handler is not None:
            self.wire = Wire(connection, self.handler)
        return connection
