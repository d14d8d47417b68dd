"""Starts of one device that report of the same times: one unit is switched on once at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from feeds.completeness.start import Start

OVERLAP_MS: Final = 300_000
"""Two starts share at least so long a time, or nothing is said: a clock may be set when a unit starts."""
_MOST: Final = 1_000


def overlaps(starts: Mapping[str, Start]) -> dict[str, list[dict[str, Any]]]:
    """Of each start the times that another one covers too, ascending: ``boot``, ``from_ms``, ``to_ms``.

    ``starts``: the device's, by boot. At most 1,000 pairs of spans are told. Where the oldest spans of a
    start were put together (``left_out``), the first one is no proof of samples and is not looked at.
    """
    spans = sorted(
        (first, last, boot)
        for boot, start in starts.items()
        for first, last in start.covered[bool(start.left_out) :]
        if last - first >= OVERLAP_MS
    )
    found: dict[str, list[dict[str, Any]]] = {}
    open_: list[tuple[int, str]] = []
    pairs = 0
    for first, last, boot in spans:
        open_ = [one for one in open_ if one[0] - first >= OVERLAP_MS]
        for end, other in open_:
            if pairs == _MOST:
                return found
            pairs += 1
            times = {"from_ms": first, "to_ms": min(last, end)}
            found.setdefault(boot, []).append({"boot": other, **times})
            found.setdefault(other, []).append({"boot": boot, **times})
        open_.append((last, boot))
    return found
