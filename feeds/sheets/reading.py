"""Reads a file of any known form. What it is, its content says: a name may lie."""

from __future__ import annotations

from collections.abc import Callable

from feeds.sheets.cells import Form, Limits, SheetError, Table
from feeds.sheets.text import read_text
from feeds.sheets.xlsx import read_xlsx

Known = Callable[[list[str]], int]
"""How many of a row's cells are names of wanted columns; the first row with any is the header."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def form_of(data: bytes) -> Form:
    """What ``data`` is. Raises SheetError for the forms that are not read."""
    if data.startswith(_OLE):
        raise SheetError("file: got an old .xls or a workbook with a password, want .xlsx without a password")
    if data.startswith(b"PK\x03\x04"):
        return Form.XLSX
    if data.startswith(b"PAR1"):
        return Form.PARQUET
    if data.startswith((b"%PDF", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\x89PNG", b"\xff\xd8\xff")):
        raise SheetError("file: got a PDF, a picture or an archive, want CSV, Excel (.xlsx) or Parquet")
    return Form.CSV


def read_sheet(
    name: str,
    data: bytes,
    known: Known,
    *,
    limits: Limits | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> Table:
    """The rows of a file. ``name`` is only shown.

    The header is the first of the first rows in which ``known`` knows a name; in a workbook one visible sheet
    has to have one, or ``sheet`` names it. Raises SheetError, without the file's name.
    """
    limits = limits or Limits()
    if len(data) > limits.file_bytes:
        raise SheetError(f"file too large: got {len(data)} bytes, want at most {limits.file_bytes}")
    if not data:
        raise SheetError("file is empty: got 0 bytes, want a header and rows")
    form = form_of(data)
    if form is not Form.XLSX and sheet is not None:
        raise SheetError(f"sheet: got {sheet!r}, want none: the file is no workbook")
    if form is not Form.CSV and encoding is not None:
        raise SheetError(f"encoding: got {encoding!r}, want none: the file is no CSV")
    if form is Form.XLSX:
        return read_xlsx(name, data, known, limits, sheet)
    if form is Form.PARQUET:
        from feeds.sheets.parquet import read_parquet

        return read_parquet(name, data, limits)
    return read_text(name, data, known, limits, encoding)
