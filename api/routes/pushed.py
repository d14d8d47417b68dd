"""What authorities push as webhooks: no key, but signed by the secret of the connector."""

from __future__ import annotations

import logging
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from api.answer import answer
from api.errors import Problem
from api.ports import AwayError
from api.state import state_of

_AUDIT = logging.getLogger("corridor.api.audit")
router = APIRouter(tags=["releases"])


@router.post("/webhooks/authorities/{name}")
async def take_pushed(request: Request, name: str) -> Response:
    """An authority's decisions, signed by the Standard Webhooks scheme. 401 when the signature is not its
    own, 422 with reasons when some can't be taken; those that can are. Needs no key."""
    pushed = state_of(request.app).ports.pushed
    if pushed is None:
        raise Problem(404, "no authority pushes here: want a secret_file in the file of authorities")
    try:
        status, told = await pushed(name, request.headers, await request.body())
    except AwayError as error:
        raise Problem(503, str(error), headers={"Retry-After": str(int(error.retry_after) + 1)}) from None
    _AUDIT.info("pushed authority=%s status=%s taken=%s", quote(name)[:64], status, told.get("taken", 0))
    return answer(told, status)
