"""The live WebSocket: hello, everything, changes, events; slow clients, wrong keys, other origins."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from fastapi import FastAPI

from api import live
from api.live import Client
from api.liveview import TenantView
from api.ports import LiveBatch
from api.routes import live as route
from api.state import state_of
from tests.unit.api.sockets import Closed, Socket, connected
from tests.unit.api.world import (
    ASSET,
    INSURER_KEY,
    KEY,
    OTHER_ASSET,
    OTHER_KEY,
    World,
    positions,
    visit,
)

on_module = pytest.mark.asyncio(loop_scope="module")


def hello(key: str = KEY, **more: Any) -> dict[str, Any]:
    return {"type": "hello", "key": key, "view": None, "max_hz": 10, **more}


async def opened(socket: Socket, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    socket.send(hello(**more))
    return await socket.heard(), await socket.heard()


@pytest.fixture
async def app(world: World, client: httpx.AsyncClient) -> FastAPI:
    """The app of ``world``, running."""
    return world.app


@pytest_asyncio.fixture(loop_scope="module")
async def shared_app(shared: World, reader: httpx.AsyncClient) -> FastAPI:
    """The app of ``shared``, running."""
    return shared.app


@on_module
async def test_hello_is_answered_by_welcome_and_all_positions(shared_app: FastAPI) -> None:
    async with connected(shared_app) as socket:
        welcome, first = await opened(socket)
    assert welcome["type"] == "welcome"
    assert welcome["cursor"]
    assert first["type"] == "positions"
    assert first["items"] == [[ASSET, 101.65, 21.15, 42.5, None, 1795330800000, "moving", "CN"]]


async def test_changes_and_events_follow(app: FastAPI, world: World) -> None:
    async with connected(app) as socket:
        await opened(socket)
        world.live.push(LiveBatch(positions((ASSET, "main", 101.7, 21.2))))
        assert (await socket.heard())["items"][0][:3] == [ASSET, 101.7, 21.2]
        world.engine.commit([visit(ASSET, "main", "visit_own", 2)], partition=1)
        event = await socket.heard()
    assert (event["type"], event["id"], event["revision"]) == ("event", "visit_own", 2)
    assert event["object"]["dwell_s"] == 600


async def test_event_is_the_line_of_the_feed_and_its_cursor_goes_on_there(
    app: FastAPI, world: World, client: httpx.AsyncClient
) -> None:
    async with connected(app) as socket:
        welcome, _ = await opened(socket)
        world.engine.commit([visit(ASSET, "main", "visit_own", 2)], partition=1)
        event = await socket.heard()
    del event["type"]
    assert (await client.get("/v1/events", params={"after": welcome["cursor"]})).json() == event
    assert (await client.get("/v1/events", params={"after": event["cursor"]})).text == ""


async def test_nothing_of_another_tenant_is_heard(app: FastAPI, world: World) -> None:
    async with connected(app) as mine, connected(app) as theirs:
        await opened(mine)
        _, first = await opened(theirs, key=OTHER_KEY)
        assert [item[0] for item in first["items"]] == [OTHER_ASSET]
        world.live.push(LiveBatch(positions((OTHER_ASSET, "other", 1, 1))))
        world.engine.commit([visit(OTHER_ASSET, "other", "visit_foreign", 2)], partition=1)
        world.live.push(LiveBatch(positions((ASSET, "main", 2, 2))))
        assert {(await theirs.heard())["type"], (await theirs.heard())["type"]} == {"positions", "event"}
        assert [item[0] for item in (await mine.heard())["items"]] == [ASSET]


@on_module
async def test_view_may_change(shared_app: FastAPI) -> None:
    async with connected(shared_app) as socket:
        _, first = await opened(socket, view=[0, 0, 1, 1])
        assert first["items"] == []
        for view in ([101, 21, 102, 22], None):
            socket.send({"type": "view", "view": view})
            assert [item[0] for item in (await socket.heard())["items"]] == [ASSET]


async def closed_with(socket: Socket) -> tuple[int, str]:
    with pytest.raises(Closed) as closed:
        await socket.heard()
    return closed.value.code, closed.value.reason


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (hello("wrong"), 4401, "key not known"),
        (hello(""), 4401, "no key"),
        (hello(INSURER_KEY), 4403, "got insurer"),
        ("{", 4400, "message: Invalid JSON"),
        ([], 4400, "message: Input should be an object"),
        ({"type": "hello"}, 4400, "key: Field required"),
        (hello(max_hz=0), 4400, "max_hz"),
        (hello(max_hz=1000), 4400, "max_hz"),
        (hello(view=[1, 2, 3]), 4400, "view"),
        (hello(view=[1, 50, 3, 4]), 4400, "west, south, east, north"),
        (hello(more=1), 4400, "more"),
        ({"type": "view", "view": None}, 4400, "type"),
        ("x" * 5000, 4400, "got 5000 characters"),
    ],
)
@on_module
async def test_wrong_hello_is_closed_with_the_reason(
    shared_app: FastAPI, message: Any, code: int, reason: str
) -> None:
    async with connected(shared_app) as socket:
        socket.send(message)
        got, why = await closed_with(socket)
    assert got == code
    assert reason in why


@on_module
async def test_wrong_message_later_is_closed_too(shared_app: FastAPI) -> None:
    async with connected(shared_app) as socket:
        await opened(socket)
        socket.send(b"\x00")
        assert (await closed_with(socket))[0] == 4400


@on_module
async def test_no_hello_is_closed(shared_app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "HELLO_S", 0.02)
    async with connected(shared_app) as socket:
        assert await closed_with(socket) == (4408, "no hello: want one within 0.02 s")


@pytest.mark.parametrize("origin", ["http://evil.example", "http://here.evil.example", "null", "http://["])
@on_module
async def test_page_of_another_origin_gets_no_socket(shared_app: FastAPI, origin: str) -> None:
    with pytest.raises(Closed) as refused:
        async with connected(shared_app, {"Origin": origin}):
            pass
    assert refused.value.code == 4403


@on_module
async def test_page_of_this_origin_gets_one(shared_app: FastAPI) -> None:
    async with connected(shared_app, {"Origin": "http://here"}) as socket:
        assert (await opened(socket))[0]["type"] == "welcome"


@on_module
async def test_one_client_too_many_is_told_to_come_again(
    shared_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_CLIENTS", 1)
    async with connected(shared_app) as first, connected(shared_app) as second:
        await opened(first)
        second.send(hello())
        assert await closed_with(second) == (1013, "too many live clients: got one more, want at most 1")


async def test_client_that_left_is_forgotten(app: FastAPI, world: World) -> None:
    def clients() -> float | None:
        return world.ports.registry.get_sample_value("corridor_live_clients")

    async with connected(app) as socket:
        await opened(socket)
        assert clients() == 1
    assert clients() == 0


@on_module
async def test_missed_events_make_every_client_catch_up(shared_app: FastAPI, shared: World) -> None:
    async with connected(shared_app) as socket:
        welcome, _ = await opened(socket)
        shared.live.push(LiveBatch(missed=True))
        lag = await socket.heard()
    assert (lag["type"], lag["cursor"]) == ("lag", welcome["cursor"])


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_slow_client_keeps_a_bounded_queue_and_is_told_where_to_go_on() -> None:
    client = Client(TenantView(), "start", 2, Clock())
    stream = client.messages()
    assert json.loads(await anext(stream)) == {"type": "welcome", "cursor": "start"}
    assert json.loads(await anext(stream)) == {"type": "positions", "items": []}
    assert client.offer("c0", b'"e0"')
    assert await anext(stream) == b'"e0"'
    taken = sum(client.offer(f"c{n}", b"{}") for n in range(1, 5000))
    assert taken == live.MAX_EVENTS
    assert json.loads(await anext(stream)) == {"type": "lag", "cursor": "c0", "dropped": 4999}
    assert client.offer("c5000", b'"e5000"')
    assert await anext(stream) == b'"e5000"'


async def test_positions_come_at_most_at_the_clients_rate_and_merged() -> None:
    clock, view = Clock(), TenantView()
    client = Client(view, "start", 2, clock)
    stream = client.messages()
    await anext(stream)
    await anext(stream)
    for lon in range(50):
        table = positions(("a", "main", lon, 1))
        view.merge(table, np.arange(1))
        client.notify()
    following = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.02)
    assert not following.done()
    clock.now += 0.5
    client.notify()
    message = json.loads(await asyncio.wait_for(following, 5))
    assert [row[:2] for row in message["items"]] == [["a", 49.0]]


async def test_event_does_not_wait_for_the_rate_of_positions() -> None:
    client = Client(TenantView(), "start", 0.1, Clock())
    stream = client.messages()
    await anext(stream)
    await anext(stream)
    client.offer("c1", b'"now"')
    assert await asyncio.wait_for(anext(stream), 5) == b'"now"'


async def test_hub_that_fails_says_so_and_recovers(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "_PAUSE_S", 0.02)
    hub = state_of(world.app).hub
    broken = visit(ASSET, "main", "visit_own", 2)
    events = world.engine.commit([broken], partition=1)
    world.live.push(LiveBatch(events=[replace(events[0], partition=99)]))
    async with asyncio.timeout(10):
        while hub.ready:
            await asyncio.sleep(0.001)
        assert (await client.get("/readyz")).status_code in (200, 503)
        while not hub.ready:
            await asyncio.sleep(0.001)
    assert "live_view_failed" in caplog.text


async def test_not_ready_is_said(client: httpx.AsyncClient, world: World) -> None:
    world.health["ready"] = False
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "checks": {"engine": "ok", "live": True}}
    assert (await client.get("/healthz")).status_code == 200
