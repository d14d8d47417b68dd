"""Crossings: passages through a gate."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing
from api.listing import AssetRef, From, To, asset_id, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Crossing, Page
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["crossings"])
State = Literal[
    "approaching", "at_exit_port", "between", "at_entry_port", "completed", "turned_back", "off_gate"
]


@router.get("/v1/crossings", response_model=Page[Crossing])
def list_crossings(
    scope: Clearing,
    asset: AssetRef = None,
    gate: Annotated[str | None, Query(max_length=200)] = None,
    state: State | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Crossings, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), gate=gate, state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.CROSSING, where, after, limit)


@router.get("/v1/crossings/{crossing}", response_model=Crossing)
def get_crossing(scope: Clearing, crossing: str) -> Response:
    """One crossing; one that never was has change `retracted`."""
    return answer(item(scope.object(Kind.CROSSING, crossing)))
