"""Instants as people and loggers write them, as ms since 1970 (UTC)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from corridor.replay.recording import instant_ok

_FORMS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S")


def parse_instant(text: str) -> int | None:
    """ISO 8601 (without a zone: UTC), or seconds or ms since 1970; None when it is none of 1990-2100."""
    text = text.strip()
    t_ms = _number_ms(text)
    if t_ms is None:
        found = _written(text)
        t_ms = None if found is None else round(found.timestamp() * 1000)
    return t_ms if t_ms is not None and instant_ok(t_ms) else None


def _number_ms(text: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value) or len(text) == 14:  # 14 digits are a written date
        return None
    return round(value if abs(value) > 1e11 else value * 1000)


def _written(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        for form in _FORMS:
            try:
                found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set below
                break
            except ValueError:
                continue
        else:
            return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
