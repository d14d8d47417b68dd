"""Releases asked of authorities, and batches that cross together."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing, Releases
from api.clearanceschemas import Batch, Release
from api.listing import From, To, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Page
from feeds.readmodel import ObjectFilter
from feeds.readreach import OfAuthority
from streams.events import Kind, object_id

router = APIRouter(tags=["releases"])
_MOST = 1000


@router.get("/v1/releases", response_model=Page[Release])
def list_releases(
    scope: Releases,
    case: Annotated[str | None, Query(max_length=100, description="Of this case only.")] = None,
    state: Annotated[str | None, Query(max_length=50)] = None,
    authority: Annotated[str | None, Query(max_length=64)] = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Releases, the last asked for first. A connector gets those asked of its authority."""
    if case is not None:
        if not isinstance(scope.reach, OfAuthority):
            scope.object(Kind.CASE, case)
        ids = [object_id(Kind.RELEASE, case, n) for n in range(1, _MOST + 1)]
        found = scope.ports.read.objects_by_id(Kind.RELEASE, scope.reach, ids)
        rows = [found[one] for one in reversed(ids) if one in found]
        kept = [
            row
            for row in rows
            if state in (None, row.data["state"]) and authority in (None, row.data.get("authority"))
        ]
        return answer({"items": [item(row) for row in kept], "next": None})
    where = ObjectFilter(state=state, authority=authority, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.RELEASE, where, after, limit)


@router.get("/v1/releases/{release}", response_model=Release)
def get_release(scope: Releases, release: str) -> Response:
    """One release."""
    return answer(item(scope.object(Kind.RELEASE, release)))


@router.get("/v1/batches/{batch}", response_model=Batch)
def get_batch(scope: Clearing, batch: str) -> Response:
    """One batch by its id or number: complete when all its vehicles have crossed. Officers get those of its
    cases that are at their gates."""
    held = scope.batch(batch)
    told = item(held)
    if not isinstance(scope.reach, str):
        cases = [one["case"] for one in held.data.get("cases") or []]
        seen = scope.ports.read.objects_by_id(Kind.CASE, scope.reach, cases)
        told["cases"] = [one for one in told["cases"] if one["case"] in seen]
    return answer(told)
