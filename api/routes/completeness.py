"""What came of what a device sent: a statement of each of its starts, out of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from api import paging
from api.auth import Scoped
from api.errors import away
from api.paging import After, Limit
from api.render import render
from api.schemas import Completeness, Page
from feeds.completeness import History, Start
from feeds.ledger.errors import LedgerError

router = APIRouter(tags=["devices"])
_OF: Final = "starts"
_UNCOUNTED: Final = -1


@router.get("/v1/devices/{device}/completeness", response_model=Page[Completeness])
def completeness(
    scope: Scoped,
    device: str,
    boot: Annotated[str | None, Query(max_length=64, description="This start only.")] = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """What came of each start of the device, the newest first: ranges received and missing, the chain,
    silences. Empty where no ledger is kept."""
    held = scope.device(device)
    try:
        logs = scope.starts(held)
    except LedgerError as error:
        raise away(f"the ledger can't be read now: {error}", getattr(error, "retry_after", 1.0)) from None
    place = paging.decode_after(_OF, after, (int, str, int))
    rows = [
        (count if (count := start.boot_n) is not None else _UNCOUNTED, name, log)
        for log, starts in logs.items()
        for name, start in starts.items()
        if boot is None or name == boot
    ]
    rows = sorted((row for row in rows if place is None or row < place), reverse=True)[: limit + 1]
    histories = {log: History(_everywhere(logs, log)) for log in logs}

    def item(row: tuple[int, str, int]) -> dict[str, Any]:
        _, name, log = row
        found: dict[str, Any] = render(histories[log].statement(device, name))
        return {"log": log, **found}

    return Response(paging.page(_OF, rows, limit, lambda row: row, item), media_type="application/json")


def _everywhere(logs: Mapping[int, Mapping[str, Start]], log: int) -> dict[str, Start]:
    """The starts in one log, and beside them those that are in others only: a device may have moved."""
    found: dict[str, Start] = {}
    for starts in logs.values():
        found |= starts
    return found | dict(logs[log])
