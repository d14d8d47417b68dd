"""CSV as programs write it: several encodings and delimiters, quoted fields over several lines.

UTF-8, UTF-16 with its mark, else GB 18030, Windows-1251 or IBM 866, whichever makes known names of the
header; where that can't tell, the file is refused and the encoding has to be named. The delimiter is the one
of comma, semicolon, tab and bar under which the header is known.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from feeds.sheets.cells import Form, Limits, Odd, OddKind, SheetError, Table, shown

_ENCODINGS: Final = ("gb18030", "cp1251", "cp866")
_DELIMITERS: Final = ",;\t|"
_LOOK: Final = 20  # rows among which the header is
_FLOATED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+[eE][+-]?\d+|[eE][+-]\d+)|[+-]?\d{5,}\.0+")
_NO_FLOAT: Final = re.compile(r"[0-9A-Za-z]*")
Known = Callable[[list[str]], int]


def read_text(name: str, data: bytes, known: Known, limits: Limits, encoding: str | None) -> Table:
    """The rows of a CSV file. Raises SheetError."""
    text, used = _decoded(data, known, encoding)
    if "\x00" in text:
        raise SheetError("file: got a binary file, want CSV, Excel (.xlsx) or Parquet")
    skipped = 0
    if (named := re.match(r"sep=(.)\r?\n", text)) is not None:
        delimiter, text, skipped = named[1], text[named.end() :], 1
    else:
        delimiter = _delimiter(text, known)
    records = _records(text, delimiter, limits.cell_characters, skipped)
    start = _header(text, delimiter, known, limits.cell_characters)
    header_row, header = next(islice(records, start, None), (0, []))
    if not header:
        raise SheetError("file is empty: got no rows, want a header and rows")
    while header and not header[-1].strip():
        header.pop()
    if len(header) > limits.columns:
        raise SheetError(f"too many columns: got {len(header)}, want at most {limits.columns}")
    table = Table(name, Form.CSV, None, [h.strip() for h in header], header_row, [], [])
    if used != "utf-8":
        table.notes.append(f"read as {used}")
    _fill(table, records, limits)
    return table


def floated(text: str) -> bool:
    """Whether ``text`` is how a spreadsheet or program writes a number that should have been a code."""
    return _FLOATED.fullmatch(text) is not None


def _fill(table: Table, records: Iterable[tuple[int, list[str]]], limits: Limits) -> None:
    width, rows, numbers = len(table.header), table.rows, table.numbers
    for number, record in records:
        cells = [cell.strip() for cell in record]
        if not any(cells):
            continue
        at = len(rows)
        if at >= limits.rows:
            raise SheetError(f"too many rows: got more than {limits.rows}, want at most {limits.rows}")
        if len(cells) != width:
            if len(cells) < width or any(cells[width:]):
                table.odd[at, -1] = Odd(OddKind.WIDTH, f"{len(cells)} cells, header {width}")
            cells = (cells + [""] * width)[:width]
        for column, cell in enumerate(cells):
            if not cell.isalnum() and cell and _FLOATED.fullmatch(cell):
                table.odd[at, column] = Odd(OddKind.FLOAT, cell)
            elif len(cell) > limits.cell_characters:
                table.odd[at, column] = Odd(OddKind.LONG, f"{len(cell)} characters")
                cells[column] = ""
        rows.append(cells)
        numbers.append(number)


def _records(text: str, delimiter: str, longest: int, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, cells) of each record, empty lines too."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for record in reader:
            yield begin + skipped, record
            begin = reader.line_num + 1
    except csv.Error as error:
        what = "a quote that does not end" if "unexpected end" in str(error) else str(error)
        raise SheetError(f'line {begin + skipped}: got {what}, want CSV with fields quoted by ""') from None


def _header(text: str, delimiter: str, known: Known, longest: int) -> int:
    """Which record is the header: the first with a known name, else the first that is not empty."""
    first: int | None = None
    for at, (_, record) in enumerate(islice(_records(text, delimiter, longest, 0), _LOOK)):
        if known(record):
            return at
        if first is None and any(cell.strip() for cell in record):
            first = at
    return first or 0


def _delimiter(text: str, known: Known) -> str:
    """The delimiter under which most names are known; among equals the one that is there most often."""
    lines = text.splitlines()[:_LOOK]
    best, most = ",", (-1, -1)
    for delimiter in _DELIMITERS:
        score = max((known(line.replace('"', "").split(delimiter)) for line in lines), default=0)
        there = max((line.count(delimiter) for line in lines), default=0)
        if (score, there) > most:
            best, most = delimiter, (score, there)
    return best


def _decoded(data: bytes, known: Known, encoding: str | None) -> tuple[str, str]:
    """The text and the name of its encoding."""
    if encoding is not None:
        return _as_named(data, encoding), encoding
    for mark, of_mark in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return _as_named(data, of_mark), of_mark
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        bad = error.start
    scores = {name: _names_under(data, name, known) for name in _ENCODINGS}
    best = max(scores.values())
    fits = [name for name, score in scores.items() if score == best]
    plain = _names_under(data, "ascii", known)
    if len(fits) == 1 and best > max(plain, 0):
        return _as_named(data, fits[0]), fits[0]
    line = data.count(b"\n", 0, bad) + 1
    raise SheetError(
        f"line {line}: got byte 0x{data[bad]:02x}, which is not UTF-8, "
        f"want UTF-8 or the name of the encoding ({', '.join(_ENCODINGS)})"
    )


def _names_under(data: bytes, encoding: str, known: Known) -> int:
    """How many names the best of the first rows has when read so; -1 when it can't be read so."""
    try:
        text = data.decode(encoding, "ignore" if encoding == "ascii" else "strict")
    except UnicodeDecodeError:
        return -1
    lines = text.splitlines()[:_LOOK]
    return max((known(line.replace('"', "").split(d)) for line in lines for d in _DELIMITERS), default=0)


def _as_named(data: bytes, encoding: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError:
        raise SheetError(
            f"encoding: got {shown(encoding)!r}, want a name as utf-8, gb18030, cp1251"
        ) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SheetError(
            f"line {line}: got byte 0x{data[error.start]:02x}, want text in {encoding}"
        ) from None
