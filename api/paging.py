"""The cursor of lists: where the page before ended. Opaque, bound to its list, the same on every instance."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import Query

from api.errors import Problem, shown

MAX_LIMIT: Final = 1000
_MOST: Final = 2**62  # what storage takes, and above every instant and id
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")]
After = Annotated[str | None, Query(max_length=1024, description="`next` of the page before.")]

Row = TypeVar("Row")


def encode_next(of: str, place: Sequence[int | str]) -> str:
    """The text of a place in the list ``of``."""
    return base64.urlsafe_b64encode(orjson.dumps([of, *place])).rstrip(b"=").decode()


def decode_after(of: str, text: str | None, shape: tuple[type, ...]) -> tuple[Any, ...] | None:
    """The place in ``text``: one value of each type of ``shape``. Raises Problem."""
    if text is None:
        return None
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = orjson.loads(packed)
    except ValueError:
        values = None
    if not isinstance(values, list) or not values or not isinstance(values[0], str):
        raise Problem(400, f"after: got {shown(text)}, want `next` of the page before", "bad_cursor")
    if values[0] != of:
        raise Problem(400, f"after: got a cursor of {shown(values[0])}, want one of {of}", "bad_cursor")
    known = tuple(type(v) for v in values[1:]) == shape
    if not known or any(type(v) is int and abs(v) > _MOST for v in values[1:]):
        raise Problem(400, f"after: got {shown(text)}, want `next` of the page before", "bad_cursor")
    return tuple(values[1:])


def page(
    of: str,
    rows: Sequence[Row],
    limit: int,
    place: Callable[[Row], Sequence[int | str]],
    item: Callable[[Row], Any],
) -> bytes:
    """The JSON of a page out of ``rows``, which hold one more than ``limit`` when there is a next page."""
    more = len(rows) > limit
    kept = rows[:limit]
    following = encode_next(of, place(kept[-1])) if more else None
    return orjson.dumps({"items": [item(row) for row in kept], "next": following})
