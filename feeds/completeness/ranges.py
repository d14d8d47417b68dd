"""Sorted lists of [first, last] that neither overlap nor touch: numbers, and spans of time. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import TypeAlias

Ranges: TypeAlias = list[list[int]]
_FIRST = itemgetter(0)


def index(ranges: Ranges, number: int) -> int:
    """Where the range stands that begins at ``number`` or last before it; -1: none does."""
    return bisect_right(ranges, number, key=_FIRST) - 1


def holds(ranges: Ranges, number: int) -> bool:
    """Whether a range holds the number."""
    if not ranges or number > ranges[-1][1]:
        return False
    at = index(ranges, number)
    return at >= 0 and number <= ranges[at][1]


def add(ranges: Ranges, first: int, last: int, apart: int = 1) -> None:
    """Add [first, last]; what is at most ``apart`` from each other becomes one.

    The result depends on what was added, not on its order.
    """
    if ranges:
        newest = ranges[-1]
        if newest[0] <= first <= newest[1] + apart:
            newest[1] = max(newest[1], last)
            return
        if first > newest[1]:
            ranges.append([first, last])
            return
    at = index(ranges, first)
    begin = at if at >= 0 and first <= ranges[at][1] + apart else at + 1
    end = begin
    while end < len(ranges) and ranges[end][0] <= last + apart:
        first, last = min(first, ranges[end][0]), max(last, ranges[end][1])
        end += 1
    ranges[begin:end] = [[first, last]]


def discard(ranges: Ranges, number: int) -> None:
    """Take one number out, if it is there."""
    at = index(ranges, number)
    if at < 0 or number > ranges[at][1]:
        return
    first, last = ranges[at]
    ranges[at : at + 1] = [one for one in ([first, number - 1], [number + 1, last]) if one[0] <= one[1]]


def total(ranges: Ranges) -> int:
    """How many numbers they hold."""
    return sum(last - first + 1 for first, last in ranges)


def gaps(ranges: Ranges, begin: int) -> Iterator[tuple[int, int]]:
    """What lies between ``begin`` and the end of the last range in none of them, as (first, last)."""
    for first, last in ranges:
        if first > begin:
            yield begin, first - 1
        begin = last + 1


def below(ranges: Ranges, floor: int) -> tuple[Ranges, int]:
    """What is left from ``floor`` on, and how many numbers went."""
    kept = [[max(first, floor), last] for first, last in ranges if last >= floor]
    return kept, total(ranges) - total(kept)
