"""How much of a period the system was there, from the instants at which its log grew.

An idle system appends a tick every few seconds, so a longer silence of the log is time in which nothing was
taken and nothing decided. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

SILENCE_MS: Final = 60_000
"""A silence of the log longer than this counts as time away."""


def uptime(
    instants_ms: Iterable[int], from_ms: int, until_ms: int, silence_ms: int = SILENCE_MS
) -> dict[str, Any]:
    """``{from_ms, until_ms, up_permille, down_s, outages: [{from_ms, until_ms}]}`` of [from, until).

    ``instants_ms``: log times in any order. A silence counts whole when it is longer than ``silence_ms``.
    """
    inside = sorted({t for t in instants_ms if from_ms <= t < until_ms})
    outages = [
        {"from_ms": a, "until_ms": b}
        for a, b in zip([from_ms, *inside], [*inside, until_ms], strict=True)
        if b - a > silence_ms
    ]
    down = sum(outage["until_ms"] - outage["from_ms"] for outage in outages)
    span = until_ms - from_ms
    return {
        "from_ms": from_ms,
        "until_ms": until_ms,
        "up_permille": 1000 * (span - down) // span if span > 0 else None,
        "down_s": round(down / 1000),
        "outages": outages,
    }
