"""Covers: written, ended; exposures, handovers, gaps, breaches, incidents; the monthly report."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from api.answer import answer
from api.auth import Clearing, Scoped
from api.coverfile import CoverRow, fault, read_covers
from api.coverreport import report_of
from api.coverschemas import (
    Cover,
    CoverEnd,
    CoverNew,
    CoverReport,
    CoversWritten,
    Exposure,
    Finding,
    Handover,
)
from api.listing import AssetRef, From, To, asset_id, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Page
from api.scope import Scope
from feeds.readmodel import ObjectFilter
from streams.events import Kind, object_id

router = APIRouter(tags=["covers"])
_AT_ONCE: Final = 1_000
_FORMS: Final = {
    "application/x-ndjson": {"schema": {"type": "string"}},
    "text/csv": {"schema": {"type": "string"}},
}


@router.get("/v1/covers", response_model=Page[Cover])
def list_covers(
    scope: Scoped,
    asset: AssetRef = None,
    state: Literal["written", "running", "ended"] | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Covers, those that begin last first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.COVER, where, after, limit)


@router.post("/v1/covers", response_model=Cover, status_code=201)
async def write_cover(scope: Scoped, new: CoverNew) -> Response:
    """Write a policy on a registered vehicle. 404 when it is not, 409 when the policy is written already."""
    event = await scope.command("cover.write", new.written(object_id(Kind.ASSET, scope.tenant, new.vin)))
    held = await asyncio.to_thread(scope.object, Kind.COVER, event.data["object"])
    return answer(item(held), 201, {"Location": f"/v1/covers/{held.id}"})


@router.post(
    "/v1/covers/bulk",
    response_model=CoversWritten,
    openapi_extra={"requestBody": {"required": True, "content": _FORMS}},
)
async def write_covers(scope: Scoped, request: Request) -> Response:
    """Write many: JSON lines as of `POST /v1/covers`, or CSV with columns `vin`, `number`, `insurer`,
    `countries` (separated by spaces), `from`, `until`, `use`, `deductible_zones`.

    A file with a fault of form writes nothing (422). What the history refuses is told by row; the others are
    written.
    """
    rows = await asyncio.to_thread(read_covers, await request.body())
    written: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for start in range(0, len(rows), _AT_ONCE):
        await _write(scope, rows[start : start + _AT_ONCE], written, refused)
    return answer({"rows": len(rows), "written": written, "refused": refused})


async def _write(
    scope: Scope, rows: list[CoverRow], written: list[dict[str, Any]], refused: list[dict[str, Any]]
) -> None:
    data = [row.cover.written(object_id(Kind.ASSET, scope.tenant, row.cover.vin)) for row in rows]
    for row, event in zip(rows, await scope.commands("cover.write", data), strict=True):
        error = event.data.get("error")
        if error is None:
            written.append({"row": row.number, "number": row.cover.number, "id": event.data["object"]})
        else:
            refused.append(fault(row.number, error["code"], row.cover.number, error["detail"]))


@router.get("/v1/covers/{cover}", response_model=Cover)
def get_cover(scope: Scoped, cover: str) -> Response:
    """One cover."""
    return answer(item(scope.object(Kind.COVER, cover)))


@router.post("/v1/covers/{cover}/end", response_model=Cover)
async def end_cover(scope: Scoped, cover: str, how: CoverEnd) -> Response:
    """End a cover before its time. 409 when it has ended by then."""
    held = await asyncio.to_thread(scope.object, Kind.COVER, cover)
    data = {"asset": held.asset, "cover": held.id, "at_ms": how.at_ms, "reason": how.reason}
    await scope.command("cover.end", data)
    return answer(item(await asyncio.to_thread(scope.object, Kind.COVER, cover)))


@router.get("/v1/exposures", response_model=Page[Exposure])
def list_exposures(
    scope: Scoped,
    asset: AssetRef = None,
    state: Literal["running", "ended"] | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Exposures of covers by country, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.EXPOSURE, where, after, limit)


@router.get("/v1/handovers", response_model=Page[Handover])
def list_handovers(
    scope: Clearing,
    asset: AssetRef = None,
    gate: Annotated[str | None, Query(max_length=200)] = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Handovers at the line, the newest first; customs see those of vehicles filed at their gates."""
    where = ObjectFilter(asset=asset_id(scope, asset), gate=gate, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.HANDOVER, where, after, limit)


@router.get("/v1/handovers/{handover}", response_model=Handover)
def get_handover(scope: Clearing, handover: str) -> Response:
    """One handover, by the id that all sides cite."""
    return answer(item(scope.object(Kind.HANDOVER, handover)))


@router.get("/v1/gaps", response_model=Page[Finding])
def list_gaps(
    scope: Scoped,
    asset: AssetRef = None,
    state: Literal["warned", "open", "closed", "averted"] | None = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Gaps of cover and of proof, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), state=state, start_ms=start, end_ms=end)
    return list_objects(scope, Kind.GAP, where, after, limit)


@router.get("/v1/breaches", response_model=Page[Finding])
def list_breaches(
    scope: Scoped,
    asset: AssetRef = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Breaches of covers, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), start_ms=start, end_ms=end)
    return list_objects(scope, Kind.BREACH, where, after, limit)


@router.get("/v1/incidents", response_model=Page[Finding])
def list_incidents(
    scope: Scoped,
    asset: AssetRef = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Harsh driving and suspected crashes, the newest first."""
    where = ObjectFilter(asset=asset_id(scope, asset), start_ms=start, end_ms=end)
    return list_objects(scope, Kind.INCIDENT, where, after, limit)


@router.get("/v1/assets/{asset}/cover-report", response_model=CoverReport)
def cover_report(
    scope: Scoped,
    asset: str,
    month: Annotated[str, Query(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="As 2026-11.")],
) -> Response:
    """Exposure and driving of an asset in a month, by a versioned formula; no figure without enough proof."""
    return answer(report_of(scope, scope.asset(asset), month))
