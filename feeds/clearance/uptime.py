"""How much of a period the system was there: from the spans in which it ran. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

SILENCE_MS: Final = 60_000
"""Being away for no longer than this is no outage."""


def uptime(
    spans: Iterable[tuple[int, int]], from_ms: int, until_ms: int, silence_ms: int = SILENCE_MS
) -> dict[str, Any]:
    """``{from_ms, until_ms, up_permille, down_s, outages: [{from_ms, until_ms}]}`` of [from, until).

    ``spans``: (from, to) in ms in which the system ran, in any order, overlapping or not. An outage counts
    when it is longer than ``silence_ms``.
    """
    inside = sorted((max(a, from_ms), min(b, until_ms)) for a, b in spans if b >= from_ms and a < until_ms)
    outages, up_to = [], from_ms
    for begin, end in [*inside, (until_ms, until_ms)]:
        if begin - up_to > silence_ms:
            outages.append({"from_ms": up_to, "until_ms": begin})
        up_to = max(up_to, end)
    down = sum(outage["until_ms"] - outage["from_ms"] for outage in outages)
    length = until_ms - from_ms
    return {
        "from_ms": from_ms,
        "until_ms": until_ms,
        "up_permille": 1000 * (length - down) // length if length > 0 else None,
        "down_s": round(down / 1000),
        "outages": outages,
    }
