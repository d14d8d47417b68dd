"""Bindings: what is claimed of a vehicle's two codes, at two times; what it was coupled to; conflicts."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing
from api.bindingview import binding_at
from api.clearanceschemas import Binding, BindingAt, Conflict, Coupling
from api.errors import Problem
from api.listing import AssetRef, From, To, asset_id, list_objects
from api.paging import After, Limit
from api.papers import ClaimNew, CouplingEnd, CouplingNew
from api.render import item
from api.schemas import Page
from api.times import Instant
from feeds.readmodel import ObjectFilter
from streams.events import Kind, object_id

router = APIRouter(tags=["bindings"])
At = Annotated[Instant | None, Query(description="What held then; now when left out.")]
Known = Annotated[Instant | None, Query(description="By what was known then; all when left out.")]


@router.get("/v1/assets/{asset}/binding", response_model=BindingAt)
def get_binding(scope: Clearing, asset: str, at: At = None, known: Known = None) -> Response:
    """Whether VIN and chassis number are one vehicle's: as it held at one instant, by what was known at
    another. Conflicts are those of the claims; what buses told besides is under /v1/conflicts."""
    held = scope.asset(asset)
    return answer(binding_at(scope, held, scope.now_ms() if at is None else at, known))


@router.post("/v1/assets/{asset}/claims", response_model=Binding, status_code=201)
async def claim_binding(scope: Clearing, asset: str, new: ClaimNew) -> Response:
    """Say that the vehicle has these two codes. As `officer` only officers may, and only they see vehicles of
    all tenants."""
    if new.source == "officer" and not scope.is_officer:
        raise Problem(403, f"source officer is for officers: got role {scope.who.role}")
    if new.source != "officer" and not isinstance(scope.reach, str):
        raise Problem(403, f"source {new.source} is for the tenant: got role {scope.who.role}, want officer")
    held = await asyncio.to_thread(scope.asset, asset)
    data = new.commanded(asset=held.id, vin=new.vin or held.data["vin"])
    data["from_ms"] = scope.now_ms() if new.from_ms is None else new.from_ms
    await scope.command("binding.claim", data, held.tenant)
    told = await asyncio.to_thread(scope.object, Kind.BINDING, object_id(Kind.BINDING, held.id))
    return answer(item(told), 201, {"Location": f"/v1/assets/{held.id}/binding"})


@router.get("/v1/conflicts", response_model=Page[Conflict])
def list_conflicts(
    scope: Clearing,
    asset: AssetRef = None,
    state: Annotated[str | None, Query(pattern="^(open|settled)$")] = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Where sources differ about a vehicle's codes, the last first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.CONFLICT, where, after, limit)


@router.get("/v1/conflicts/{conflict}", response_model=Conflict)
def get_conflict(scope: Clearing, conflict: str) -> Response:
    """One conflict."""
    return answer(item(scope.object(Kind.CONFLICT, conflict)))


@router.get("/v1/couplings", response_model=Page[Coupling])
def list_couplings(
    scope: Clearing,
    asset: AssetRef = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """What was coupled to or loaded on what, the last first."""
    where = ObjectFilter(asset=asset_id(scope, asset), start_ms=start, end_ms=end)
    return list_objects(scope, Kind.COUPLING, where, after, limit)


@router.post("/v1/assets/{asset}/couplings", response_model=Coupling, status_code=201)
async def couple(scope: Clearing, asset: str, new: CouplingNew) -> Response:
    """Say that the asset is carried by another of its tenant: its crossing and case follow that one's."""
    held = await asyncio.to_thread(scope.asset, asset)
    carrier = await asyncio.to_thread(scope.asset, new.carrier)
    if carrier.id == held.id or carrier.tenant != held.tenant:
        raise Problem(
            422,
            f"body.carrier: got {new.carrier}, want another vehicle of the same tenant",
            errors=[
                {"field": "body.carrier", "got": new.carrier, "want": "another vehicle of the same tenant"}
            ],
        )
    data = new.commanded(asset=held.id, carrier=carrier.id)
    data["from_ms"] = scope.now_ms() if new.from_ms is None else new.from_ms
    event = await scope.command("coupling.start", data, held.tenant)
    told = await asyncio.to_thread(scope.object, Kind.COUPLING, event.data["object"])
    return answer(item(told), 201, {"Location": f"/v1/couplings/{told.id}"})


@router.get("/v1/couplings/{coupling}", response_model=Coupling)
def get_coupling(scope: Clearing, coupling: str) -> Response:
    """One coupling."""
    return answer(item(scope.object(Kind.COUPLING, coupling)))


@router.post("/v1/couplings/{coupling}/end", response_model=Coupling)
async def uncouple(scope: Clearing, coupling: str, end: CouplingEnd) -> Response:
    """Say when a coupling ended. 409 when it ended before."""
    held = await asyncio.to_thread(scope.object, Kind.COUPLING, coupling)
    to_ms = scope.now_ms() if end.to_ms is None else end.to_ms
    data = {"asset": held.asset, "coupling": held.id, "to_ms": to_ms}
    await scope.command("coupling.end", data, held.tenant)
    return answer(item(await asyncio.to_thread(scope.object, Kind.COUPLING, coupling)))
