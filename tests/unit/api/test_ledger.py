"""The ledger over HTTP: its files exactly as tlog-tiles has them, and proofs that hold by themselves."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client import CollectorRegistry

from api.app import create_app
from feeds.ledger import proof as proofs
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import ProofError
from feeds.ledger.merkle import leaf_hashes
from feeds.ledger.opened import unpack
from feeds.ledger.tiles import unpack as unpack_bundle
from tests.unit.api.ledgers import seal, signer_of
from tests.unit.api.world import OTHER_KEY, World
from tests.unit.feeds.ledger.reference import mth


@pytest.fixture
def sealed(world: World, tmp_path: Path) -> World:
    seal(tmp_path, world.ports.read)
    return world


@pytest.fixture
def bare(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client without a key."""
    return httpx.AsyncClient(transport=client._transport, base_url=client.base_url)


async def test_a_foreign_client_reads_the_whole_log(sealed: World, bare: httpx.AsyncClient) -> None:
    answer = await bare.get("/ledger/1/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    head = open_checkpoint(answer.content, signer_of(1).verifier).checkpoint
    assert 0 < head.size < 256
    bundle = await bare.get(f"/ledger/1/tile/entries/000.p/{head.size}")
    tile = await bare.get(f"/ledger/1/tile/0/000.p/{head.size}")
    for one in (bundle, tile):
        assert one.status_code == 200
        assert one.headers["content-type"] == "application/octet-stream"
        assert one.headers["cache-control"] == "public, max-age=31536000, immutable"
    entries = unpack_bundle(bundle.content, head.size)
    assert tile.content == b"".join(leaf_hashes(entries))
    assert mth(entries) == head.root


@pytest.mark.parametrize(
    "path",
    [
        "0/tile/0/000.p/256",
        "0/tile/0/000.p/0",
        "0/tile/0/0",
        "0/tile/64/000",
        "0/tile/entries/x001/000",
        "0/tile/0/..%2f..%2f..%2fsigned",
        "0/tile/../../signed",
        "0/signed",
        "00/checkpoint",
        "2/checkpoint",
        "-1/checkpoint",
        "x/checkpoint",
    ],
)
async def test_what_is_not_there_is_404(sealed: World, bare: httpx.AsyncClient, path: str) -> None:
    assert (await bare.get(f"/ledger/{path}")).status_code == 404


async def test_a_log_that_was_never_written_is_404(bare: httpx.AsyncClient) -> None:
    assert (await bare.get("/ledger/0/checkpoint")).status_code == 404
    assert (await bare.get("/ledger/0/end")).status_code == 404
    assert (await bare.get("/ledger/0/tile/0/000")).status_code == 404


async def test_a_proof_holds_by_itself(sealed: World, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/ledger/proof?event=visit_own&revision=1")
    assert answer.status_code == 200
    assert "record.tlog-proof" in answer.headers["content-disposition"]
    proof = proofs.parse(answer.text)
    opened = unpack(proof.extra)
    proof.verify(opened.entry.encode(), signer_of(1).verifier)
    assert opened.entry.kind is EntryKind.EVENT
    assert opened.opening is not None
    whole = orjson.loads(opened.opening.shown["whole"][1])
    assert (whole["id"], whole["revision"], whole["tenant"]) == ("visit_own", 1, "main")


async def test_some_groups_are_opened_and_the_rest_only_proved(
    sealed: World, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/v1/ledger/proof?event=visit_own&revision=1&groups=head,body")
    proof = proofs.parse(answer.text)
    opened = unpack(proof.extra)
    assert opened.opening is not None
    assert set(opened.opening.shown) == {"head", "body"}
    assert set(opened.opening.hidden) == {"whole", "place"}
    assert b"lon_e7" not in (proof.extra or b"")
    changed = orjson.loads(proof.extra or b"")
    changed["shown"]["head"]["content"] = base64.b64encode(b"{}").decode()
    with pytest.raises(ProofError, match="not what the entry commits to"):
        unpack(orjson.dumps(changed))


async def test_a_record_of_another_tenant_is_not_there(sealed: World, client: httpx.AsyncClient) -> None:
    foreign = "/v1/ledger/proof?event=visit_foreign&revision=1"
    assert (await client.get(foreign)).status_code == 404
    theirs = {"Authorization": f"Bearer {OTHER_KEY}"}
    assert (await client.get(foreign, headers=theirs)).status_code == 200
    assert (await client.get("/v1/ledger/proof?event=visit_own&revision=2")).status_code == 404


@pytest.mark.parametrize(
    "query", ["", "event=a", "revision=1", "device=d&boot=b&seq=1", "device=d&boot=b&seq=1&hash=zz"]
)
async def test_too_little_to_know_the_record(sealed: World, client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/ledger/proof?{query}")).status_code == 422


async def test_a_report_that_is_not_there(sealed: World, client: httpx.AsyncClient) -> None:
    query = f"device=d&boot=b&seq=1&hash={'0' * 64}"
    assert (await client.get(f"/v1/ledger/proof?{query}")).status_code == 404


async def test_the_index_is_served_as_it_is_once_it_is_written(
    world: World, bare: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert (await bare.get("/ledger/index")).status_code == 404
    path = tmp_path / "index"
    app = create_app(dataclasses.replace(world.ports, ledger_index=path, registry=CollectorRegistry()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test") as other:
        assert (await other.get("/ledger/index")).status_code == 404
        path.write_bytes(b"a note\n")
        answer = await other.get("/ledger/index")
        assert (answer.status_code, answer.content) == (200, b"a note\n")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
