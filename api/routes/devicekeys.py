"""Keys of devices: enrolled with a proof of possession, listed, revoked; and the key that signs acks."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Scoped
from api.errors import Problem, not_found
from api.keyschemas import AckKey, DeviceKeys, KeyNew
from api.render import render
from api.schemas import DeviceKey
from api.scope import Scope
from api.times import Instant
from streams.signing.keys import encode, key_id

router = APIRouter(tags=["devices"])
Since = Annotated[Instant | None, Query(description="Since when it counts no more; now when left out.")]


@router.get("/v1/devices/ack-key", response_model=AckKey)
def get_ack_key(scope: Scoped) -> Response:
    """The key that acks are signed with; a device is given it when its own is enrolled."""
    public = scope.ports.ack_key
    if public is None:
        raise Problem(404, "no ack key is known here: want the setting ack_key_file")
    return answer({"id": key_id(public), "alg": "EdDSA", "public": encode(public)})


@router.get("/v1/devices/{device}/keys", response_model=DeviceKeys)
def list_keys(scope: Scoped, device: str) -> Response:
    """The keys of a device, those that were revoked too."""
    return answer({"items": [render(one) for one in scope.device(device).data.get("keys", [])]})


@router.post("/v1/devices/{device}/keys", response_model=DeviceKey, status_code=201)
async def enrol_key(scope: Scoped, device: str, new: KeyNew) -> Response:
    """Enrol a key; from then on the device's unsigned reports are refused. 409: enrolled before."""
    await asyncio.to_thread(scope.device, device)
    key = {"alg": new.alg, "public": new.public, "proof": new.proof}
    if new.id is not None:
        key["id"] = new.id
    data: dict[str, Any] = {"device": device, "key": key}
    if new.from_ is not None:
        data["from_ms"] = new.from_
    await scope.command("device.key", data)
    held = await asyncio.to_thread(scope.device, device)
    public = new.public.rstrip("=")
    made = next(one for one in held.data["keys"] if one["public"] == public)
    return answer(render(made), 201, {"Location": f"/v1/devices/{device}/keys/{made['id']}"})


@router.delete("/v1/devices/{device}/keys/{key}", response_model=DeviceKey)
async def revoke_key(
    scope: Scoped,
    device: str,
    key: str,
    at: Since = None,
) -> Response:
    """Revoke a key: what it signed and is received later is suspect. The instant may move back, never on."""
    await _key(scope, device, key)
    data: dict[str, Any] = {"device": device, "key": key}
    if at is not None:
        data["at_ms"] = at
    await scope.command("device.key.revoke", data)
    return answer(render(await _key(scope, device, key)))


async def _key(scope: Scope, device: str, key: str) -> dict[str, Any]:
    """The key as it is held. Raises Problem 404."""
    held = await asyncio.to_thread(scope.device, device)
    found = next((one for one in held.data.get("keys", []) if one["id"] == key), None)
    if found is None:
        raise not_found("key", key)
    return dict(found)
