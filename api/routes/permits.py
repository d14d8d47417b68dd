"""Import permits: granted, listed, revoked."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing, Scoped
from api.clearanceschemas import Permit
from api.listing import AssetRef, asset_id, list_objects
from api.paging import After, Limit
from api.papers import PermitNew, Reason
from api.render import item
from api.schemas import Page
from feeds.readmodel import ObjectFilter
from streams.events import Kind, object_id

router = APIRouter(tags=["permits"])


@router.get("/v1/permits", response_model=Page[Permit])
def list_permits(
    scope: Clearing,
    asset: AssetRef = None,
    state: Annotated[str | None, Query(pattern="^(granted|revoked)$")] = None,
    vin: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Permits, those that hold from the latest on first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, vin=vin)
    return list_objects(scope, Kind.PERMIT, where, after, limit)


@router.post("/v1/permits", response_model=Permit, status_code=201)
async def grant_permit(scope: Scoped, new: PermitNew) -> Response:
    """Put in a permit that was granted. 409 when its number is known already."""
    data = new.commanded(asset=object_id(Kind.ASSET, scope.tenant, new.vin))
    event = await scope.command("permit.grant", data)
    held = await asyncio.to_thread(scope.object, Kind.PERMIT, event.data["object"])
    return answer(item(held), 201, {"Location": f"/v1/permits/{held.id}"})


@router.get("/v1/permits/{permit}", response_model=Permit)
def get_permit(scope: Clearing, permit: str) -> Response:
    """One permit."""
    return answer(item(scope.object(Kind.PERMIT, permit)))


@router.post("/v1/permits/{permit}/revoke", response_model=Permit)
async def revoke_permit(scope: Clearing, permit: str, why: Reason) -> Response:
    """Revoke a permit. 409 when it is revoked already."""
    held = await asyncio.to_thread(scope.object, Kind.PERMIT, permit)
    data = {"asset": held.asset, "permit": held.id, "reason": why.reason}
    await scope.command("permit.revoke", data, held.tenant)
    return answer(item(await asyncio.to_thread(scope.object, Kind.PERMIT, permit)))
