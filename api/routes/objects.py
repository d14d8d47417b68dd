"""The history of objects: every revision, whole, with what caused it; and what was retracted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from api import paging
from api.answer import answer
from api.auth import Clearing, Scoped
from api.paging import After, Limit
from api.render import item, revision
from api.schemas import Page, Revision

router = APIRouter(tags=["objects"])


@router.get("/v1/objects/{object}/revisions", response_model=Page[Revision])
def revisions(
    scope: Clearing,
    object_: Annotated[str, Path(alias="object", max_length=200)],
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Revisions of an object, the newest first, retracted ones included.

    `why` says which fields differ from the revision before and at which log positions the evidence lies.
    Revisions older than the retention of events are gone, so the last one need not be revision 1.
    """
    place = paging.decode_after("revisions", after, (int,))
    rows = scope.revisions(object_, place[0] if place else None, limit + 1)
    body = paging.page("revisions", rows, limit, lambda event: (event.revision,), revision)
    return Response(body, media_type="application/json")


@router.get("/v1/assets/{asset}/retracted", response_model=Page[dict[str, Any]])
def retracted(scope: Scoped, asset: str, limit: Limit = 100) -> Response:
    """Visits, crossings, trips and stops that were told of this asset and taken back, with their last
    content. `why.merged_into` names the object that lives on; the latest retracted comes first."""
    rows = scope.retracted(scope.asset(asset), limit)
    return answer({"items": [{"kind": row.kind.value, **item(row)} for row in rows], "next": None})
