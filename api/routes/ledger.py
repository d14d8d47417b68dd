"""The ledger: its public files as C2SP tlog-tiles has them, without a key, and the proof of one record."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from api.auth import Scoped
from api.errors import Problem, away, not_found
from api.scope import Scope
from api.state import state_of
from feeds.ledger.book import EventKey, ReportKey
from feeds.ledger.errors import LedgerAwayError, LedgerError

router = APIRouter(tags=["ledger"])
public = APIRouter(tags=["ledger"])
_TEXT: Final = "text/plain; charset=utf-8"
_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",  # public, and nothing here depends on who asks
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_FRESH: Final = {**_HEADERS, "Cache-Control": "no-cache"}
_LASTING: Final = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}


@public.get("/ledger/index")
async def index(request: Request) -> Response:
    """The signed list of all logs: number, key, size, root, what follows (a note). Needs no key."""
    path = state_of(request.app).ports.ledger_index
    try:
        body = None if path is None else await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        body = None
    except OSError:
        raise away("the index can't be read now", 1.0) from None
    if body is None:
        raise Problem(404, "this installation signs no index of its logs, or has not yet")
    return Response(body, 200, _FRESH, _TEXT)


@public.get("/ledger/{partition}/checkpoint")
async def checkpoint(request: Request, partition: str) -> Response:
    """The signed head of a partition's log (tlog-checkpoint). Needs no key."""
    return Response(await _served(request, partition, "checkpoint"), 200, _FRESH, _TEXT)


@public.get("/ledger/{partition}/end")
async def end(request: Request, partition: str) -> Response:
    """The proof (tlog-proof) of a log's end: which log follows, and its key. 404 while it goes on."""
    return Response(await _served(request, partition, "end"), 200, _FRESH, _TEXT)


@public.get("/ledger/{partition}/tile/{path:path}")
async def tile(request: Request, partition: str, path: str) -> Response:
    """A hash tile or an entry bundle (tlog-tiles). Needs no key."""
    body = await _served(request, partition, f"tile/{path}")
    return Response(body, 200, _LASTING, "application/octet-stream")


@router.get("/v1/ledger/proof", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def proof(
    scope: Scoped,
    event: Annotated[str | None, Query(max_length=100, description="An object's id.")] = None,
    revision: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    device: Annotated[str | None, Query(max_length=100)] = None,
    boot: Annotated[str | None, Query(max_length=100)] = None,
    seq: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    hash_: Annotated[
        str | None, Query(alias="hash", pattern="^[0-9a-f]{64}$", description="SHA-256 of the report.")
    ] = None,
    groups: Annotated[
        str | None, Query(max_length=200, description="Which to open, separated by commas; else all.")
    ] = None,
) -> Response:
    """A proof file (tlog-proof) of an event's revision or of a report; its `extra` opens the record."""
    if event is not None and revision is not None:
        key: EventKey | ReportKey = EventKey(event, revision)
    elif device is not None and boot is not None and seq is not None and hash_ is not None:
        key = ReportKey(device, boot, seq, bytes.fromhex(hash_))
    else:
        raise Problem(422, "record: got too little, want event and revision, or device, boot, seq and hash")
    names = None if groups is None else frozenset(groups.split(","))
    body = await asyncio.to_thread(_proof, scope, key, names)
    headers = {"Content-Disposition": 'attachment; filename="record.tlog-proof"', "Cache-Control": "no-store"}
    return Response(body, 200, headers, _TEXT)


def _proof(scope: Scope, key: EventKey | ReportKey, names: frozenset[str] | None) -> str:
    try:
        ledger, kept = scope.record(key)
        made = ledger.prove(kept, names)
    except LedgerError as error:
        raise away(f"the ledger can't be read now: {error}", getattr(error, "retry_after", 1.0)) from None
    if made is None:
        raise away("no signed checkpoint holds the record yet", 1.0)
    return made.format()


async def _served(request: Request, partition: str, path: str) -> bytes:
    ledgers = state_of(request.app).ports.ledgers
    known = partition.isascii() and partition.isdigit() and str(int(partition[:9])) == partition
    if not known or int(partition) >= len(ledgers):
        raise not_found("log", partition)
    try:
        return await asyncio.to_thread(ledgers[int(partition)].served, path)
    except LedgerAwayError as error:
        raise away("the ledger can't be read now", error.retry_after) from None
    except LedgerError as error:
        raise Problem(404, str(error)) from None
