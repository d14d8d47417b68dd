"""Feeds: granted, listed, revoked, read by cursor; and who read what."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Header, Query, Request, Response

from api import paging
from api.answer import answer
from api.auth import Feeding, Scoped, refuse_revoked
from api.errors import Problem
from api.feedschemas import Feed, FeedAssets, FeedBeside, FeedLogs, FeedNew, FeedRead
from api.feedview import FeedView, reads_of, shown
from api.formats import MEDIA_TYPES, Format, choose
from api.paging import After, Limit
from api.schemas import Page as ListPage
from api.scope import Scope
from api.state import state_of
from api.times import format_instant
from feeds.grants import GrantError
from feeds.grants.grant import checked
from feeds.records.page import MOST, Page

router = APIRouter(tags=["feeds"])
_FORMATS: Final = (Format.JSONL, Format.ARROW, Format.PARQUET)
_MAX_WAIT_S: Final = 60.0
_LOOK_S: Final = 0.25
_FEEDS: Final = "feeds"
_READS: Final = "reads"


@router.post("/v1/feeds", response_model=Feed, status_code=201)
async def grant_feed(scope: Scoped, new: FeedNew) -> Response:
    """Let another tenant read. 409 when the same was granted before, ended or not."""
    data = await asyncio.to_thread(_granted, scope, new)
    await scope.command("feed.grant", data)
    held = await asyncio.to_thread(scope.own_feed, data["feed"])
    return answer(shown(held, scope.now_ms()), 201, {"Location": f"/v1/feeds/{held.id}"})


@router.get("/v1/feeds", response_model=ListPage[Feed])
def list_feeds(scope: Feeding, limit: Limit = 100, after: After = None) -> Response:
    """Feeds that you granted or that were granted to you, the newest first."""
    place = paging.decode_after(_FEEDS, after, (int, str))
    rows = scope.feeds(place, limit + 1)
    now_ms = scope.now_ms()
    body = paging.page(
        _FEEDS, rows, limit, lambda row: (row.start_ms, row.id), lambda row: shown(row, now_ms)
    )
    return Response(body, media_type="application/json")


@router.get("/v1/feeds/{feed}", response_model=Feed)
def get_feed(scope: Feeding, feed: str) -> Response:
    """One feed, also when it has ended."""
    return answer(shown(scope.feed(feed), scope.now_ms()))


@router.delete("/v1/feeds/{feed}", response_model=Feed)
async def revoke_feed(scope: Scoped, feed: str) -> Response:
    """End a feed, now. 409 when it was revoked already."""
    held = await asyncio.to_thread(scope.own_feed, feed)
    await scope.command("feed.revoke", {"feed": held.id})
    return answer(shown(await asyncio.to_thread(scope.own_feed, feed), scope.now_ms()))


@router.get("/v1/feeds/{feed}/reads", response_model=ListPage[FeedRead])
def list_reads(scope: Scoped, feed: str, limit: Limit = 100, after: After = None) -> Response:
    """Who read what of a feed that you granted, and when; the newest first."""
    place = paging.decode_after(_READS, after, (int,))
    rows = reads_of(scope, feed, None if place is None else place[0], limit + 1)

    def item(row: Any) -> dict[str, Any]:
        plain = row.plain()
        return {**plain, "at": format_instant(plain.pop("at_ms"))} | {"at_ms": row.at_ms}

    return Response(
        paging.page(_READS, rows, limit, lambda row: (row.number,), item), media_type="application/json"
    )


@router.get("/v1/feeds/{feed}/beside", response_model=FeedBeside)
def beside(
    scope: Feeding,
    feed: str,
    sizes: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,5}:[0-9]{1,18}(,[0-9]{1,5}:[0-9]{1,18}){0,999}$",
            description="Completeness as of these heads: `log:size,...`; else as of now.",
        ),
    ] = None,
) -> Response:
    """What a verifier needs besides the records: keys, completeness, assets, zones, regimes."""
    told = None if sizes is None else dict(_pair(one) for one in sizes.split(","))
    return answer(FeedView(scope, feed).beside(told))


@router.get("/v1/feeds/{feed}/logs", response_model=FeedLogs)
def logs(scope: Feeding, feed: str) -> Response:
    """The logs that the records lie in, and the keys that their heads are signed with."""
    view = FeedView(scope, feed)
    return answer({"logs": view.logs(view.heads())})


@router.get(
    "/v1/feeds/{feed}/records",
    response_class=Response,
    responses={
        200: {
            "content": {MEDIA_TYPES[one]: {} for one in _FORMATS},
            "description": "Records; the last line (metadata `page` of the schema) tells of the page.",
        }
    },
)
async def records(
    scope: Feeding,
    request: Request,
    feed: str,
    after: Annotated[
        str | None,
        Query(
            max_length=4096,
            description="`next` of a page, or `latest`, or several cursors of pushes; else from the first.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 1000,
    wait: Annotated[
        float, Query(ge=0, le=_MAX_WAIT_S, description="Seconds to wait when there is no record yet.")
    ] = 0.0,
    proofs: Annotated[
        Literal["inline"] | None, Query(description="With each line its proof file; JSON lines only.")
    ] = None,
    named: Annotated[str | None, Query(alias="format", max_length=20)] = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """Records of a feed after the cursor, in the ledger's order: a late one comes at the end.

    403 `feed_revoked` and 410 `feed_expired` once it has ended; 400 `bad_cursor` says what is wrong with it.
    """
    chosen = choose(named, accept, _FORMATS)
    if proofs and chosen is not Format.JSONL:
        raise Problem(422, f"proofs: got inline with format {chosen}, want jsonl, or the ledger's tiles")
    view, page = await _waited(scope, request, feed, after, limit, wait)
    body = await asyncio.to_thread(view.body, page, chosen, bool(proofs))
    await asyncio.to_thread(view.keep, page, chosen.value, after)
    headers = {
        "Corridor-Next": page.next,
        "Corridor-Sent": orjson.dumps(page.sent()).decode(),
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return Response(body, 200, headers, MEDIA_TYPES[chosen])


async def _waited(
    scope: Scope, request: Request, feed: str, after: str | None, limit: int, wait_s: float
) -> tuple[FeedView, Page]:
    """The page after the cursor; one without records only when none came in time."""
    loop, hub = asyncio.get_running_loop(), state_of(request.app).hub
    until = loop.time() + wait_s
    view = await asyncio.to_thread(FeedView, scope, feed)
    heads = await asyncio.to_thread(view.heads)
    places = view.places(after, heads)
    while True:
        page = await asyncio.to_thread(view.page, places, heads, limit)
        if page.records or loop.time() >= until or hub.ended or await request.is_disconnected():
            return view, page
        places, sizes = page.places, [head.size for head in heads]
        while not page.more and [head.size for head in heads] == sizes and loop.time() < until:
            await asyncio.sleep(min(_LOOK_S, max(0.0, until - loop.time())))  # heads are signed once a second
            if hub.ended or await request.is_disconnected():
                break
            heads = await asyncio.to_thread(view.heads)
        refuse_revoked(request)
        view = await asyncio.to_thread(FeedView, scope, feed)


def _pair(text: str) -> tuple[int, int]:
    log, _, size = text.partition(":")
    return int(log), int(size)


def _granted(scope: Scope, new: FeedNew) -> dict[str, Any]:
    assets: Any = new.assets
    if isinstance(assets, FeedAssets):
        if assets.list_ is not None:
            assets = {"list": sorted({scope.asset(one).id for one in assets.list_})}
        else:
            assets = {"fleet": assets.fleet}
    asked = {
        "consumer": new.consumer,
        "purpose": new.purpose,
        "assets": assets,
        "kinds": new.kinds,
        "fields": new.fields_,
        "driver": new.driver,
        "from_ms": scope.now_ms() if new.from_ is None else new.from_,
        "to_ms": new.to,
        "expires_ms": new.expires,
    }
    try:
        return checked(scope.tenant, asked)
    except GrantError as error:
        field = str(error).partition(":")[0]
        errors = [{"field": f"body.{field}", "got": "", "want": str(error)}]
        raise Problem(422, str(error), errors=errors) from None
