"""What a file of rows becomes: text by rows and columns, where each cell stands, and which can't be trusted.

The same for CSV, Excel and Parquet. Addresses are those that the file's own program shows: ``Sheet1!C17`` in
Excel, line and column in CSV, row and column's name in Parquet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MAX_SHOWN: Final = 80


class SheetError(ValueError):
    """A file that can't be read as a table at all; the message names what was got and wanted."""


class Form(StrEnum):
    """What a file is, by its content."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class Severity(StrEnum):
    """How much a fault or a finding weighs: an error stops a filing, a warning asks for a look."""

    ERROR = "error"
    WARNING = "warning"


class OddKind(StrEnum):
    """Why the text of a cell is not what a person typed."""

    NUMBER = "number"  # a whole number of at most 15 digits: leading zeros may be lost
    FLOAT = "float"  # a number that lost digits, or never was a code
    DATE = "date"
    BOOLEAN = "boolean"
    ERROR = "error"  # #N/A, #REF! ...
    FORMULA = "formula"  # without a value
    MERGED = "merged"  # covered by a merged cell
    WIDTH = "width"  # the row has more or fewer cells than the header
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Odd:
    """A cell that is not plain text: why, and what stands there."""

    kind: OddKind
    got: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most; more is refused, never cut."""

    file_bytes: int = 256 << 20
    unpacked_bytes: int = 1 << 30  # of the parts of a workbook, or the columns of a Parquet file
    ratio: int = 300  # unpacked to packed, of parts above 16 MB
    rows: int = 1_000_000
    columns: int = 500
    cell_characters: int = 4_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one cell. ``column`` counts from 1, 0 is the whole row; ``field`` may be empty."""

    row: int
    column: int
    address: str
    field: str
    got: str
    want: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.address}: {self.field or 'row'}: got {self.got}, want {self.want}"


@dataclass(slots=True)
class Table:
    """A file's rows.

    ``rows[i][c]`` is the stripped text of a cell, every row as wide as ``header``; ``numbers[i]`` is where
    row i stands (line, sheet row, or row from 1 in Parquet). ``odd`` is keyed by (i, c), c from 0, or -1 for
    the row as a whole. ``notes`` say what a reader should know of the file.
    """

    file: str
    form: Form
    sheet: str | None
    header: list[str]
    header_row: int
    rows: list[list[str]]
    numbers: list[int]
    odd: dict[tuple[int, int], Odd] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def address(self, row: int, column: int) -> str:
        """Where cell (row, column), both from 0, stands in the file; column -1 is the whole row."""
        return self.address_at(self.numbers[row], column)

    def address_at(self, number: int, column: int) -> str:
        """As ``address``, by the row's own number."""
        if self.form is Form.XLSX:
            return f"{self.sheet}!{letters(column) if column >= 0 else 'row '}{number}"
        where = "line" if self.form is Form.CSV else "row"
        if column < 0:
            return f"{where} {number}"
        if self.form is Form.CSV:
            return f"{where} {number}, column {column + 1}"
        return f"{where} {number}, column {self.header[column]}"


def letters(column: int) -> str:
    """The name of a spreadsheet's column counted from 0: 0 is A, 26 is AA."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def shown(text: str) -> str:
    """A text as a message may show it: short, on one line, nothing invisible."""
    plain = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: MAX_SHOWN + 1])
    return plain if len(text) <= MAX_SHOWN else f"{plain[:MAX_SHOWN]}..."
