"""The event feed: every revision of every object, resumable from any cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.auth import Clearing, refuse_revoked
from api.errors import Problem, shown
from api.listing import AssetRef, asset_id
from api.render import event_line
from api.schemas import EventLine
from api.scope import Scope
from api.state import state_of
from feeds import cursor
from feeds.cursor import Vector
from streams.events import Event, Kind

router = APIRouter(tags=["events"])
_NDJSON = "application/x-ndjson"
_MAX_WAIT_S = 60.0


@router.get(
    "/v1/events",
    response_class=Response,
    responses={
        200: {
            "model": EventLine,
            "content": {_NDJSON: {}},
            "description": "One event a line; the header Corridor-Cursor is where to go on.",
        }
    },
)
async def events(
    scope: Clearing,
    request: Request,
    after: Annotated[
        str | None,
        Query(max_length=4096, description="A line's cursor, or `latest`; else from the oldest kept."),
    ] = None,
    kinds: Annotated[str | None, Query(max_length=200, description="Kinds, separated by commas.")] = None,
    asset: AssetRef = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    wait: Annotated[
        float, Query(ge=0, le=_MAX_WAIT_S, description="Seconds to wait when there is no event yet.")
    ] = 0.0,
) -> Response:
    """Events after the cursor, in order; none when the cursor is at the end."""
    wanted = _kinds(kinds)
    at = await asyncio.to_thread(scope.vector, after)
    of = await asyncio.to_thread(asset_id, scope, asset)
    found, at = await _waited(request, scope, at, wanted, limit, of, wait)
    body = await asyncio.to_thread(_lines, found)
    return Response(body, headers={"Corridor-Cursor": cursor.encode(at)}, media_type=_NDJSON)


async def _waited(
    request: Request,
    scope: Scope,
    at: Vector,
    kinds: Sequence[Kind],
    limit: int,
    asset: str | None,
    wait_s: float,
) -> tuple[list[tuple[str, Event]], Vector]:
    hub = state_of(request.app).hub
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while True:
        news = hub.news(scope.reach)  # before looking, so that nothing slips in between
        found, after = await asyncio.to_thread(scope.events_after, at, kinds, limit, asset)
        left = until - loop.time()
        if found or left <= 0 or hub.ended or await request.is_disconnected():
            return found, after
        try:
            async with asyncio.timeout(left):
                await news.wait()
        except TimeoutError:
            until = 0.0
        refuse_revoked(request)


def _lines(found: Sequence[tuple[str, Event]]) -> bytes:
    return b"".join(event_line(event, at) + b"\n" for at, event in found)


def _kinds(text: str | None) -> list[Kind]:
    if text is None:
        return []
    names = text.split(",")
    known = {kind.value for kind in Kind}
    for name in names:
        if name not in known:
            raise Problem(422, f"kinds: got {shown(name)!r}, want any of {','.join(sorted(known))}")
    return [Kind(name) for name in names]
