"""The history of an object: its revisions, whole, with their cause."""

from __future__ import annotations

import httpx
import pytest

from api.schemas import Page, Revision
from streams.events import Change
from tests.unit.api.world import ASSET, World, visit

HISTORY = "/v1/objects/visit_told/revisions"
WHY = {"changed": ["leave", "dwell_ms"], "positions": [7, 9]}


@pytest.fixture
def told(world: World) -> World:
    """A visit that was created, amended and taken back."""
    kind, id_, _, _, tenant, asset, t_ms, data = visit(ASSET, "main", "visit_told")
    head = (tenant, asset, t_ms)
    world.engine.commit(
        [
            (kind, id_, 1, Change.CREATED, *head, {**data, "leave": None, "dwell_ms": None}),
            (kind, id_, 2, Change.AMENDED, *head, {**data, "why": WHY}),
            (kind, id_, 3, Change.RETRACTED, *head, {**data, "why": {"merged_into": "visit_own"}}),
        ]
    )
    return world


async def test_revisions_come_newest_first_with_their_cause(told: World, client: httpx.AsyncClient) -> None:
    page = Page[Revision].model_validate((await client.get(HISTORY)).json())
    assert [(one.revision, one.change) for one in page.items] == [
        (3, "retracted"),
        (2, "amended"),
        (1, "created"),
    ]
    assert [one.why for one in page.items] == [{"merged_into": "visit_own"}, WHY, None]
    assert [one.object["dwell_s"] for one in page.items] == [600, 600, None]
    assert all("why" not in one.object for one in page.items)
    positions = [one.position for one in page.items]
    assert positions == sorted(positions, reverse=True)


async def test_revisions_are_paged_without_doubles(told: World, client: httpx.AsyncClient) -> None:
    first = (await client.get(HISTORY, params={"limit": 2})).json()
    rest = (await client.get(HISTORY, params={"limit": 2, "after": first["next"]})).json()
    assert [one["revision"] for one in first["items"] + rest["items"]] == [3, 2, 1]
    assert rest["next"] is None


async def test_every_kind_of_object_has_its_revisions(client: httpx.AsyncClient) -> None:
    device = (await client.get("/v1/devices/dev-own")).json()["id"]
    for id_ in (ASSET, device, "visit_own", "crossing_own", "trip_own"):
        (only,) = (await client.get(f"/v1/objects/{id_}/revisions")).json()["items"]
        assert (only["revision"], only["change"]) == (1, "created"), id_


@pytest.mark.parametrize("id_", ["visit_absent", "nothing_x", "x", "visit_foreign"])
async def test_object_that_is_not_there_is_not_found(client: httpx.AsyncClient, id_: str) -> None:
    assert (await client.get(f"/v1/objects/{id_}/revisions")).status_code == 404


async def test_what_was_retracted_is_listed_with_what_it_became(
    told: World, client: httpx.AsyncClient
) -> None:
    (only,) = (await client.get(f"/v1/assets/{ASSET}/retracted")).json()["items"]
    assert (only["kind"], only["id"], only["change"]) == ("visit", "visit_told", "retracted")
    assert only["why"] == {"merged_into": "visit_own"}
    assert (await client.get(f"/v1/visits?asset={ASSET}")).json()["items"][0]["id"] == "visit_own"
