"""What each role may reach, over the app's own list of routes; and what officers see of all tenants."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from streams.events import Change, Kind
from tests.unit.api.papers import T0, case_data
from tests.unit.api.test_tenants import OPEN, OWN, flat, url
from tests.unit.api.world import (
    ASSET,
    CUSTOMS_KEY,
    FAR_KEY,
    KEY,
    LINK_KEY,
    OPERATOR_KEY,
    OTHER_ASSET,
    OTHER_VIN,
    VIN,
    World,
)

on_module = pytest.mark.asyncio(loop_scope="module")

OFFICERS_READ = {
    "/v1/whoami",
    "/v1/openapi.json",
    "/v1/positions",
    "/v1/crossings",
    "/v1/crossings/{crossing}",
    "/v1/objects/{object}/revisions",
    "/v1/events",
    "/v1/zones",
    "/v1/zones/{zone}",
    "/v1/gates",
    "/v1/gates/{gate}",
    "/v1/gates/{gate}/board",
    "/v1/gates/{gate}/clearance",
    "/v1/filings",
    "/v1/filings/{filing}",
    "/v1/handovers",
    "/v1/handovers/{handover}",
    "/v1/permits",
    "/v1/permits/{permit}",
    "/v1/cases",
    "/v1/cases/{case}",
    "/v1/cases/{case}/explain",
    "/v1/assets/{asset}/binding",
    "/v1/conflicts",
    "/v1/conflicts/{conflict}",
    "/v1/couplings",
    "/v1/couplings/{coupling}",
    "/v1/releases",
    "/v1/releases/{release}",
    "/v1/batches/{batch}",
    "/v1/regimes",
    "/v1/regimes/{regime}",
    "/v1/trace/{vin}",
    *(
        "/v1/feeds",
        "/v1/feeds/{feed}",
        "/v1/feeds/{feed}/records",
        "/v1/feeds/{feed}/beside",
        "/v1/feeds/{feed}/logs",
    ),
}
OFFICERS_DO = {
    ("POST", "/v1/cases/{case}/decisions"),
    ("POST", "/v1/cases/{case}/settle"),
    ("POST", "/v1/permits/{permit}/revoke"),
    ("POST", "/v1/assets/{asset}/claims"),
    ("POST", "/v1/assets/{asset}/couplings"),
    ("POST", "/v1/couplings/{coupling}/end"),
}
NOT_OPERATORS = {("POST", "/v1/cases/{case}/decisions"), ("POST", "/v1/cases/{case}/settle")}
LINKS_DO = {("POST", "/v1/authorities/{name}/decisions")}
LINKS_READ = {"/v1/whoami", "/v1/openapi.json", "/v1/releases", "/v1/releases/{release}"}


def as_(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def reached(client: httpx.AsyncClient, world: World, key: str) -> set[tuple[str, str]]:
    """The routes that do not refuse the key's role."""
    found = set()
    for route in flat(world.app.routes):
        for method in (route.methods or set()) - {"HEAD"}:
            if route.path not in OPEN:
                answer = await client.request(method, url(route.path, OWN), headers=as_(key))
                assert answer.status_code != 401
                if answer.status_code != 403 or "role not allowed" not in answer.text:
                    found.add((method, route.path))
    return found


@on_module
async def test_officers_reach_what_is_listed_and_no_more(reader: httpx.AsyncClient, shared: World) -> None:
    want = OFFICERS_DO | {("GET", path) for path in OFFICERS_READ}
    assert await reached(reader, shared, CUSTOMS_KEY) - {("POST", "/v1/reconcile")} == want


@on_module
async def test_connectors_reach_decisions_and_releases(reader: httpx.AsyncClient, shared: World) -> None:
    assert await reached(reader, shared, LINK_KEY) == LINKS_DO | {("GET", path) for path in LINKS_READ}


@on_module
async def test_operators_reach_all_but_what_officers_decide(reader: httpx.AsyncClient, shared: World) -> None:
    everything = {
        (method, route.path)
        for route in flat(shared.app.routes)
        for method in (route.methods or set()) - {"HEAD"}
        if route.path not in OPEN
    }
    assert await reached(reader, shared, OPERATOR_KEY) == everything - NOT_OPERATORS - LINKS_DO
    assert await reached(reader, shared, KEY) == everything - LINKS_DO


@pytest.mark.parametrize("path", sorted(OFFICERS_READ))
@on_module
async def test_an_officer_of_another_gate_sees_nothing_of_these(reader: httpx.AsyncClient, path: str) -> None:
    answer = await reader.get(url(path, OWN), headers=as_(FAR_KEY))
    assert answer.status_code in (200, 404)
    if answer.status_code == 200:
        for word in (ASSET, VIN, OTHER_ASSET, OTHER_VIN, "own", "foreign"):
            assert word not in answer.text.replace("own exporter list", "") or path in OPEN_TO_ALL, path


OPEN_TO_ALL = {"/v1/openapi.json", "/v1/regimes", "/v1/regimes/{regime}"}


@pytest.mark.parametrize(
    "path",
    ["/v1/cases", "/v1/filings", "/v1/permits", "/v1/conflicts", "/v1/couplings", "/v1/releases"],
)
@on_module
async def test_an_officer_sees_all_tenants_at_the_own_gate(reader: httpx.AsyncClient, path: str) -> None:
    found = (await reader.get(path, headers=as_(CUSTOMS_KEY))).json()["items"]
    assert sorted(one["asset"] for one in found) == sorted([ASSET, OTHER_ASSET])


@on_module
async def test_an_officer_sees_positions_of_assets_with_an_open_case(reader: httpx.AsyncClient) -> None:
    found = (await reader.get("/v1/positions", headers=as_(CUSTOMS_KEY))).json()["features"]
    assert sorted(one["id"] for one in found) == sorted([ASSET, OTHER_ASSET])
    assert {one["properties"]["name"] for one in found} == {None}
    assert {one["properties"]["vin"] for one in found} == {VIN, OTHER_VIN}


async def test_positions_end_with_the_case(client: httpx.AsyncClient, world: World) -> None:
    ended = case_data("foreign", OTHER_VIN, state="cleared", ended_ms=T0)
    world.engine.commit([(Kind.CASE, "case_foreign", 2, Change.AMENDED, "other", OTHER_ASSET, T0, ended)])
    found = (await client.get("/v1/positions", headers=as_(CUSTOMS_KEY))).json()["features"]
    assert [one["id"] for one in found] == [ASSET]
    trace = (await client.get(f"/v1/trace/{OTHER_VIN}", headers=as_(CUSTOMS_KEY))).json()
    assert "destination" not in [step["what"] for step in trace["steps"]]


@on_module
async def test_events_of_an_officer_are_those_of_the_gate(reader: httpx.AsyncClient) -> None:
    import orjson

    answer = await reader.get("/v1/events", headers=as_(CUSTOMS_KEY))
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    assert {line["asset"] for line in lines} == {ASSET, OTHER_ASSET, ""}
    seen = {line["kind"] for line in lines}
    assert {"case", "filing", "release", "batch", "crossing"} <= seen
    assert not seen & {"trip", "stop", "visit", "device", "command"}
    again = await reader.get(
        f"/v1/events?after={answer.headers['corridor-cursor']}", headers=as_(CUSTOMS_KEY)
    )
    assert again.content == b""


@on_module
async def test_a_connector_sees_the_releases_of_its_authority(reader: httpx.AsyncClient) -> None:
    found = (await reader.get("/v1/releases", headers=as_(LINK_KEY))).json()["items"]
    assert sorted(one["id"] for one in found) == ["release_foreign", "release_own"]
    of_case = (await reader.get("/v1/releases?case=case_own", headers=as_(LINK_KEY))).json()["items"]
    assert of_case == []  # ids of releases are computed; these of the small world are not


@on_module
async def test_a_connector_decides_for_its_own_authority_only(reader: httpx.AsyncClient) -> None:
    body = {"case": "case_own", "message": "m1", "decision": "release"}
    answer = await reader.post("/v1/authorities/cn-customs/decisions", json=body, headers=as_(LINK_KEY))
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_authority")


@on_module
async def test_whoami_tells_gates_and_authority(reader: httpx.AsyncClient) -> None:
    officer = (await reader.get("/v1/whoami", headers=as_(CUSTOMS_KEY))).json()
    assert (officer["role"], officer["gates"]) == ("customs", ["mohan-boten"])
    link = (await reader.get("/v1/whoami", headers=as_(LINK_KEY))).json()
    assert (link["role"], link["authority"]) == ("authority", "la-customs")


def of_audit(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "corridor.api.audit"]


@on_module
async def test_reads_of_officers_are_kept_and_those_of_owners_are_not(
    reader: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "corridor.api.audit")
    await reader.get("/v1/cases?open=true", headers=as_(CUSTOMS_KEY))
    await reader.get("/v1/cases")
    (line,) = of_audit(caplog)
    want = "read name=boten tenant=customs role=customs method=GET path=/v1/cases query=open=true status=200"
    assert line == want


@on_module
async def test_changes_are_kept_with_who_made_them(
    reader: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "corridor.api.audit")
    await reader.post("/v1/cases/absent/decisions", json={}, headers=as_(CUSTOMS_KEY))
    (line,) = of_audit(caplog)
    assert line.startswith("changed name=boten tenant=customs role=customs method=POST path=/v1/cases/absent")
    assert line.endswith("status=422")


async def test_bodies_that_claim_another_role_change_nothing(client: httpx.AsyncClient, world: World) -> None:
    """The role of a command is the key's."""
    body: dict[str, Any] = {"vin": "LZZTESTA3PN000005", "name": "x"}
    await client.post("/v1/assets", json=body, headers=as_(OPERATOR_KEY))
    (command,) = world.engine.submitted
    assert (command["by"], command["role"], command["tenant"]) == ("clerk", "operator", "main")
