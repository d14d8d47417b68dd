"""What stands in for the gateway at the other end of a real broker: it answers as it is told to."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import cbor2

NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
Answer = Callable[[int, dict[str, Any]], dict[str, Any] | None]


@dataclass
class Heard:
    reports: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    status: list[tuple[str, bytes]] = field(default_factory=list)

    def maps(self) -> list[dict[str, Any]]:
        return [json.loads(r) if r[:1] == b"{" else cbor2.loads(r) for r in self.reports]


def durable(_: int, report: dict[str, Any]) -> dict[str, Any]:
    return {"boot": report["boot"], "durable": [[report["seq"], report["seq"]]]}


@contextlib.asynccontextmanager
async def gateway(port: int, answer: Answer = durable) -> AsyncIterator[Heard]:
    """Hear every device at ``port``; ``answer`` gets (how many before, the report) and gives the ack."""
    heard = Heard()
    async with aiomqtt.Client("127.0.0.1", port, identifier="double", socket_options=NO_DELAY) as client:
        # The gateway's own filters: the embedded broker keeps room for these, and 2 KB for any other.
        await client.subscribe([(f"corridor/v1/+/{channel}", 1) for channel in ("report", "nmea", "status")])
        task = asyncio.create_task(_listen(client, heard, answer))
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _listen(client: aiomqtt.Client, heard: Heard, answer: Answer) -> None:
    async for message in client.messages:
        _, _, device, channel = message.topic.value.split("/")
        data = message.payload
        assert isinstance(data, bytes)
        if channel == "status":
            heard.status.append((device, data))
        elif channel == "nmea":
            heard.lines.append(data)
        elif channel == "report":
            heard.reports.append(data)
            found = heard.maps()[-1]
            told = answer(len(heard.reports) - 1, found)
            if told is not None:
                body = json.dumps(told).encode() if data[:1] == b"{" else cbor2.dumps(told)
                await client.publish(f"corridor/v1/{device}/ack", body, qos=1)


async def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something to become true; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)
