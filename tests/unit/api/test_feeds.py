"""Feeds over HTTP: granted, read by cursor in three formats, ended, and who read what."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.keys import Principal, Role
from feeds.ledger import proof as proofs
from feeds.ledger.opened import unpack
from feeds.records import cursor
from feeds.records.columns import page_of
from streams.events import Kind
from tests.unit.api.ledgers import seal, signer_of
from tests.unit.api.world import ASSET, OTHER_ASSET, OTHER_KEY, T0, VIN, World, visit

READER, STRANGER = {"Authorization": "Bearer reader"}, {"Authorization": "Bearer stranger"}
ASKED: dict[str, Any] = {
    "consumer": "reader",
    "purpose": "cover",
    "assets": {"list": [VIN]},
    "kinds": ["crossing", "visit"],
    "fields": "coarse",
    "from": "2020-01-01T00:00:00Z",
    "expires": "2090-01-01T00:00:00Z",
}

RECORDS = "/v1/feeds/{}/records"


@pytest.fixture
def sealed(world: World, tmp_path: Path) -> World:
    seal(tmp_path, world.ports.read)
    world.ports.keys.add_passing("reader", Principal("ada", "reader", Role.INSURER))
    world.ports.keys.add_passing("stranger", Principal("bob", "else", Role.INSURER))
    return world


async def granted(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post("/v1/feeds", json=ASKED | more)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/feeds/{answer.json()['id']}"
    return str(answer.json()["id"])


def parts(answer: httpx.Response) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    *records, last = [orjson.loads(line) for line in answer.content.splitlines()]
    return records, last["page"]


async def test_a_consumer_reads_what_was_granted(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    answer = await client.get(f"/v1/feeds/{feed}/records", headers=READER)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    records, page = parts(answer)
    assert {one["kind"] for one in records} == {"crossing", "visit"}
    assert {one["asset"] for one in records} == {ASSET}
    assert all(set(one["groups"]["place"]) == {"commitment"} for one in records if "place" in one["groups"])
    assert b"lon_e7" not in answer.content
    assert page["sent"] == {"records": 2, "reports": 0, "events": 2, "redacted": 0}
    assert not page["more"]
    assert orjson.loads(answer.headers["corridor-sent"]) == page["sent"]
    assert answer.headers["corridor-next"] == page["next"]
    more, _ = parts(await client.get(f"/v1/feeds/{feed}/records?after={page['next']}", headers=READER))
    assert more == []


async def test_arrow_and_parquet_hold_the_same(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client, fields="precise")
    records, page = parts(await client.get(f"/v1/feeds/{feed}/records", headers=READER))
    stream = await client.get(f"/v1/feeds/{feed}/records?format=arrow", headers=READER)
    file = await client.get(
        f"/v1/feeds/{feed}/records", headers={**READER, "Accept": "application/vnd.apache.parquet"}
    )
    assert file.headers["content-type"] == "application/vnd.apache.parquet"
    for table in (
        pa.ipc.open_stream(stream.content).read_all(),
        pq.read_table(pa.BufferReader(file.content)),
    ):
        assert table["place"].to_pylist() == [one["place"] for one in records]
        assert page_of(table.schema) == page


async def test_pages_resume_and_inline_proofs_hold(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    found, after, more = [], "", True
    while more:
        answer = await client.get(f"/v1/feeds/{feed}/records?limit=1&proofs=inline{after}", headers=READER)
        records, page = parts(answer)
        found += records
        after, more = f"&after={page['next']}", page["more"]
    assert len({(one["log"], one["place"]) for one in found}) == len(found) == 2
    for one in found:
        made = proofs.parse(one["proof"])
        opened = unpack(made.extra)
        made.verify(opened.entry.encode(), signer_of(one["log"]).verifier)
        assert opened.opening is not None
        assert set(opened.opening.shown) == {"head", "body"}


async def test_of_several_cursors_the_furthest_place_of_each_log_counts(
    sealed: World, client: httpx.AsyncClient
) -> None:
    feed = await granted(client)
    sizes = [
        one["size"] for one in (await client.get(f"/v1/feeds/{feed}/logs", headers=READER)).json()["logs"]
    ]
    whole = [
        (one["log"], one["place"]) for one in parts(await client.get(RECORDS.format(feed), headers=READER))[0]
    ]
    pushed = [cursor.encode(feed, (place + 1, 0) if not log else (0, place + 1)) for log, place in whole]
    for given, left in (([pushed[0]], whole[1:]), (pushed, []), (pushed[::-1], [])):
        path = f"{RECORDS.format(feed)}?after={','.join(given)}"
        records, _ = parts(await client.get(path, headers=READER))
        assert [(one["log"], one["place"]) for one in records] == left
    ahead = cursor.encode(feed, (max(sizes) + 1, 0))
    answer = await client.get(f"{RECORDS.format(feed)}?after={pushed[0]},{ahead}", headers=READER)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


async def test_latest_waits_for_what_comes(sealed: World, client: httpx.AsyncClient, tmp_path: Path) -> None:
    feed = await granted(client)
    _, page = parts(await client.get(f"/v1/feeds/{feed}/records?after=latest", headers=READER))
    asked = client.get(f"/v1/feeds/{feed}/records?after={page['next']}&wait=30", headers=READER)
    waiting = asyncio.create_task(asked)
    sealed.engine.commit([visit(ASSET, "main", "visit_new")], partition=1)
    await asyncio.to_thread(seal, tmp_path, sealed.ports.read)
    records, _ = parts(await waiting)
    assert [one["data"]["head"]["id"] for one in records] == ["visit_new"]


async def test_both_sides_see_the_feed_and_nobody_else(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    for headers in ({}, READER):
        shown = (await client.get(f"/v1/feeds/{feed}", headers=headers)).json()
        assert (shown["tenant"], shown["consumer"], shown["state"]) == ("main", "reader", "granted")
        assert shown["assets"] == {"list": [ASSET]}
    theirs = (await client.get("/v1/feeds", headers=READER)).json()["items"]
    assert {one["id"] for one in theirs} == {feed, "feed_own", "feed_foreign"}
    mine = (await client.get("/v1/feeds")).json()["items"]
    assert {one["id"] for one in mine} == {feed, "feed_own"}
    assert (await client.get("/v1/feeds", headers=STRANGER)).json()["items"] == []
    for path in ("", "/records", "/beside", "/logs", "/reads"):
        for headers in (STRANGER, {"Authorization": f"Bearer {OTHER_KEY}"}):
            answer = await client.get(f"/v1/feeds/{feed}{path}", headers=headers)
            assert answer.status_code in (403, 404)
            assert "reader" not in answer.text
    assert (await client.delete(f"/v1/feeds/{feed}", headers=READER)).status_code == 403
    assert (await client.post("/v1/feeds", json=ASKED, headers=READER)).status_code == 403


async def test_a_revoked_feed_and_an_expired_one_say_so(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    revoked = await client.delete(f"/v1/feeds/{feed}")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    for path in ("records", "beside", "logs"):
        answer = await client.get(f"/v1/feeds/{feed}/{path}", headers=READER)
        assert (answer.status_code, answer.json()["code"]) == (403, "feed_revoked")
        assert "was revoked by main" in answer.json()["detail"]
    assert (await client.delete(f"/v1/feeds/{feed}")).status_code == 409
    soon = await granted(client, expires="2026-11-22T07:00:01Z")  # the engine's clock stands at T0
    answer = await client.get(f"/v1/feeds/{soon}/records", headers=READER)
    assert (answer.status_code, answer.json()["code"]) == (410, "feed_expired")
    assert (await client.get(f"/v1/feeds/{soon}", headers=READER)).json()["state"] == "expired"


async def test_a_cursor_of_elsewhere_or_of_tomorrow_is_refused(
    sealed: World, client: httpx.AsyncClient
) -> None:
    feed = await granted(client)
    for text, says in (
        (cursor.encode("feed_own", (0, 0)), "another feed"),
        (cursor.encode(feed, (0, 9_999)), "ahead of log 1"),
        (cursor.encode(feed, (0, 0, 0)), "repartitioning"),
        ("nonsense", "not readable"),
    ):
        answer = await client.get(f"/v1/feeds/{feed}/records?after={text}", headers=READER)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
        assert says in answer.json()["detail"]


async def test_the_fleet_sees_who_read_what(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    _, page = parts(await client.get(f"/v1/feeds/{feed}/records", headers=READER))
    await client.get(f"/v1/feeds/{feed}/records?format=arrow&after={page['next']}", headers=READER)
    last, first = (await client.get(f"/v1/feeds/{feed}/reads")).json()["items"]
    assert (first["by"], first["tenant"], first["role"], first["how"]) == (
        "ada",
        "reader",
        "insurer",
        "jsonl",
    )
    assert (first["after"], first["next"], first["sent"]["records"]) == (None, page["next"], 2)
    assert (last["how"], last["after"], last["sent"]["records"]) == ("arrow", page["next"], 0)
    assert (await client.get(f"/v1/feeds/{feed}/reads", headers=READER)).status_code == 403


async def test_beside_has_what_is_of_the_feed_only(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    answer = await client.get(f"/v1/feeds/{feed}/beside", headers=READER)
    told = answer.json()
    assert [one["id"] for one in told["assets"]] == [ASSET]
    assert [one["key"] for one in told["logs"]] == [str(signer_of(n).verifier) for n in range(2)]
    assert len(told["zones"]["versions"]) == 3
    assert (await client.get(f"/v1/feeds/{feed}/logs", headers=READER)).json()["logs"] == told["logs"]
    assert "foreign" not in answer.text


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"assets": {"list": [OTHER_ASSET]}}, 404, "no such asset"),
        ({"assets": {}}, 422, "either list or fleet"),
        ({"assets": "all"}, 422, ""),
        ({"kinds": ["command"]}, 422, "kinds: got command"),
        ({"kinds": ["visit"], "fields": "crossings"}, 422, "want crossing alone"),
        ({"driver": True}, 422, "driver: got true"),
        ({"consumer": "main"}, 422, "want another tenant"),
        ({"consumer": "Not A Tenant"}, 422, ""),
        ({"expires": "2020-01-01T00:00:00Z"}, 409, "want later than"),
        ({"expires": "9999-12-31T23:59:59-12:00"}, 422, "1970 to 9999"),
        ({"to": "2019-01-01T00:00:00Z"}, 422, "an end after its begin"),
        ({"more": 1}, 422, "no such field"),
    ],
)
async def test_a_grant_that_makes_no_sense_is_refused(
    sealed: World, client: httpx.AsyncClient, more: dict[str, Any], status: int, says: str
) -> None:
    answer = await client.post("/v1/feeds", json=ASKED | more)
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert "foreign" not in answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("format=csv", 422),
        ("limit=0", 422),
        ("limit=10001", 422),
        ("wait=61", 422),
        ("proofs=all", 422),
        ("proofs=inline&format=arrow", 422),
        ("accept", 200),
    ],
)
async def test_what_can_not_be_asked(
    sealed: World, client: httpx.AsyncClient, query: str, status: int
) -> None:
    feed = await granted(client)
    assert (await client.get(f"/v1/feeds/{feed}/records?{query}", headers=READER)).status_code == status


async def test_granting_the_same_twice_is_a_conflict(sealed: World, client: httpx.AsyncClient) -> None:
    feed = await granted(client)
    assert (await client.post("/v1/feeds", json=ASKED)).status_code == 409
    held = sealed.ports.read.object(Kind.FEED, "main", feed)
    assert held is not None
    assert held.data["granted_ms"] == T0


@pytest.mark.parametrize(
    ("sizes", "status"), [("0:5,1:5", 200), ("x", 422), ("0", 422), ("0:-1", 422), ("0:1,", 422)]
)
async def test_completeness_is_asked_as_of_heads(
    sealed: World, client: httpx.AsyncClient, sizes: str, status: int
) -> None:
    feed = await granted(client, kinds=["report"], fields="precise")
    answer = await client.get(f"/v1/feeds/{feed}/beside?sizes={sizes}", headers=READER)
    assert answer.status_code == status, answer.text
