"""Filings lodged in bulk: all of a file or nothing, or row by row."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.answer import answer
from api.auth import Scoped
from api.bulk import Bulk, Fault, Lodging, check_bulk, read_bulk, refused
from api.clearanceschemas import FilingsLodged
from api.errors import Problem
from api.ports import AwayError
from api.scope import Scope

router = APIRouter(tags=["filings"])
_AT_ONCE = 1000
_MOST_TOLD = 1000
_FORMS = {
    "application/x-ndjson": {"schema": {"type": "string"}},
    "text/csv": {"schema": {"type": "string"}},
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {
        "schema": {"type": "string", "format": "binary"}
    },
    "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
}
Given = Annotated[str | None, Query(max_length=200, description="For files without this column.")]


@router.post(
    "/v1/filings/bulk",
    response_model=FilingsLodged,
    openapi_extra={"requestBody": {"required": True, "content": _FORMS}},
)
async def lodge_filings(
    scope: Scoped,
    request: Request,
    mode: Annotated[
        Literal["all", "rows"], Query(description="Lodge nothing if any row is wrong, or the good rows.")
    ] = "all",
    gate: Given = None,
    direction: Given = None,
    exporter: Given = None,
    offset_min: Annotated[
        int | None, Query(ge=-840, le=840, description="Minutes from UTC of instants that tell no offset.")
    ] = None,
) -> Response:
    """Lodge many filings: JSON lines as of `POST /v1/filings`, CSV, Excel or Parquet, told apart by content.

    All are checked before the first is lodged. With `mode=all`, when somebody takes a reference or VIN in
    between, those lodged are withdrawn again (409 `not_lodged`).
    """
    body = await request.body()
    given = {"gate": gate, "direction": direction, "exporter": exporter}
    defaults = {name: value for name, value in given.items() if value is not None}
    bulk = await asyncio.to_thread(_read, scope, body, defaults, offset_min)
    if bulk.faults and mode == "all":
        raise _faulty(bulk)
    lodged, faults = await _lodge(scope, bulk.rows, mode == "all")
    told: dict[str, Any] = {"rows": bulk.count, "lodged": lodged}
    return answer(told | {"refused": sorted([*bulk.faults, *faults], key=_place)})


def _read(scope: Scope, body: bytes, defaults: dict[str, str], offset_min: int | None) -> Bulk:
    bulk = read_bulk(body, scope.tenant, defaults, offset_min)
    check_bulk(scope, bulk, scope.now_ms())
    return bulk


async def _lodge(scope: Scope, rows: list[Lodging], all_: bool) -> tuple[list[dict[str, Any]], list[Fault]]:
    lodged: list[dict[str, Any]] = []
    faults: list[Fault] = []
    assets: list[str] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        try:
            events = await scope.commands("filing.lodge", [row.data for row in some])
        except AwayError as error:
            if not all_:
                raise
            await _take_back(scope, lodged, assets, "the rest of its file could not be lodged")
            raise AwayError(f"nothing lodged for good: {error}", error.retry_after) from error
        for row, event in zip(some, events, strict=True):
            refusal = event.data.get("error")
            if refusal is not None:
                faults.append(refused(row, refusal["code"], refusal["detail"]))
            else:
                told = {"row": row.number, "reference": row.data["reference"], "id": event.data["object"]}
                lodged.append(told)
                assets.append(row.data["asset"])
        if all_ and faults:
            await _take_back(scope, lodged, assets, "another filing of its file was refused")
            raise Problem(
                409,
                f"not lodged: {len(faults)} were refused, {len(lodged)} lodged before are withdrawn again",
                "not_lodged",
                errors=faults[:_MOST_TOLD],
                more={"withdrawn": [one["reference"] for one in lodged]},
            )
    return lodged, faults


async def _take_back(scope: Scope, lodged: list[dict[str, Any]], assets: list[str], why: str) -> None:
    for start in range(0, len(lodged), _AT_ONCE):
        some = zip(lodged[start : start + _AT_ONCE], assets[start : start + _AT_ONCE], strict=True)
        data = [{"asset": asset, "filing": one["id"], "reason": why} for one, asset in some]
        await scope.commands("filing.withdraw", data)


def _faulty(bulk: Bulk) -> Problem:
    faults = sorted(bulk.faults, key=_place)
    first = faults[0]
    return Problem(
        422,
        f"nothing lodged: got {len(faults)} faults in {bulk.count} rows, want none (or mode=rows); first "
        f"{first['address']}: {first['column'] or 'row'}: got {first['got']}, want {first['want']}",
        "import_faults",
        errors=faults[:_MOST_TOLD],
        more={"faults": len(faults)},
    )


def _place(fault: Fault) -> tuple[int, str]:
    return fault["row"], fault["column"]
