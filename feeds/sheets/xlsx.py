"""Excel workbooks (.xlsx, .xlsm), read in one pass over the sheet.

The sheet's own XML is read, as it tells what a library hides: the digits of a number as they were stored,
formulas without a value, merged cells, hidden sheets. Names of sheets and styles after ECMA-376.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

from feeds.sheets.cells import Form, Limits, Odd, SheetError, Table, shown
from feeds.sheets.merged import Merged, mark
from feeds.sheets.package import Package
from feeds.sheets.sheetpart import Book, SheetPart, SheetRow, unescaped

Known = Callable[[list[str]], int]
_LOOK: Final = 20
_MAX_SHEETS: Final = 200


class _Enough(Exception):
    """The header is found: the rest of the sheet is not needed now."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    hidden: bool
    part: str


def read_xlsx(name: str, data: bytes, known: Known, limits: Limits, sheet: str | None) -> Table:
    """The rows of one sheet of a workbook. Raises SheetError."""
    package = Package(data, limits)
    path = next(
        (p for kind, p in package.related("").values() if kind == "officeDocument"), "xl/workbook.xml"
    )
    sheets, since_1904 = _workbook(package, path)
    parts = {kind: p for kind, p in package.related(path).values() if kind in ("sharedStrings", "styles")}
    book = Book(
        _strings(package, parts["sharedStrings"], limits) if "sharedStrings" in parts else [],
        _date_styles(package, parts["styles"]) if "styles" in parts else frozenset(),
        since_1904,
    )
    chosen, header_row, notes = _choose(package, book, sheets, known, limits, sheet)
    table = _read(name, package, book, chosen, header_row, limits)
    table.notes[:0] = notes
    return table


def _choose(
    package: Package, book: Book, sheets: list[_Sheet], known: Known, limits: Limits, name: str | None
) -> tuple[_Sheet, int, list[str]]:
    """The sheet to read, the row of its header, and what to say of the others."""
    if name is not None:
        named = next((one for one in sheets if one.name == name), None)
        if named is None:
            raise SheetError(f"sheet: got {shown(name)!r}, want one of {_listed(sheets)}")
        return named, _header_row(package, book, named, known, limits)[0], []
    visible = [one for one in sheets if not one.hidden]
    hidden = [one for one in sheets if one.hidden]
    notes = [f"hidden sheet {shown(one.name)!r} was not read" for one in hidden]
    if not visible:
        raise SheetError(f"workbook: got only hidden sheets ({_listed(hidden)}), want a visible one")
    found = [(one, *_header_row(package, book, one, known, limits)) for one in visible]
    with_header = [(one, row) for one, row, names in found if names]
    if len(with_header) == 1 or len(visible) == 1:
        chosen, row = with_header[0] if with_header else found[0][:2]
        others = [one for one in visible if one is not chosen]
        return chosen, row, notes + [f"sheet {shown(o.name)!r} has no such columns: not read" for o in others]
    if not with_header:
        raise SheetError(
            f"workbook: got no known columns in {_listed(visible)}, want a sheet with a VIN column"
        )
    several = _listed([one for one, _ in with_header])
    raise SheetError(
        f"workbook: got {len(with_header)} sheets with such columns ({several}), "
        "want one, or the name of the sheet to read"
    )


def _header_row(package: Package, book: Book, sheet: _Sheet, known: Known, limits: Limits) -> tuple[int, int]:
    """(row of the header, how many of its names are known); the first row with text when none is."""
    first, looked, names = 0, 0, 0

    def row(one: SheetRow) -> None:
        nonlocal first, looked, names
        texts = one.texts()
        names = known(texts)
        if names or (first == 0 and any(texts)):
            first = one.number
        looked += 1
        if names or looked >= _LOOK:
            raise _Enough

    with contextlib.suppress(_Enough):
        SheetPart(book, limits, row).read(package, sheet.part)
    return first, names


def _read(name: str, package: Package, book: Book, sheet: _Sheet, header_row: int, limits: Limits) -> Table:
    table = Table(name, Form.XLSX, sheet.name, [], header_row, [], [])
    width = 0

    def row(one: SheetRow) -> None:
        nonlocal width
        if one.number < header_row:
            return
        if one.number == header_row:
            table.header = one.texts()
            while table.header and not table.header[-1]:
                table.header.pop()
            width = len(table.header)
            return
        cells = [""] * width
        said: list[tuple[int, Odd]] = []
        for column, text, odd in one.cells:
            if column < width:
                cells[column] = text
                if odd is not None:
                    said.append((column, odd))
        if not said and not any(cells):
            return
        at = len(table.rows)
        if at >= limits.rows:
            raise SheetError(f"too many rows: got more than {limits.rows}, want at most {limits.rows}")
        for column, odd in said:
            table.odd[at, column] = odd
        table.rows.append(cells)
        table.numbers.append(one.number)

    part = SheetPart(book, limits, row)
    part.read(package, sheet.part)
    if not table.header:
        raise SheetError(f"sheet {shown(sheet.name)!r} is empty: got no rows, want a header and rows")
    mark(table, Merged(part.merges))
    if part.hidden_rows:
        table.notes.append(f"{part.hidden_rows} hidden rows were read like the others")
    return table


def _workbook(package: Package, path: str) -> tuple[list[_Sheet], bool]:
    related = package.related(path)
    sheets: list[_Sheet] = []
    since_1904 = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal since_1904
        if tag == "workbookPr":
            since_1904 = attributes.get("date1904", "0") in ("1", "true")
        elif tag == "sheet":
            id_ = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            kind, part = related.get(id_, ("", ""))
            if kind == "worksheet":
                hidden = attributes.get("state", "visible") != "visible"
                sheets.append(_Sheet(attributes.get("name", ""), hidden, part))

    package.parse(path, start)
    if not 0 < len(sheets) <= _MAX_SHEETS:
        raise SheetError(f"workbook: got {len(sheets)} sheets, want 1 to {_MAX_SHEETS}")
    return sheets, since_1904


def _strings(package: Package, part: str, limits: Limits) -> list[str]:
    """The shared strings; phonetic readings are no part of them."""
    found: list[str] = []
    pieces: list[str] = []
    in_text = phonetic = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal in_text, phonetic
        if tag == "si":
            pieces.clear()
        elif tag == "rPh":
            phonetic = True
        in_text = tag == "t" and not phonetic

    def end(tag: str) -> None:
        nonlocal in_text, phonetic
        in_text = False
        if tag == "rPh":
            phonetic = False
        elif tag == "si":
            found.append(unescaped("".join(pieces)))
            if len(found) > limits.rows * 10:
                raise SheetError(f"workbook: got more than {limits.rows * 10} texts, want fewer")

    def text(piece: str) -> None:
        if in_text:
            pieces.append(piece)

    package.parse(part, start, end, text)
    return found


def _date_styles(package: Package, part: str) -> frozenset[str]:
    """The style numbers, as cells write them, whose numbers are days."""
    formats: dict[str, str] = {str(key): value for key, value in BUILTIN_FORMATS.items()}
    styles: list[str] = []
    inside = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if tag == "numFmt":
            formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            inside = True
        elif tag == "xf" and inside:
            styles.append(attributes.get("numFmtId", "0"))

    def end(tag: str) -> None:
        nonlocal inside
        inside = inside and tag != "cellXfs"

    package.parse(part, start, end)
    return frozenset(str(at) for at, code in enumerate(styles) if is_date_format(formats.get(code, "")))


def _listed(sheets: list[_Sheet]) -> str:
    return ", ".join(repr(shown(one.name)) for one in sheets)
