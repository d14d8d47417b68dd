"""The live view of officers: cases at their gates of all tenants, positions while a case is open."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.casewatch import CaseWatch
from api.ports import LiveBatch
from api.routes import live as route
from feeds.keyfile import KeyFile
from feeds.keys import Role, create, revoke
from feeds.readreach import AtGates
from streams.events import Change, Event, Kind
from tests.unit.api.papers import T0, case_data, filing_data, permit_data
from tests.unit.api.sockets import Closed, Socket, connected
from tests.unit.api.world import (
    ASSET,
    CUSTOMS_KEY,
    FAR_KEY,
    LINK_KEY,
    OTHER_ASSET,
    OTHER_VIN,
    VIN,
    World,
    positions,
    trip,
)

NEW = "asset_new"


@pytest.fixture
async def app(client: httpx.AsyncClient, world: World) -> FastAPI:
    """The app of ``world`` while it runs."""
    return world.app


async def opened(socket: Socket, key: str = CUSTOMS_KEY) -> tuple[dict[str, Any], dict[str, Any]]:
    socket.send({"type": "hello", "key": key, "max_hz": 10})
    return await socket.heard(), await socket.heard()


async def silent(socket: Socket) -> None:
    """Hears on until the socket is closed. Raises Closed."""
    while True:
        await socket.heard()


def assets(message: dict[str, Any]) -> list[str]:
    return sorted(item[0] for item in message["items"])


def told(kind: Kind, id_: str, revision: int, tenant: str, asset: str, data: Any) -> tuple[Any, ...]:
    change = Change.CREATED if revision == 1 else Change.AMENDED
    return kind, id_, revision, change, tenant, asset, T0, data


async def test_an_officer_sees_open_cases_at_the_gate_of_all_tenants(app: FastAPI) -> None:
    async with connected(app) as here, connected(app) as far:
        assert assets((await opened(here))[1]) == sorted([ASSET, OTHER_ASSET])
        assert assets((await opened(far, FAR_KEY))[1]) == []


async def test_an_officer_hears_of_the_gate_and_nobody_of_another(app: FastAPI, world: World) -> None:
    async with connected(app) as here, connected(app) as far:
        await opened(here)
        await opened(far, FAR_KEY)
        moved = case_data("far", VIN, gate="manzhouli")
        world.engine.commit(
            [
                trip(ASSET, "main", "trip_more"),
                told(Kind.CASE, "case_foreign", 2, "other", OTHER_ASSET, case_data("foreign", OTHER_VIN)),
                told(Kind.CASE, "case_far", 1, "other", NEW, moved),
            ]
        )
        heard = await here.heard()
        assert (heard["type"], heard["kind"], heard["id"]) == ("event", "case", "case_foreign")
        assert heard["object"]["benchmark_s"] == 10_080
        elsewhere = await far.heard()
        assert (elsewhere["kind"], elsewhere["id"]) == ("case", "case_far")


async def test_what_came_just_before_its_case_is_heard_too(app: FastAPI, world: World) -> None:
    async with connected(app) as here:
        await opened(here)
        world.live.table = positions((NEW, "main", 101.5, 21.3))
        world.engine.commit(
            [
                told(Kind.FILING, "filing_new", 1, "main", NEW, filing_data("new", VIN)),
                told(Kind.PERMIT, "permit_new", 1, "main", NEW, permit_data("new", VIN)),
                told(Kind.CASE, "case_new", 1, "main", NEW, case_data("new", VIN)),
            ]
        )
        messages = [await here.heard() for _ in range(4)]
    kinds = [one["kind"] for one in messages if one["type"] == "event"]
    assert kinds == ["filing", "permit", "case"]
    assert [assets(one) for one in messages if one["type"] == "positions"] == [[NEW]]


async def test_a_position_is_shown_no_more_once_the_case_ended(app: FastAPI, world: World) -> None:
    async with connected(app) as here:
        await opened(here)
        ended = case_data("foreign", OTHER_VIN, state="cleared", ended_ms=T0)
        world.engine.commit([told(Kind.CASE, "case_foreign", 2, "other", OTHER_ASSET, ended)])
        assert (await here.heard())["object"]["state"] == "cleared"
        world.live.push(LiveBatch(positions((OTHER_ASSET, "other", 1, 1), (ASSET, "main", 2, 2))))
        assert assets(await here.heard()) == [ASSET]
    async with connected(app) as later:
        assert assets((await opened(later))[1]) == [ASSET]


async def test_an_end_of_a_case_that_was_missed_ends_its_positions_too(app: FastAPI, world: World) -> None:
    async with connected(app) as here:
        await opened(here)
        ended = case_data("foreign", OTHER_VIN, state="cleared", ended_ms=T0)
        unheard, world.live._readers = world.live._readers, []
        world.engine.commit([told(Kind.CASE, "case_foreign", 2, "other", OTHER_ASSET, ended)])
        world.live._readers = unheard
        world.live.push(LiveBatch(missed=True))
        world.live.push(LiveBatch(positions((OTHER_ASSET, "other", 1, 1), (ASSET, "main", 2, 2))))
        assert (await here.heard())["type"] == "lag"
        assert assets(await here.heard()) == [ASSET]
    async with connected(app) as later:
        assert assets((await opened(later))[1]) == [ASSET]


async def test_a_batch_is_told_to_each_gate_with_its_own_cases(app: FastAPI, world: World) -> None:
    async with connected(app) as here, connected(app) as far:
        await opened(here)
        await opened(far, FAR_KEY)
        both = [{"case": f"case_{name}", "vin": name, "state": "filed"} for name in ("own", "far")]
        world.engine.commit(
            [
                told(Kind.CASE, "case_far", 1, "main", NEW, case_data("far", VIN, gate="manzhouli")),
                told(Kind.BATCH, "batch_both", 1, "main", "", {"batch": "both", "cases": both}),
            ]
        )
        heard = await here.heard()
        assert (heard["kind"], [one["case"] for one in heard["object"]["cases"]]) == ("batch", ["case_own"])
        assert (await far.heard())["kind"] == "case"
        assert [one["case"] for one in (await far.heard())["object"]["cases"]] == ["case_far"]


async def test_a_connector_has_no_live_view(app: FastAPI) -> None:
    async with connected(app) as socket:
        socket.send({"type": "hello", "key": LINK_KEY})
        with pytest.raises(Closed) as closed:
            await socket.heard()
    assert (closed.value.code, "got authority" in closed.value.reason) == (4403, True)


async def test_a_revoked_key_ends_its_connection(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "RECHECK_S", 0.01)
    file = KeyFile(tmp_path / "keys.json")
    key = create(file, "hall", Role.CUSTOMS, "main", ["mohan-boten"])
    async with connected(app) as socket:
        await opened(socket, key)
        revoke(file, "hall")
        with pytest.raises(Closed) as closed:
            await socket.heard()
    assert (closed.value.code, closed.value.reason) == (4401, "key revoked or changed")


async def test_a_key_that_is_revoked_while_it_says_hello_goes_no_further(
    app: FastAPI, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "RECHECK_S", 0.01)
    file = KeyFile(tmp_path / "keys.json")
    key = create(file, "hall", Role.CUSTOMS, "main", ["mohan-boten"])
    hub, before = hub_of(world), hub_of(world).client

    def taken(*wanted: Any) -> Any:
        revoke(file, "hall")
        return before(*wanted)

    monkeypatch.setattr(hub, "client", taken)
    async with connected(app) as socket:
        socket.send({"type": "hello", "key": key, "max_hz": 10})
        with pytest.raises(Closed) as closed:
            await silent(socket)
    assert (closed.value.code, closed.value.reason) == (4401, "key revoked or changed")


async def test_a_key_that_is_revoked_while_it_waits_gets_no_event(
    client: httpx.AsyncClient, world: World, tmp_path: Path
) -> None:
    file = KeyFile(tmp_path / "keys.json")
    key = create(file, "hall", Role.CUSTOMS, "main", ["mohan-boten"])
    headers = {"Authorization": f"Bearer {key}"}
    waiting = asyncio.ensure_future(client.get("/v1/events?after=latest&wait=20", headers=headers))
    while not any(isinstance(reach, AtGates) for reach in hub_of(world)._news):
        await asyncio.sleep(0)
    revoke(file, "hall")
    data = case_data("foreign", OTHER_VIN, state="held")
    world.engine.commit([told(Kind.CASE, "case_foreign", 2, "other", OTHER_ASSET, data)])
    answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


async def test_waiting_for_events_ends_with_one_of_the_gate(client: httpx.AsyncClient, world: World) -> None:
    headers = {"Authorization": f"Bearer {CUSTOMS_KEY}"}
    waiting = asyncio.ensure_future(client.get("/v1/events?after=latest&wait=20", headers=headers))
    while not any(isinstance(reach, AtGates) for reach in hub_of(world)._news):
        await asyncio.sleep(0)
    data = case_data("foreign", OTHER_VIN, state="held")
    world.engine.commit([told(Kind.CASE, "case_foreign", 2, "other", OTHER_ASSET, data)])
    assert '"id":"case_foreign"' in (await waiting).text


def hub_of(world: World) -> Any:
    from api.state import state_of

    return state_of(world.app).hub


def event(kind: Kind, id_: str, asset: str, data: Any, change: Change = Change.CREATED) -> Event:
    return Event(0, 1, 1, kind, id_, 1, change, "t", asset, T0, T0, data)


def test_the_watch_forgets_a_case_that_never_was() -> None:
    watch, here = CaseWatch(), AtGates(("g",))
    case = event(Kind.CASE, "c1", "a1", {"gate": "g", "ended_ms": None})
    permit = event(Kind.PERMIT, "p1", "a1", {})
    assert not watch.sees(here, permit)
    assert watch.take(case)
    assert watch.sees(here, permit)
    assert watch.open_rows(["a0", "a1"], here) == [1]
    assert not watch.sees(AtGates(("other",)), permit)
    assert watch.sees(AtGates(), permit)
    batch = event(Kind.BATCH, "b1", "", {"cases": [{"case": "c1"}]})
    assert watch.sees(here, batch)
    watch.take(event(Kind.CASE, "c1", "a1", {"gate": "g", "ended_ms": None}, Change.RETRACTED))
    assert not watch.sees(here, permit)
    assert not watch.sees(here, batch)
    assert watch.sees(here, event(Kind.REGIME, "r1", "", {}))
    assert not watch.sees(here, event(Kind.TRIP, "t1", "a1", {}))
