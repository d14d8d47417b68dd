"""One public MQTT port in front of two inner ones: a listener that speaks 3.1.1 and one that speaks 5.

The door reads no more of a connection than its CONNECT's protocol level, then passes bytes both ways
untouched. Who connects and says nothing, or something else than MQTT, is sent away; a reader that is too
slow stops its own sender, nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_CONNECT: Final = 0x10
_UNACCEPTABLE_LEVEL: Final = b"\x20\x02\x00\x01"  # CONNACK of MQTT 3.1.1 section 3.2.2.3, code 1
_MAX_CONNECT: Final = 65_536
_HIGH_WATER: Final = 262_144


class NotConnectError(ValueError):
    """The first bytes of a connection are not those of a CONNECT packet."""


def protocol_level(head: bytes) -> int | None:
    """The protocol level of the CONNECT that starts with ``head`` (MQTT 3.1.1 and 5, section 3.1).

    None when more bytes are needed. Raises NotConnectError as soon as it can't become one.
    """
    if head[:1] and head[0] != _CONNECT:
        raise NotConnectError(f"not an MQTT connection: got first byte {head[0]:#04x}, want 0x10")
    at, length, shift = 1, 0, 0
    while True:
        if at >= len(head):
            return None
        length |= (head[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not head[at - 1] & 0x80:
            break
        if shift > 21:
            raise NotConnectError("connect packet's length not readable: got 5 bytes, want at most 4")
    if length > _MAX_CONNECT:
        raise NotConnectError(f"connect packet too large: got {length} bytes, want at most {_MAX_CONNECT}")
    name = head[at : at + 2]
    size = int.from_bytes(name, "big")
    if len(name) == 2 and size not in (4, 6):
        raise NotConnectError(f"protocol name not readable: got {size} bytes, want 4")
    if len(name) < 2 or len(head) <= at + 2 + size:
        return None
    if head[at + 2 : at + 2 + size] not in (b"MQTT", b"MQIsdp"):
        raise NotConnectError(f"unknown protocol: got {head[at + 2 : at + 2 + size]!r}, want b'MQTT'")
    return head[at + 2 + size]


class _Pipe(asyncio.Protocol):
    """One side of a connection; what it receives goes to the other side."""

    def __init__(self, door: FrontDoor) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Pipe | None = None
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            # what was passed on still goes out, unless the other side never reads it
            loop = asyncio.get_running_loop()
            loop.call_later(self._door.close_timeout_s, self.other.transport.abort)
            self.other.transport.close()


class _Visitor(_Pipe):
    """The public side: waits for the CONNECT, then opens the inner side."""

    def __init__(self, door: FrontDoor) -> None:
        super().__init__(door)
        self._head = b""
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self._door.enter():
            transport.abort()  # type: ignore[attr-defined]
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._door.connect_timeout_s, self._leave)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            if self.other.transport is not None:
                self.other.transport.write(data)
            return
        self._head += data
        if self._opening is not None:
            return
        try:
            level = protocol_level(self._head)
        except NotConnectError:
            self._leave()
        else:
            if level is not None:
                self._open(level)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self._timer is not None:
            self._timer.cancel()
            self._door.leave()
        if self._opening is not None:
            self._opening.cancel()

    def _open(self, level: int) -> None:
        assert self.transport is not None
        assert self._timer is not None
        self._timer.cancel()
        port = self._door.inner.get(level)
        if port is None:
            self.transport.write(_UNACCEPTABLE_LEVEL)
            self.transport.close()
            return
        self.transport.pause_reading()
        self._opening = asyncio.get_running_loop().create_task(self._connect(port), name="front door")

    async def _connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, inner = await loop.create_connection(lambda: _Pipe(self._door), "127.0.0.1", port)
        except OSError:
            self._leave()
            return
        if self.transport is None or inner.transport is None:
            if inner.transport is not None:
                inner.transport.close()
            return
        inner.other, self.other = self, inner
        inner.transport.write(self._head)
        self._head = b""
        self.transport.resume_reading()

    def _leave(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class FrontDoor:
    """A listening port; ``inner`` maps a protocol level (4 or 5) to a port on 127.0.0.1."""

    def __init__(
        self,
        inner: dict[int, int],
        *,
        max_connections: int = 10_000,
        connect_timeout_s: float = 10.0,
        close_timeout_s: float = 10.0,
    ) -> None:
        self.inner = inner
        self.close_timeout_s = close_timeout_s
        self.connect_timeout_s = connect_timeout_s
        self._free = max_connections

    def enter(self) -> bool:
        """Take one of the places; False when none is left."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def leave(self) -> None:
        """Give a place back."""
        self._free += 1

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start listening. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        factory: Callable[[], _Visitor] = lambda: _Visitor(self)  # noqa: E731
        return await loop.create_server(factory, host, port, backlog=4096)
