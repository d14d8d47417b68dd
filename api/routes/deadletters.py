"""Dead letters: reports that were refused, with the reason and the bytes."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api import paging
from api.auth import Scoped
from api.paging import After, Limit
from api.schemas import DeadLetter as DeadLetterAnswer
from api.schemas import Page
from api.times import format_instant
from feeds.deadletters import DeadLetter

router = APIRouter(tags=["dead letters"])
_MOST_SHOWN = 4096


@router.get("/v1/deadletters", response_model=Page[DeadLetterAnswer])
def list_dead_letters(
    scope: Scoped,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    device: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Dead letters, the oldest first; `payload` is base64 of the first 4,096 bytes."""
    place = paging.decode_after("deadletters", after, (int,))
    rows = scope.dead_letters(place[0] if place else 0, limit + 1, reason, device)
    body = paging.page("deadletters", rows, limit, lambda row: (row.id,), _item)
    return Response(body, media_type="application/json")


def _item(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "received": format_instant(letter.received_ms),
        "device": letter.device,
        "topic": letter.topic,
        "reason": letter.reason,
        "detail": letter.detail,
        "boot": letter.boot,
        "seq": letter.seq,
        "payload": b64encode(letter.payload[:_MOST_SHOWN]).decode(),
        "payload_bytes": len(letter.payload),
    }
