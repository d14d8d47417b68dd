"""One worksheet's XML, row by row: each cell's text, and why it can't be trusted.

A number of at most 15 digits is its digits; more digits than a spreadsheet keeps, and fractions, are told. A
day number under a date format is its ISO form; Excel's days count from 1899-12-30, or from 1904-01-01.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from feeds.sheets.cells import Limits, Odd, OddKind, SheetError, letters, shown
from feeds.sheets.package import Package

_MAX_ROW: Final = 1_048_576
_MAX_COLUMN: Final = 16_384
_EXACT: Final = 10**15  # a spreadsheet keeps 15 digits of a number
_ESCAPED: Final = re.compile(r"_x((?![Dd][89A-Fa-f])[0-9A-Fa-f]{4})_")
_REF: Final = re.compile(r"([A-Z]{1,3})(\d{1,7})")
Cell = tuple[int, str, Odd | None]


@dataclass(frozen=True, slots=True)
class Book:
    """What all sheets share: strings, style numbers of dates, and where days count from."""

    strings: list[str]
    date_styles: frozenset[str]
    since_1904: bool


@dataclass(slots=True)
class SheetRow:
    """A row's number and its cells that hold something: (column from 0, text, why not to trust it)."""

    number: int
    cells: list[Cell]

    def texts(self) -> list[str]:
        """The texts from column A on."""
        width = max((column for column, _, _ in self.cells), default=-1) + 1
        out = [""] * width
        for column, text, _ in self.cells:
            out[column] = text
        return out


class SheetPart:
    """Reads a worksheet and hands each row to ``row``; ``merges`` are known at the end."""

    def __init__(self, book: Book, limits: Limits, row: Callable[[SheetRow], None]) -> None:
        self._book, self._limits, self._row = book, limits, row
        self.merges: list[str] = []
        self.hidden_rows = 0
        self._number = 0
        self._cells: list[Cell] = []
        self._column = -1
        self._columns: dict[str, int] = {}
        self._kind = self._style = ""
        self._formula: list[str] | None = None
        self._pieces: list[str] = []
        self._into: list[str] | None = None
        self._phonetic = False

    def read(self, package: Package, part: str) -> None:
        """Read the part. Raises SheetError, and what ``row`` raises."""
        package.parse(part, self._start, self._end, self._text)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._place(attributes.get("r"))
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._formula, self._pieces = None, []
        elif tag == "v" or (tag == "t" and not self._phonetic):
            self._into = self._pieces
        elif tag == "f":
            self._formula = self._into = []
        elif tag == "row":
            self._begin_row(attributes)
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "mergeCell":
            self.merges.append(attributes.get("ref", ""))

    def _end(self, tag: str) -> None:
        self._into = None
        if tag == "c":
            self._end_cell()
        elif tag == "row":
            self._row(SheetRow(self._number, self._cells))
        elif tag == "rPh":
            self._phonetic = False

    def _text(self, piece: str) -> None:
        if self._into is not None:
            self._into.append(piece)

    def _begin_row(self, attributes: dict[str, str]) -> None:
        named = attributes.get("r", "")
        number = int(named) if named.isdecimal() and len(named) < 9 else self._number + 1
        if not self._number < number <= _MAX_ROW:
            raise SheetError(f"workbook: got row {number} after row {self._number}, want rows in their order")
        self._number, self._cells, self._column = number, [], -1
        self.hidden_rows += attributes.get("hidden", "0") in ("1", "true")

    def _place(self, ref: str | None) -> None:
        column = self._column + 1
        if ref is not None:
            name = ref.rstrip("0123456789")
            known = self._columns.get(name)
            if known is None:
                known = self._columns[name] = column_of(name)
            column = known
        if not self._column < column < min(_MAX_COLUMN, 1 << 14):
            raise SheetError(
                f"workbook: got cell {shown(str(ref))} out of order, want cells from left to right"
            )
        self._column = column

    def _end_cell(self) -> None:
        text, odd = self._value("".join(self._pieces))
        if not text and odd is None:
            return
        if self._column >= self._limits.columns:
            raise SheetError(
                f"too many columns: got a value in {letters(self._column)}{self._number}, "
                f"want at most {self._limits.columns} columns"
            )
        if len(text) > self._limits.cell_characters:
            text, odd = "", Odd(OddKind.LONG, f"{len(text)} characters")
        self._cells.append((self._column, text, odd))

    def _value(self, raw: str) -> tuple[str, Odd | None]:
        kind = self._kind
        if kind == "s":
            strings = self._book.strings
            if not raw.isdecimal() or len(raw) > 9 or int(raw) >= len(strings):
                raise SheetError(f"workbook: got text number {shown(raw)}, want one below {len(strings)}")
            return strings[int(raw)].strip(), None
        if kind in ("inlineStr", "str"):
            return unescaped(raw).strip(), None
        if not raw:
            if self._formula is None:
                return "", None
            return "", Odd(OddKind.FORMULA, shown("=" + "".join(self._formula)))
        if kind == "b":
            return raw, Odd(OddKind.BOOLEAN, "TRUE" if raw == "1" else "FALSE")
        if kind == "e":
            return "", Odd(OddKind.ERROR, shown(raw))
        if kind == "d":
            return raw, Odd(OddKind.DATE, shown(raw))
        return self._number_of(raw)

    def _number_of(self, raw: str) -> tuple[str, Odd]:
        try:
            value = float(raw)
        except ValueError:
            return raw, Odd(OddKind.FLOAT, shown(raw))
        if self._style in self._book.date_styles:
            day = instant(value, self._book.since_1904)
            return (day, Odd(OddKind.DATE, day)) if day else (raw, Odd(OddKind.FLOAT, shown(raw)))
        if value == value // 1 and abs(value) < _EXACT:
            whole = str(int(value))
            return whole, Odd(OddKind.NUMBER, whole)
        return raw, Odd(OddKind.FLOAT, shown(raw))


def instant(days: float, since_1904: bool) -> str | None:
    """A day number as ISO 8601 without offset, to the second; None when it is no day that Excel has."""
    if not 1 <= days < 2_958_466:
        return None
    begin = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
    at = begin + timedelta(seconds=round(days * 86_400))
    return at.isoformat()


def unescaped(text: str) -> str:
    """``text`` with its ``_x000D_`` as characters (ST_Xstring); half a surrogate pair stays as it is."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def column_of(name: str) -> int:
    """The number from 0 of a column's name. Raises SheetError."""
    if not 1 <= len(name) <= 3 or not name.isascii() or not name.isalpha() or not name.isupper():
        raise SheetError(f"workbook: got column {shown(name)!r}, want A to XFD")
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - 64
    return number - 1


def corners(ref: str) -> tuple[int, int, int, int] | None:
    """(first row, first column, last row, last column) of ``B2:C5``; rows from 1, columns from 0."""
    first, _, last = ref.partition(":")
    one, two = _REF.fullmatch(first), _REF.fullmatch(last or first)
    if one is None or two is None:
        return None
    return int(one[2]), column_of(one[1]), int(two[2]), column_of(two[1])
