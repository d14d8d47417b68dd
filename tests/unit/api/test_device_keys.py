"""Keys of devices over HTTP: enrolled with a proof, listed, revoked, each tenant its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import CollectorRegistry

from api.app import create_app
from streams.signing import keys
from tests.unit.api.world import ACK_KEY, CUSTOMS_KEY, INSURER_KEY, OTHER_KEY, T0, World
from tests.unit.api.world import KEY as KEY_OF_MAIN

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = keys.public_of(KEY)[1]
ID = keys.key_id(PUBLIC)
PATH = "/v1/devices/dev-own/keys"


def new(device: str = "dev-own", **more: Any) -> dict[str, Any]:
    proof = keys.encode(keys.make_proof(KEY, device, T0))
    return {"alg": "EdDSA", "public": keys.encode(PUBLIC), "proof": proof} | more


async def test_a_key_is_enrolled_listed_and_revoked(client: httpx.AsyncClient) -> None:
    assert (await client.get(PATH)).json() == {"items": []}
    made = await client.post(PATH, json=new(id=ID))
    assert made.status_code == 201, made.text
    key = made.json()
    assert (key["id"], key["alg"], key["public"], key["revoked"]) == (ID, "EdDSA", keys.encode(PUBLIC), None)
    assert made.headers["location"] == f"{PATH}/{ID}"
    assert (await client.get(PATH)).json() == {"items": [key]}
    assert (await client.get("/v1/devices/dev-own")).json()["keys"] == [key]
    again = await client.post(PATH, json=new())
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    gone = await client.delete(f"{PATH}/{ID}", params={"at": "2026-11-20T01:00:00Z"})
    assert (gone.status_code, gone.json()["revoked"]) == (200, "2026-11-20T01:00:00.000Z")
    later = await client.delete(f"{PATH}/{ID}", params={"at": "2026-11-20T02:00:00Z"})
    assert (later.status_code, later.json()["code"]) == (409, "ended")
    assert (await client.get(PATH)).json()["items"][0]["revoked"] == "2026-11-20T01:00:00.000Z"


async def test_a_key_may_hold_from_a_time_on(client: httpx.AsyncClient) -> None:
    made = await client.post(PATH, json=new(**{"from": "2026-12-01T00:00:00Z"}))
    assert (made.status_code, made.json()["from"]) == (201, "2026-12-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({"alg": "RS256"}, "'EdDSA' or 'ES256'"),
        ({"alg": "ES256"}, "want those of the ES256 key"),
        ({"public": "AAAA"}, "another key id"),
        ({"public": "no base64"}, "pattern"),
        ({"public": ""}, "pattern"),
        ({"proof": "AAAA"}, "COSE_Sign1"),
        ({"proof": "x" * 3_000}, "2000"),
        ({"id": "0" * 16}, "key id"),
        ({"id": "short"}, "pattern"),
        ({"certificate": "x"}, "want no such field"),
        ({"from": "now"}, "RFC 3339"),
    ],
)
async def test_a_key_that_is_not_proven_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], want: str
) -> None:
    answer = await client.post(PATH, json=new(**change))
    assert answer.status_code == 422, answer.text
    assert want in answer.json()["detail"]
    assert (await client.get(PATH)).json() == {"items": []}


async def test_a_proof_of_another_device_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, json=new("dev-2"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_key")
    assert "not signed by this key for device dev-own" in answer.json()["detail"]


@pytest.mark.parametrize("key", [OTHER_KEY, CUSTOMS_KEY, INSURER_KEY])
async def test_nobody_else_sees_or_changes_keys(client: httpx.AsyncClient, key: str) -> None:
    await client.post(PATH, json=new())
    theirs = {"Authorization": f"Bearer {key}"}
    want = 404 if key == OTHER_KEY else 403
    for method, path, body in (
        ("GET", PATH, None),
        ("POST", PATH, new()),
        ("DELETE", f"{PATH}/{ID}", None),
        ("GET", "/v1/devices/dev-nobody/keys", None),
    ):
        answer = await client.request(method, path, json=body, headers=theirs)
        assert answer.status_code == want, path
    assert (await client.get(PATH)).json()["items"][0]["revoked"] is None


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/devices/none/keys", json=new())).status_code == 404
    assert (await client.delete(f"{PATH}/{ID}")).status_code == 404


async def test_the_ack_key_is_told(client: httpx.AsyncClient) -> None:
    told = await client.get("/v1/devices/ack-key")
    want = {"id": keys.key_id(ACK_KEY), "alg": "EdDSA", "public": keys.encode(ACK_KEY)}
    assert (told.status_code, told.json()) == (200, want)


async def test_who_does_not_know_the_ack_key_says_so(world: World) -> None:
    app = create_app(replace(world.ports, ack_key=None, registry=CollectorRegistry()))
    async with app.router.lifespan_context(app):
        headers = {"Authorization": f"Bearer {KEY_OF_MAIN}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
            missing = await client.get("/v1/devices/ack-key")
    assert missing.status_code == 404
    assert "ack_key_file" in missing.json()["detail"]
