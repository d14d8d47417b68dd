"""The event feed: each event once, resumable from any line, waiting when there is nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from feeds import cursor
from tests.unit.api.world import ASSET, VIN, World, visit

on_module = pytest.mark.asyncio(loop_scope="module")


async def lines(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/events", params=query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


@on_module
async def test_reading_from_every_cursor_gives_exactly_the_rest(reader: httpx.AsyncClient) -> None:
    everything = await lines(reader)
    assert len(everything) == 25
    for at, line in enumerate(everything):
        rest = await lines(reader, after=line["cursor"])
        assert [one["id"] for one in rest] == [one["id"] for one in everything[at + 1 :]]


@on_module
async def test_reading_by_small_pages_gives_each_event_once(reader: httpx.AsyncClient) -> None:
    seen, at = [], None
    while page := await lines(reader, limit=2, **({"after": at} if at else {})):
        seen += [one["id"] for one in page]
        at = page[-1]["cursor"]
    assert seen == [one["id"] for one in await lines(reader)]


@on_module
async def test_line_carries_the_object_in_units_of_the_api(reader: httpx.AsyncClient) -> None:
    (line,) = await lines(reader, kinds="visit")
    assert line["id"] == "visit_own"
    assert line["asset"] == ASSET
    assert (line["revision"], line["change"], line["t"]) == (1, "created", "2026-11-22T07:00:00.000Z")
    assert line["object"]["enter"]["estimate"] == "2026-11-22T07:00:00.000Z"
    assert line["object"]["dwell_s"] == 600


@on_module
async def test_events_are_filtered(reader: httpx.AsyncClient) -> None:
    assert {one["kind"] for one in await lines(reader, kinds="trip,crossing")} == {"trip", "crossing"}
    assert len(await lines(reader, asset=VIN)) == 22
    assert await lines(reader, after="latest") == []


@pytest.mark.parametrize(
    ("query", "status", "want"),
    [
        ({"after": "nonsense!"}, 400, "cursor not readable: got 'nonsense!'"),
        ({"after": cursor.encode((1, 2, 3))}, 400, "got 3 partitions, want 2"),
        ({"after": cursor.encode((0, 0))[:-4]}, 400, "cursor"),
        ({"kinds": "visit,sight"}, 422, "got 'sight', want any of asset"),
        ({"limit": 10_001}, 422, "got 10001"),
        ({"wait": 61}, 422, "got 61"),
        ({"wait": "nan"}, 422, "got nan"),
    ],
)
@on_module
async def test_wrong_request_is_refused(
    reader: httpx.AsyncClient, query: dict[str, Any], status: int, want: str
) -> None:
    answer = await reader.get("/v1/events", params=query)
    assert answer.status_code == status
    assert want in answer.json()["detail"]


async def test_cursor_before_retention_is_gone(client: httpx.AsyncClient, world: World) -> None:
    first = (await lines(client))[0]["cursor"]
    world.ports.read.trim_events(2**62)
    answer = await client.get("/v1/events", params={"after": first})
    assert (answer.status_code, answer.json()["code"]) == (410, "events_trimmed")
    assert await lines(client) == []


async def test_waiting_ends_with_the_next_event_of_the_own_tenant(
    client: httpx.AsyncClient, world: World
) -> None:
    at = (await client.get("/v1/events?after=latest")).headers["corridor-cursor"]
    waiting = asyncio.create_task(lines(client, after=at, wait=30))
    world.engine.commit([visit("asset_x", "other", "visit_foreign", 2)], partition=1)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    world.engine.commit([visit(ASSET, "main", "visit_own", 2)], partition=1)
    (line,) = await asyncio.wait_for(waiting, 10)
    assert (line["id"], line["revision"], line["change"]) == ("visit_own", 2, "amended")


@on_module
async def test_waiting_ends_by_itself(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/v1/events?after=latest&wait=0.05")
    assert answer.text == ""
    assert answer.headers["corridor-cursor"]


async def test_waiting_ends_when_the_process_stops(client: httpx.AsyncClient, world: World) -> None:
    waiting = asyncio.create_task(lines(client, after="latest", wait=60))
    await asyncio.sleep(0.05)
    world.live.push(None)
    assert await asyncio.wait_for(waiting, 10) == []
    assert await asyncio.wait_for(lines(client, after="latest", wait=60), 10) == []


async def test_event_that_comes_while_looking_is_not_slept_over(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = False
    look = world.ports.read.events_after

    def look_just_before(*args: Any, **kwargs: Any) -> Any:
        nonlocal committed
        found = look(*args, **kwargs)
        if not committed:
            committed = True
            world.engine.commit([visit(ASSET, "main", "visit_own", 2)], partition=1)
        return found

    at = (await client.get("/v1/events?after=latest")).headers["corridor-cursor"]
    monkeypatch.setattr(world.ports.read, "events_after", look_just_before)
    (line,) = await asyncio.wait_for(lines(client, after=at, wait=30), 10)
    assert line["revision"] == 2
