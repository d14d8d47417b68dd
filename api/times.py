"""Instants at the border of the API: RFC 3339 text in UTC outside, milliseconds since 1970 inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_PLAIN: Final = datetime(1970, 1, 1)  # noqa: DTZ001  UTC, without the cost of saying so
_MS: Final = timedelta(milliseconds=1)


def parse_instant(value: Any) -> int:
    """ms since 1970 of an RFC 3339 text with its offset. Raises ValueError with what is wanted."""
    want = "an RFC 3339 instant with its offset, such as 2026-11-22T07:00:00Z"
    if not isinstance(value, str) or len(value) < 20 or value[10] not in "Tt":
        raise ValueError(want)
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise ValueError(f"{want} ({error})") from None
    if at.tzinfo is None:
        raise ValueError(want)
    return (at - _EPOCH) // _MS


def format_instant(t_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, such as 2026-11-22T07:00:00.000Z."""
    return (_EPOCH_PLAIN + timedelta(milliseconds=t_ms)).isoformat(timespec="milliseconds") + "Z"


Instant = Annotated[
    int, BeforeValidator(parse_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A request's instant: RFC 3339 outside, ms since 1970 inside."""
