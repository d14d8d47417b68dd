"""The live WebSocket: positions as they change, thinned to each client's rate, and events as they come."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.websockets import WebSocketDisconnect

from api.auth import CLEARING, principal_of
from api.errors import Problem
from api.live import Client, HubFullError
from api.scope import Scope
from api.state import state_of
from feeds.keys import KeyRing, Principal

router = APIRouter()
_LOG = logging.getLogger("corridor.api.audit")
HELLO_S: Final = 10.0
SEND_S: Final = 30.0
RECHECK_S: Final = 5.0
_MAX_MESSAGE: Final = 4096
BAD_MESSAGE, NO_KEY, NOT_ALLOWED, TOO_SLOW, TRY_LATER = 4400, 4401, 4403, 4408, 1013


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    view: tuple[float, float, float, float] | None = None

    @model_validator(mode="after")
    def _box_of_the_earth(self) -> _Message:
        if self.view is not None:
            west, south, east, north = self.view
            if not (abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90):
                raise ValueError("view: want [west, south, east, north] in degrees")
        return self


class Hello(_Message):
    """The first message of a client."""

    type: Literal["hello"]
    key: Annotated[str, Field(max_length=256)]
    max_hz: Annotated[float, Field(ge=0.1, le=10)] = 2.0


class View(_Message):
    """What a client looks at from now on."""

    type: Literal["view"]


class _Closed(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason[:120]


@router.websocket("/v1/live")
async def live(socket: WebSocket) -> None:
    """Hello first, then welcome, all positions, and from there what changes and happens."""
    state = state_of(socket.app)
    if not _same_origin(socket):
        await socket.close(NOT_ALLOWED, "origin not allowed")
        return
    await socket.accept()
    try:
        hello, who = await _hello(socket)
        if not state.hub.ready:
            raise _Closed(TRY_LATER, "not caught up yet: try again")
        async with state.hub.client(Scope(state.ports, state.directory, who).reach, hello.max_hz) as client:
            _LOG.info("watches name=%s tenant=%s role=%s", who.name, who.tenant, who.role)
            client.look_at(hello.view)
            await _serve(socket, client, hello.key, who)
    except _Closed as closed:
        await _close(socket, closed.code, closed.reason)
    except HubFullError as error:
        await _close(socket, TRY_LATER, str(error))
    except WebSocketDisconnect:
        pass


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with suppress(RuntimeError):  # the client closed first
        await socket.close(code, reason)


async def _hello(socket: WebSocket) -> tuple[Hello, Principal]:
    try:
        async with asyncio.timeout(HELLO_S):
            hello = _read(Hello, await _text(socket))
    except TimeoutError:
        raise _Closed(TOO_SLOW, f"no hello: want one within {HELLO_S:g} s") from None
    try:
        return hello, principal_of(state_of(socket.app).ports.keys, hello.key, CLEARING)
    except Problem as problem:
        code = NOT_ALLOWED if problem.status_code == 403 else NO_KEY
        raise _Closed(code, str(problem.detail)) from None


async def _serve(socket: WebSocket, client: Client, key: str, who: Principal) -> None:
    """Send and listen until either ends; the other is stopped then."""
    tasks = [
        asyncio.create_task(_send(socket, client), name="live-send"),
        asyncio.create_task(_listen(socket, client), name="live-listen"),
        asyncio.create_task(_held(state_of(socket.app).ports.keys, key, who), name="live-key"),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(socket: WebSocket, client: Client) -> None:
    async for message in client.messages():
        try:
            async with asyncio.timeout(SEND_S):
                await socket.send_text(message.decode())
        except TimeoutError:
            raise _Closed(TOO_SLOW, f"too slow: want a message taken within {SEND_S:g} s") from None


async def _held(keys: KeyRing, key: str, who: Principal) -> None:
    """Until the key is revoked or is no longer that of ``who``."""
    while keys.find(key) == who:
        await asyncio.sleep(RECHECK_S)
    raise _Closed(NO_KEY, "key revoked or changed")


async def _listen(socket: WebSocket, client: Client) -> None:
    while True:
        client.look_at(_read(View, await _text(socket)).view)


async def _text(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str = message.get("text") or ""
    if not text or len(text) > _MAX_MESSAGE:
        raise _Closed(BAD_MESSAGE, f"message: got {len(text)} characters, want JSON text to {_MAX_MESSAGE}")
    return text


def _read(kind: type[Any], text: str) -> Any:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise _Closed(BAD_MESSAGE, f"{where}: {first['msg']}") from None


def _same_origin(socket: WebSocket) -> bool:
    """Whether the page that opened the socket came from this host; programs send no Origin."""
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "").lower()
    return origin is None or origin.lower() in (f"http://{host}", f"https://{host}")
