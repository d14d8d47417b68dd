"""Merged cells: only the first of them holds the value, the others look empty and are told."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

from feeds.sheets.cells import Odd, OddKind, SheetError, Table
from feeds.sheets.sheetpart import corners

_MAX_RANGES: Final = 20_000
_MAX_CELLS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged ranges of a sheet as it writes them, for example ``B2:B5``."""

    ranges: list[str]


def mark(table: Table, merged: Merged) -> None:
    """Mark in ``table`` each cell below the header that a merged range covers. Raises SheetError."""
    if len(merged.ranges) > _MAX_RANGES:
        raise SheetError(f"workbook: got {len(merged.ranges)} merged ranges, want at most {_MAX_RANGES}")
    count = 0
    for ref in merged.ranges:
        found = corners(ref)
        if found is None:
            continue
        top, left, bottom, right = found
        first, last = bisect_left(table.numbers, top), bisect_right(table.numbers, bottom)
        width = min(right + 1, len(table.header)) - left
        count += max(last - first, 0) * max(width, 0)
        if count > _MAX_CELLS:
            raise SheetError(f"workbook: got more than {_MAX_CELLS} merged cells, want a plain table")
        for at in range(first, last):
            for column in range(left, left + width):
                if (table.numbers[at], column) != (top, left):
                    table.odd[at, column] = Odd(OddKind.MERGED, f"a part of the merged cells {ref}")
