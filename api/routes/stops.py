"""Stops: where an asset stood still, from its last moving fix to the next trip."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from api.answer import answer
from api.auth import Scoped
from api.listing import AssetRef, From, To, asset_id, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Page, Stop
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["stops"])


@router.get("/v1/stops", response_model=Page[Stop])
def list_stops(
    scope: Scoped,
    asset: AssetRef = None,
    state: Literal["open", "closed"] | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Stops, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.STOP, where, after, limit)


@router.get("/v1/stops/{stop}", response_model=Stop)
def get_stop(scope: Scoped, stop: str) -> Response:
    """One stop; one that never was has change `retracted`."""
    return answer(item(scope.object(Kind.STOP, stop)))
