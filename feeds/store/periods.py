"""A period cut into parts of bounded size, so that reading a year needs no more memory than reading a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000
SPAN_ROWS: Final = 400_000  # about what one read holds at once: 40 MB


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the period asked for, [start, end), and how many rows it has."""

    start_ms: int
    end_ms: int
    rows: int


def short(start_ms: int, end_ms: int) -> bool:
    """The period is read in one piece: its days need not be counted."""
    return end_ms - start_ms <= 2 * DAY_MS


def spans(days: Sequence[tuple[int, int]], start_ms: int, end_ms: int, most: int | None = None) -> list[Span]:
    """The period cut between days, so that a span has about ``most`` (SPAN_ROWS) rows at most.

    ``days`` are ascending (days since 1970, rows) of the period.
    """
    parts = cut(days, SPAN_ROWS if most is None else most) or [(0, 0, 0)]
    cuts = [start_ms, *(first * DAY_MS for first, _, _ in parts[1:]), end_ms]
    return [Span(low, high, rows) for low, high, (_, _, rows) in zip(cuts[:-1], cuts[1:], parts, strict=True)]


def cut(counts: Sequence[tuple[int, int]], rows: int) -> list[tuple[int, int, int]]:
    """Ranges (first, last, rows) of about ``rows`` rows each, from ascending (asset or day, rows)."""
    ranges: list[tuple[int, int, int]] = []
    first, total = None, 0
    for number, count in counts:
        first = number if first is None else first
        total += count
        if total >= rows:
            ranges.append((first, number, total))
            first, total = None, 0
    if first is not None:
        ranges.append((first, counts[-1][0], total))
    return ranges
