"""One attempt at a delivery: it ends in limited time, whatever the receiver does."""

from __future__ import annotations

import asyncio
import contextlib

from corridor.deliveries import RULE
from feeds.outbound.schedule import Answer
from feeds.webhooks.endpoints import Endpoint
from feeds.webhooks.post import Poster
from streams.events import Change, Event, Kind

EVENT = Event(0, 1, 1, Kind.VISIT, "visit_1", 1, Change.CREATED, "main", "a", 0, 0, {})


async def test_a_receiver_that_answers_byte_by_byte_is_away() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    poster = Poster(lambda endpoint, event: b"{}", timeout_s=0.3)
    try:
        async with asyncio.timeout(20):
            answer = await poster.send(Endpoint("hook", "main", f"http://127.0.0.1:{port}", b"k" * 24), EVENT)
        assert answer == Answer(None, "no answer in 0.3 s")
        assert RULE.throttles(answer)
    finally:
        await poster.close()
        await ended.wait()
        server.close()
        await server.wait_closed()
