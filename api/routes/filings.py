"""Filings: lodged, listed, amended with every version kept, withdrawn."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing, Scoped
from api.clearanceschemas import Filing
from api.errors import Problem
from api.filing import lodged, refuse_place, refuse_window
from api.listing import AssetRef, From, To, Word, asset_id, list_objects
from api.paging import After, Limit
from api.papers import FilingChange, FilingNew, Reason
from api.render import item
from api.schemas import Page
from api.scope import Scope
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["filings"])


@router.get("/v1/filings", response_model=Page[Filing])
def list_filings(
    scope: Clearing,
    asset: AssetRef = None,
    gate: Word = None,
    state: Annotated[str | None, Query(pattern="^(lodged|withdrawn)$")] = None,
    exporter: Word = None,
    batch: Word = None,
    vin: Word = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Filings, the newest first."""
    where = ObjectFilter(
        asset=asset_id(scope, asset),
        gate=gate,
        state=state,
        exporter=exporter,
        batch=batch,
        vin=vin,
        start_ms=start,
        end_ms=end,
    )
    return list_objects(scope, Kind.FILING, where, after, limit)


@router.post("/v1/filings", response_model=Filing, status_code=201)
async def lodge_filing(scope: Scoped, new: FilingNew) -> Response:
    """Lodge a filing. It is checked at once; a VIN that is not registered is. 409 when the reference was used
    or the VIN has an open filing anywhere."""
    refuse_place(scope, new.gate, new.direction)
    event = await scope.command("filing.lodge", lodged(scope.tenant, new))
    return await _answer(scope, event.data["object"], 201)


@router.get("/v1/filings/{filing}", response_model=Filing)
def get_filing(scope: Clearing, filing: str) -> Response:
    """One filing by its id or reference."""
    return answer(item(scope.filing(filing)))


@router.patch("/v1/filings/{filing}", response_model=Filing)
async def amend_filing(scope: Scoped, filing: str, change: FilingChange) -> Response:
    """Change the fields given; makes a new version. 409 once it is withdrawn or its case has ended."""
    changes = change.changes()
    if not changes:
        want = ", ".join(f.alias or name for name, f in FilingChange.model_fields.items())
        raise Problem(422, f"nothing to change: got no field, want any of {want}")
    held = await asyncio.to_thread(scope.filing, filing)
    after: dict[str, Any] = held.data | changes
    if changes.keys() & {"gate", "direction"}:
        refuse_place(scope, after["gate"], after["direction"])
    refuse_window(after["window_from_ms"], after["window_until_ms"])
    data = {"asset": held.asset, "filing": held.id, "changes": changes}
    await scope.command("filing.amend", data)
    return await _answer(scope, held.id, 200)


@router.post("/v1/filings/{filing}/withdraw", response_model=Filing)
async def withdraw_filing(scope: Scoped, filing: str, why: Reason) -> Response:
    """Withdraw a filing with its case. 409 once it is withdrawn or its case has ended."""
    held = await asyncio.to_thread(scope.filing, filing)
    data = {"asset": held.asset, "filing": held.id, "reason": why.reason}
    await scope.command("filing.withdraw", data)
    return await _answer(scope, held.id, 200)


async def _answer(scope: Scope, id_: str, status: int) -> Response:
    held = await asyncio.to_thread(scope.object, Kind.FILING, id_)
    return answer(item(held), status, {"Location": f"/v1/filings/{id_}"} if status == 201 else None)
