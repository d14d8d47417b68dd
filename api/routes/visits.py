"""Visits: assets inside zones."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Scoped
from api.listing import AssetRef, From, To, asset_id, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Page, Visit
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["visits"])


@router.get("/v1/visits", response_model=Page[Visit])
def list_visits(
    scope: Scoped,
    asset: AssetRef = None,
    zone: Annotated[str | None, Query(max_length=200)] = None,
    gate: Annotated[str | None, Query(max_length=200)] = None,
    state: Literal["open", "closed"] | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Visits, the newest first."""
    where = ObjectFilter(
        asset=asset_id(scope, asset), zone=zone, gate=gate, state=state, start_ms=start, end_ms=end
    )
    return list_objects(scope, Kind.VISIT, where, after, limit)


@router.get("/v1/visits/{visit}", response_model=Visit)
def get_visit(scope: Scoped, visit: str) -> Response:
    """One visit; one that never was has change `retracted`."""
    return answer(item(scope.object(Kind.VISIT, visit)))
