"""The result as an Excel workbook to work through: a summary, and a row a finding with room for who did what.

Written row by row. Every text stays a text: what begins like a formula is not calculated when it is opened.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font

from feeds.reconcile.findings import TITLES, Place, Result
from feeds.sheets.cells import letters

_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST_ROWS: Final = 1_000_000
_LONGEST: Final = 32_000
_HEADER: Final = (
    *("No.", "severity", "finding", "list", "VIN at", "VIN", "chassis at", "chassis", "position"),
    *("got", "want", "what was found", "what to do", "other rows", "done by", "remark"),
)
_WIDTHS: Final = (6, 10, 22, 12, 18, 22, 18, 22, 9, 22, 22, 70, 60, 60, 14, 30)


def workbook(result: Result) -> bytes:
    """The .xlsx file."""
    book = Workbook(write_only=True)
    _summary(book, result)
    sheet = book.create_sheet("findings")
    for at, width in enumerate(_WIDTHS):
        sheet.column_dimensions[letters(at)].width = width
    sheet.freeze_panes = "A2"
    rows = min(len(result.findings), _MOST_ROWS)
    sheet.auto_filter.ref = f"A1:{letters(len(_HEADER) - 1)}{rows + 1}"
    sheet.append([_cell(sheet, name, bold=True) for name in _HEADER])
    for number, one in enumerate(result.findings[:_MOST_ROWS], 1):
        first = one.places[0]
        values = (
            *(number, one.severity.value, TITLES[one.kind], first.side.value, first.vin_at, first.vin),
            *(first.chassis_at, first.chassis, one.position, one.got, one.want, one.text, one.proposal),
            _others(one.places[1:]),
        )
        sheet.append([_cell(sheet, value) for value in values])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _summary(book: Any, result: Result) -> None:
    sheet = book.create_sheet("summary")
    sheet.column_dimensions["A"].width = 30
    sheet.column_dimensions["B"].width = 60
    for one in result.lists:
        sheet.append([_cell(sheet, one.side.value, bold=True), _cell(sheet, one.file), one.rows, "rows"])
        for note in one.notes:
            sheet.append([None, _cell(sheet, note)])
    sheet.append([])
    sheet.append([_cell(sheet, "vehicles that agree", bold=True), result.agreed])
    sheet.append([_cell(sheet, "findings", bold=True), len(result.findings)])
    for kind, count in result.counts.items():
        sheet.append([_cell(sheet, TITLES[kind]), count])


def _others(places: Iterable[Place]) -> str:
    return "\n".join(f"{p.side} {p.vin_at}: {p.vin} / {p.chassis or 'no chassis'}" for p in places)


def _cell(sheet: Any, value: str | int | None, bold: bool = False) -> Any:
    if value is None or isinstance(value, int):
        return value
    cell = WriteOnlyCell(sheet, value="")
    cell.value = _ILLEGAL.sub("\ufffd", value)[:_LONGEST]
    cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    if "\n" in value:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell
