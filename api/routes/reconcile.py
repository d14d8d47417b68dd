"""Reconcile before filing: two or three files in, findings out. Nothing is kept and nothing is changed."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData, UploadFile

from api.answer import answer
from api.auth import Scoped
from api.errors import Problem, away, shown
from feeds.reconcile import ReconcileError, Result, Side, load, reconcile
from feeds.reconcile.page import page
from feeds.reconcile.plain import plain
from feeds.reconcile.workbook import workbook
from feeds.sheets import Limits

router = APIRouter(tags=["reconcile"])
_LIMITS: Final = Limits(
    file_bytes=32 << 20, unpacked_bytes=256 << 20, rows=150_000, columns=200, cell_characters=2_000
)
_FILE: Final[dict[str, Any]] = {"type": "string", "format": "binary"}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["production", "filings"],
                    "properties": {
                        **{side.value: _FILE for side in Side},
                        **{f"{side.value}_sheet": {"type": "string"} for side in Side},
                        **{f"{side.value}_encoding": {"type": "string"} for side in Side},
                    },
                }
            }
        },
    }
}
_FIELDS: Final = {f"{side}{what}" for side in Side for what in ("", "_sheet", "_encoding")}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ONE_AT_A_TIME: Final = threading.Lock()


@router.post(
    "/v1/reconcile",
    openapi_extra=_BODY,
    responses={200: {"content": {"application/json": {}, "text/html": {}, _XLSX: {}}}},
    response_class=Response,
)
async def compare_lists(
    scope: Scoped,
    request: Request,
    format: Annotated[Literal["json", "html", "xlsx"], Query(description="The report's form.")] = "json",
    limit: Annotated[int, Query(ge=1, le=100_000, description="Findings in JSON at most.")] = 5_000,
) -> Response:
    """Compare production and filings by VIN and chassis number, and with the registry if that is given.

    Parts `production`, `filings`, `registry`: CSV, Excel or Parquet; `filings_sheet` names a workbook's
    sheet, `filings_encoding` a CSV file's encoding. One comparison runs at a time: 503 asks to come back.
    """
    files = await _files(request)
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise away("another comparison is running", 5)
    work = asyncio.ensure_future(asyncio.to_thread(_compare, files, format, limit))
    work.add_done_callback(lambda _: _ONE_AT_A_TIME.release())
    return await asyncio.shield(work)


Files = dict[Side, tuple[str, bytes, str | None, str | None]]


async def _files(request: Request) -> Files:
    """Name, content, sheet and encoding of each part. Raises Problem 415 or 422."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise Problem(415, f"body: got {shown(kind) or 'no type'}, want multipart/form-data")
    async with request.form(max_files=len(Side), max_fields=2 * len(Side), max_part_size=1_000) as form:
        names = [name for name, _ in form.multi_items()]
        for name in names:
            if name not in _FIELDS or names.count(name) > 1:
                raise Problem(422, f"part {shown(name)!r}: got it, want each once of {', '.join(Side)}")
        found: Files = {}
        for side in Side:
            file = form.get(side)
            if isinstance(file, UploadFile):
                name = file.filename or side.value
                found[side] = (
                    name,
                    await file.read(),
                    _text(form, f"{side}_sheet"),
                    _text(form, f"{side}_encoding"),
                )
            elif file is not None:
                raise Problem(422, f"part {side}: got a plain field, want a file")
        for side in (Side.PRODUCTION, Side.FILINGS):
            if side not in found:
                raise Problem(422, f"part {side}: got nothing, want a file")
        return found


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) and value else None


def _compare(files: Files, form: str, limit: int) -> Response:
    try:
        lists = [
            load(side, name, data, limits=_LIMITS, sheet=sheet, encoding=encoding)
            for side, (name, data, sheet, encoding) in files.items()
        ]
    except ReconcileError as error:
        raise Problem(422, str(error)) from None
    return _rendered(reconcile(*lists), form, limit)


def _rendered(result: Result, form: str, limit: int) -> Response:
    if form == "html":
        body, media = page(result).encode(), "text/html; charset=utf-8"
    elif form == "xlsx":
        body, media = workbook(result), _XLSX
    else:
        return answer(plain(result, limit))
    return Response(body, 200, {"Content-Disposition": f'attachment; filename="reconcile.{form}"'}, media)
