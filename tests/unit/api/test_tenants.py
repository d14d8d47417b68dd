"""No route is open, and nothing of another tenant shows on any route: checked over the app's own list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from fastapi.routing import APIRoute

from tests.unit.api.ledgers import seal
from tests.unit.api.world import ASSET, INSURER_KEY, OTHER_ASSET, OTHER_KEY, OTHER_VIN, VIN, World, make

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = {"/healthz", "/readyz", "/", "/webhooks/authorities/{name}"}  # the last asks for a signature
OPEN |= {"/ledger/index", "/ledger/{partition}/end"}  # public by design, as these
OPEN |= {"/ledger/{partition}/checkpoint", "/ledger/{partition}/tile/{path:path}"}  # public by design
FOR_EVERY_KEY = {"/v1/whoami", "/v1/openapi.json"}
FOR_READERS = {
    *("/v1/feeds", "/v1/feeds/{feed}"),
    *("/v1/feeds/{feed}/records", "/v1/feeds/{feed}/beside", "/v1/feeds/{feed}/logs"),
}
FOREIGN = (OTHER_ASSET, OTHER_VIN, "foreign")
NEEDED = {
    "/v1/assets/{asset}/signals": "?names=speed_kmh",
    "/v1/assets/{asset}/signals.{extension}": "?names=alt_m",
    "/v1/assets/{asset}/cover-report": "?month=2026-09",
    "/v1/ledger/proof": "?event=visit_own&revision=1",
}
OWN = {
    "asset": ASSET,
    "device": "dev-own",
    "visit": "visit_own",
    "crossing": "crossing_own",
    "trip": "trip_own",
    "stop": "stop_own",
    "object": "crossing_own",
    "gate": "mohan-boten",
    "zone": "mohan",
    "extension": "csv",
    "filing": "filing_own",
    "permit": "permit_own",
    "case": "case_own",
    "conflict": "conflict_own",
    "coupling": "coupling_own",
    "release": "release_own",
    "batch": "BATCH-own",
    "regime": "mohan-boten-cn-la",
    "vin": VIN,
    "name": "la-customs",
    "key": "0123456789abcdef",
    "feed": "feed_own",
    "cover": "cover_own",
    "handover": "handover_own",
}
LINKS_ONLY = {"/v1/authorities/{name}/decisions"}
"""Routes that a connector of an authority has for itself."""
BODIES = {
    "/v1/devices/{device}/keys": {"alg": "EdDSA", "public": "AAAA", "proof": "AAAA"},
    "/v1/filings/{filing}": {"batch": "B2"},
    "/v1/cases/{case}/decisions": {"decision": "wait", "reason": "later"},
    "/v1/cases/{case}/settle": {"vin": VIN, "reason": "seen"},
    "/v1/assets/{asset}/claims": {"source": "maker", "evidence": "list"},
    "/v1/assets/{asset}/couplings": {"carrier": VIN, "how": "coupled", "evidence": "seen"},
    "/v1/couplings/{coupling}/end": {},
}
THEIRS = OWN | {
    "asset": OTHER_ASSET,
    "device": "dev-foreign",
    "visit": "visit_foreign",
    "crossing": "crossing_foreign",
    "trip": "trip_foreign",
    "stop": "stop_foreign",
    "object": "crossing_foreign",
    "filing": "REF-foreign",
    "permit": "permit_foreign",
    "case": "case_foreign",
    "conflict": "conflict_foreign",
    "coupling": "coupling_foreign",
    "release": "release_foreign",
    "batch": "BATCH-foreign",
    "vin": OTHER_VIN,
    "feed": "feed_foreign",
    "cover": "cover_foreign",
    "handover": "handover_foreign",
}
ABSENT = THEIRS | {
    "asset": "asset_absent",
    "device": "absent",
    "visit": "v",
    "crossing": "c",
    "trip": "t",
    "stop": "s",
    "object": "crossing_absent",
    "filing": "absent",
    "permit": "absent",
    "case": "absent",
    "conflict": "absent",
    "coupling": "absent",
    "release": "absent",
    "batch": "absent",
    "vin": "LZZTESTA0PN000009",
    "feed": "feed_absent",
    "cover": "absent",
    "handover": "absent",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that no test of the module changes, with its ledger."""
    folder = tmp_path_factory.mktemp("world")
    made = make(folder)
    seal(folder, made.ports.read)
    yield made
    made.close()


def routes(folder: Path) -> list[tuple[str, str]]:
    world = make(folder)
    found = [
        (method, route.path)
        for route in flat(world.app.routes)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]
    world.close()
    return found


def flat(some: object) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in some if isinstance(some, list) else []:
        if isinstance(route, APIRoute):
            found.append(route)
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            found.extend(flat(getattr(inner, "routes", [])))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    with TemporaryDirectory() as folder:
        found = routes(Path(folder))
    assert len(found) > 20, "the app's routes were not found"
    if "any_route" in metafunc.fixturenames:
        closed = [one for one in found if one[1] not in OPEN]
        metafunc.parametrize("any_route", closed, ids=[" ".join(one) for one in closed])
    if "get_route" in metafunc.fixturenames:
        got = [path for method, path in found if method == "GET" and path not in OPEN]
        metafunc.parametrize("get_route", got)


def url(path: str, values: dict[str, str]) -> str:
    return path.format(**values) + NEEDED.get(path, "")


async def test_route_is_closed_without_a_key(reader: httpx.AsyncClient, any_route: tuple[str, str]) -> None:
    method, path = any_route
    bare = httpx.AsyncClient(transport=reader._transport, base_url=reader.base_url)
    answer = await bare.request(method, url(path, OWN))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_route_is_closed_to_a_wrong_key(reader: httpx.AsyncClient, any_route: tuple[str, str]) -> None:
    method, path = any_route
    answer = await reader.request(method, url(path, OWN), headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


async def test_route_is_closed_to_another_role(reader: httpx.AsyncClient, any_route: tuple[str, str]) -> None:
    method, path = any_route
    answer = await reader.request(method, url(path, OWN), headers={"Authorization": f"Bearer {INSURER_KEY}"})
    if path in FOR_EVERY_KEY:
        assert answer.status_code == 200
        return
    if method == "GET" and path in FOR_READERS:  # of feeds that were granted to them; this one was not
        assert answer.status_code == (200 if path == "/v1/feeds" else 404)
        assert "feed_own" not in answer.text.replace("no such feed: got feed_own", "").replace(
            path, ""
        ).replace("/v1/feeds/feed_own", "")
        return
    assert answer.status_code == 403
    assert "got insurer" in answer.json()["detail"]


async def test_route_shows_own_things_and_nothing_foreign(reader: httpx.AsyncClient, get_route: str) -> None:
    answer = await reader.get(url(get_route, OWN))
    assert answer.status_code == 200, answer.text
    for word in FOREIGN:
        assert word not in answer.text


async def test_asking_for_foreign_things_is_as_if_they_were_not_there(
    reader: httpx.AsyncClient, any_route: tuple[str, str]
) -> None:
    method, path = any_route
    if url(path, OWN) == url(path, THEIRS):
        return
    usual = {"name": "mine now"} if method == "PATCH" else {"reason": "why"}
    body = None if method == "GET" or path in LINKS_ONLY else BODIES.get(path, usual)
    answer = await reader.request(method, url(path, THEIRS), json=body)
    assert answer.status_code == 404
    other = await reader.request(method, url(path, ABSENT), json=body)
    assert other.status_code == 404
    assert other.json().keys() == answer.json().keys()
    assert other.json()["title"] == answer.json()["title"]


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/visits?asset={OTHER_ASSET}",
        f"/v1/crossings?asset={OTHER_VIN}",
        f"/v1/trips?asset={OTHER_ASSET}",
        f"/v1/stops?asset={OTHER_ASSET}",
        f"/v1/devices?asset={OTHER_ASSET}",
        f"/v1/events?asset={OTHER_ASSET}",
    ],
)
async def test_filter_by_a_foreign_asset_is_not_found(reader: httpx.AsyncClient, path: str) -> None:
    assert (await reader.get(path)).status_code == 404


async def test_fitting_to_a_foreign_asset_is_not_found(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/v1/devices", json={"device": "dev-new", "asset": OTHER_VIN})
    assert answer.status_code == 404


async def test_letters_of_nobody_are_shown_to_the_installations_own_tenant_only(
    reader: httpx.AsyncClient,
) -> None:
    own = (await reader.get("/v1/deadletters")).json()["items"]
    assert [letter["device"] for letter in own] == ["dev-own", "dev-nobody"]
    answer = await reader.get("/v1/deadletters", headers={"Authorization": f"Bearer {OTHER_KEY}"})
    assert [letter["device"] for letter in answer.json()["items"]] == ["dev-foreign"]
