"""A WebSocket client that speaks ASGI to the app on the test's own loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

WAIT_S = 20.0


class Closed(Exception):
    """The server closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Socket:
    """One open socket."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.from_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    def send(self, message: Any) -> None:
        """Text as it is, bytes as binary, anything else as JSON."""
        if isinstance(message, bytes):
            self.to_app.put_nowait({"type": "websocket.receive", "bytes": message})
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def heard(self) -> dict[str, Any]:
        """The next message. Raises Closed."""
        message = await asyncio.wait_for(self.from_app.get(), WAIT_S)
        if message["type"] == "websocket.close":
            raise Closed(message["code"], message.get("reason") or "")
        return dict(json.loads(message["text"]))


@asynccontextmanager
async def connected(app: FastAPI, headers: Mapping[str, str] | None = None) -> AsyncIterator[Socket]:
    """A socket of /v1/live, accepted. Raises Closed when it is not."""
    socket = Socket()
    sent = {"Host": "here", **(headers or {})}
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/v1/live",
        "raw_path": b"/v1/live",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "server": ("here", 80),
        "client": ("here", 1),
        "subprotocols": [],
    }
    socket.to_app.put_nowait({"type": "websocket.connect"})
    task = asyncio.create_task(app(scope, socket.to_app.get, socket.from_app.put))
    try:
        first = await asyncio.wait_for(socket.from_app.get(), WAIT_S)
        if first["type"] == "websocket.close":
            raise Closed(first["code"], first.get("reason") or "")
        yield socket
    finally:
        socket.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(task, WAIT_S)
