"""Health and metrics of a role that has no API: two addresses over HTTP, for balancers and Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import orjson
from prometheus_client import CollectorRegistry, generate_latest

Health = Callable[[], tuple[bool, dict[str, Any]]]
"""Whether the role does its work, and what it says of itself (JSON values, no names, no paths)."""

_REQUEST_S: Final = 5.0
_MAX_LINE: Final = 4096
_OPEN: Final = 64


@contextlib.asynccontextmanager
async def serving(host: str, port: int, health: Health, metrics: CollectorRegistry) -> AsyncIterator[int]:
    """Answer GET /health (200 or 503, JSON) and GET /metrics at ``host``:``port`` while the block lasts.

    Gives the port (0: any free one). Raises OSError when it can't be had.
    """
    open_ = asyncio.Semaphore(_OPEN)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            async with open_, asyncio.timeout(_REQUEST_S):
                status, kind, body = _answer(await _path(reader), health, metrics)
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        writer.close()

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = await asyncio.start_server(answer, host, port, family=family, limit=_MAX_LINE)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _path(reader: asyncio.StreamReader) -> str:
    """The path of a GET request, whose head is read to its end; "" when it is another request."""
    line = (await reader.readline()).decode("latin-1").split()
    while (await reader.readline()).strip():
        pass
    return line[1].partition("?")[0] if len(line) == 3 and line[0] == "GET" else ""


def _answer(path: str, health: Health, metrics: CollectorRegistry) -> tuple[str, str, bytes]:
    if path == "/metrics":
        return "200 OK", "text/plain; version=0.0.4; charset=utf-8", generate_latest(metrics)
    if path == "/health":
        well, said = health()
        body = orjson.dumps({"ready": well, "checks": said})
        return "200 OK" if well else "503 Service Unavailable", "application/json", body
    return "404 Not Found", "text/plain", b"want GET /health or GET /metrics\n"
