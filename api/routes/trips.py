"""Trips: from setting off to standing still."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from api.answer import answer
from api.auth import Scoped
from api.listing import AssetRef, From, To, asset_id, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Page, Trip
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["trips"])


@router.get("/v1/trips", response_model=Page[Trip])
def list_trips(
    scope: Scoped,
    asset: AssetRef = None,
    state: Literal["open", "closed"] | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Trips, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.TRIP, where, after, limit)


@router.get("/v1/trips/{trip}", response_model=Trip)
def get_trip(scope: Scoped, trip: str) -> Response:
    """One trip; one that never was has change `retracted`."""
    return answer(item(scope.object(Kind.TRIP, trip)))
