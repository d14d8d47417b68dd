import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.frontdoor import FrontDoor, NotConnectError, protocol_level

CONNECT_311 = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
CONNECT_5 = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a"


@pytest.mark.parametrize(("packet", "level"), [(CONNECT_311, 4), (CONNECT_5, 5)])
def test_the_level_is_read_as_soon_as_it_is_there(packet: bytes, level: int) -> None:
    found = [protocol_level(packet[:size]) for size in range(len(packet) + 1)]
    assert found == [None] * 9 + [level] * (len(packet) - 8)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"GET / HTTP/1.1", "got first byte 0x47"),
        (b"\x10\xff\xff\xff\xff\x01", "length not readable"),
        (b"\x10\xff\xff\x7f", "connect packet too large"),
        (b"\x10\x20\x00\x09", "protocol name not readable"),
        (b"\x10\x20\x00\x04HTTP\x04", "unknown protocol: got b'HTTP'"),
    ],
)
def test_what_is_no_connect_is_named(head: bytes, words: str) -> None:
    with pytest.raises(NotConnectError, match=words):
        protocol_level(head)


@contextlib.asynccontextmanager
async def door(**options: float) -> AsyncIterator[int]:
    """A front door to a listener of level 4 that greets with ``hi`` and sends back what it gets."""

    handlers: list[asyncio.Task[None]] = []

    async def inner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.append(task)
        writer.write(b"hi")
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(inner, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    public = await FrontDoor({4: port}, **options).listen("127.0.0.1", 0)  # type: ignore[arg-type]
    try:
        yield public.sockets[0].getsockname()[1]
    finally:
        public.close()
        server.close()
        await asyncio.wait_for(asyncio.gather(*handlers), 5)
        for _ in range(5):
            await asyncio.sleep(0.005)  # transports close in turns of the loop


async def ended(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 5)
    return b""


async def test_bytes_pass_both_ways_untouched_however_the_connect_is_cut() -> None:
    async with door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in CONNECT_311:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        big = bytes(range(256)) * 20_000
        writer.write(big)
        assert await reader.readexactly(2) == b"hi"
        assert await reader.readexactly(len(CONNECT_311) + len(big)) == CONNECT_311 + big
        writer.write_eof()
        assert await ended(reader) == b""
        writer.close()


async def test_a_level_that_nobody_speaks_is_refused_in_its_own_words() -> None:
    async with door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CONNECT_5)
        assert await ended(reader) == b"\x20\x02\x00\x01"
        writer.close()


async def test_garbage_and_silence_are_sent_away() -> None:
    async with door(connect_timeout_s=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x00" * 10)
        assert await ended(reader) == b""
        silent, silent_writer = await asyncio.open_connection("127.0.0.1", port)
        silent_writer.write(CONNECT_311[:5])
        assert await ended(silent) == b""
        writer.close()
        silent_writer.close()


async def test_a_full_house_takes_the_next_when_someone_leaves() -> None:
    async with door(max_connections=1) as port:
        first_reader, first = await asyncio.open_connection("127.0.0.1", port)
        first.write(CONNECT_311)
        assert await first_reader.readexactly(2) == b"hi"
        reader, second = await asyncio.open_connection("127.0.0.1", port)
        assert await ended(reader) == b""
        second.close()
        first.write_eof()
        await ended(first_reader)
        first.close()
        async with asyncio.timeout(5):
            while True:
                reader, third = await asyncio.open_connection("127.0.0.1", port)
                third.write(CONNECT_311)
                greeting = b""
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    greeting = await reader.read(2)
                third.close()
                if greeting == b"hi":
                    break


async def test_a_slow_reader_stops_its_own_sender() -> None:
    async with door(close_timeout_s=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(CONNECT_311)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 256 << 20:
                writer.write(b"x" * (1 << 20))
                await asyncio.wait_for(writer.drain(), 0.3)
                sent += 1 << 20
        assert sent < 256 << 20, "someone holds all of it in memory"
        writer.transport.abort()
        del reader
