"""Assets: registered, listed, changed, imported from a file."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import imports
from api.answer import answer
from api.auth import Scoped
from api.errors import Problem
from api.imports import Fault, Table
from api.listing import list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Asset, AssetChange, AssetNew, ImportReport, Page
from api.scope import Scope
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["assets"])
_AT_ONCE = 500


@router.get("/v1/assets", response_model=Page[Asset])
def list_assets(
    scope: Scoped,
    fleet: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Assets, the newest first."""
    return list_objects(scope, Kind.ASSET, ObjectFilter(fleet=fleet), after, limit)


@router.post("/v1/assets", response_model=Asset, status_code=201)
async def register_asset(scope: Scoped, new: AssetNew) -> Response:
    """Register a vehicle. 409 when its VIN is registered already."""
    event = await scope.command("asset.register", new.commanded())
    return await _answer(scope, event.data["object"], 201)


@router.get("/v1/assets/{asset}", response_model=Asset)
def get_asset(scope: Scoped, asset: str) -> Response:
    """One asset by its id or VIN."""
    return answer(item(scope.asset(asset)))


@router.patch("/v1/assets/{asset}", response_model=Asset)
async def change_asset(scope: Scoped, asset: str, change: AssetChange) -> Response:
    """Change the fields given; the VIN never changes."""
    changes = change.changes()
    if not changes:
        raise Problem(
            422, f"nothing to change: got no field, want any of {', '.join(AssetChange.model_fields)}"
        )
    held = await asyncio.to_thread(scope.asset, asset)
    await scope.command("asset.update", {"asset": held.id, **changes})
    return await _answer(scope, held.id, 200)


@router.post(
    "/v1/assets/import",
    response_model=ImportReport,
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    },
)
async def import_assets(
    scope: Scoped,
    request: Request,
    mode: Annotated[
        Literal["all", "rows"], Query(description="Register nothing if any row is wrong, or the good rows.")
    ] = "all",
) -> Response:
    """Register many vehicles from a CSV file with a header.

    Every row is checked before the first is registered. A VIN that somebody else registers in between is
    still reported, not registered twice.
    """
    table = await asyncio.to_thread(_checked, scope, await request.body())
    faults = list(table.faults)
    if faults and mode == "all":
        raise Problem(
            422,
            f"nothing imported: got {len(faults)} faults in {table.count} rows, want none (or mode=rows)",
            "import_faults",
            errors=[asdict(fault) for fault in faults],
        )
    registered = 0
    for start in range(0, len(table.rows), _AT_ONCE):
        rows = table.rows[start : start + _AT_ONCE]
        for row, event in zip(
            rows, await scope.commands("asset.register", [r.data for r in rows]), strict=True
        ):
            error = event.data.get("error")
            registered += error is None
            if error is not None:
                faults.append(Fault(row.number, "vin", row.data["vin"], error["detail"]))
    report: dict[str, Any] = {"rows": table.count, "registered": registered}
    return answer(report | {"refused": [asdict(fault) for fault in faults]})


def _checked(scope: Scope, body: bytes) -> Table:
    table = imports.read_assets(body)
    known = scope.registered([row.data["vin"] for row in table.rows])
    faults = [
        Fault(row.number, "vin", row.data["vin"], "a VIN that is not registered yet")
        for row in table.rows
        if row.data["vin"] in known
    ]
    good = [row for row in table.rows if row.data["vin"] not in known]
    return Table(good, sorted([*table.faults, *faults], key=lambda f: f.row), table.count)


async def _answer(scope: Scope, id_: str, status: int) -> Response:
    held = await asyncio.to_thread(scope.object, Kind.ASSET, id_)
    return answer(item(held), status, {"Location": f"/v1/assets/{id_}"})
