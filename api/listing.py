"""Lists of objects: one way to filter by period, to page and to show, for every kind."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from api import paging
from api.errors import Problem
from api.render import item
from api.scope import Scope
from api.times import Instant
from feeds.readmodel import ObjectFilter
from streams.events import Kind

From = Annotated[Instant | None, Query(alias="from", description="What ended before is left out.")]
To = Annotated[Instant | None, Query(alias="to", description="What began at or after is left out.")]
Word = Annotated[str | None, Query(max_length=200)]
"""A filter by one word: a reference, a state, a name."""
AssetRef = Annotated[str | None, Query(max_length=100, description="Of this asset only: its id or VIN.")]


def list_objects(
    scope: Scope,
    kind: Kind,
    where: ObjectFilter,
    after: str | None,
    limit: int,
) -> Response:
    """A page of objects of ``kind``, newest start first. Raises Problem."""
    if where.start_ms is not None and where.end_ms is not None and where.start_ms >= where.end_ms:
        raise Problem(422, "period is empty: got from at or after to, want from before to")
    of = f"{kind.value}s"
    place = paging.decode_after(of, after, (int, str))
    rows = scope.objects(kind, where, place, limit + 1)
    body = paging.page(of, rows, limit, lambda row: (row.start_ms, row.id), item)
    return Response(body, media_type="application/json")


def asset_id(scope: Scope, asset: str | None) -> str | None:
    """The id of an asset given by id or VIN in a filter. Raises Problem 404."""
    return None if asset is None else scope.asset(asset).id
