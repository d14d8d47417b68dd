"""Which columns of a table hold what, found by their names or as told.

Every wanted column must be there once. What is missing or there twice is refused with the columns that the
file has, as a wrong guess here would swap the two codes of a whole file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from feeds.sheets.cells import Fault, Form, Odd, OddKind, Severity, SheetError, Table, letters, shown
from feeds.sheets.names import STRONG, Field, meanings
from feeds.sheets.text import floated

_CODES: Final = frozenset({Field.VIN, Field.CHASSIS})
_EXAMPLES: Final = {
    Field.VIN: "VIN, 车辆识别代号, 车架号, идентификационный номер",
    Field.CHASSIS: "chassis, 底盘号, номер шасси, ເລກຖັງ",
}
_WANTED: Final = {
    OddKind.NUMBER: "text: as a number its leading zeros are gone",
    OddKind.FLOAT: "the digits as text: as a number it has lost digits",
    OddKind.DATE: "text: a spreadsheet made a date of it",
    OddKind.BOOLEAN: "text",
    OddKind.ERROR: "a value: the formula failed",
    OddKind.FORMULA: "a value: the formula was never calculated (open and save the file, or paste values)",
    OddKind.MERGED: "a value in each cell: unmerge them",
    OddKind.LONG: "a short text",
    OddKind.WIDTH: "as many cells as the header has",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands: column numbers from 0. ``notes`` say which columns were passed over."""

    at: Mapping[Field, int]
    notes: tuple[str, ...]

    def __contains__(self, field: Field) -> bool:
        return field in self.at


def known_names(cells: Sequence[str]) -> int:
    """How many of a row's cells name a field; 0 when none can be the VIN's, so that it is no header."""
    found = [strong | weak for strong, weak in map(meanings, cells)]
    if not any(Field.VIN in one for one in found):
        return 0
    return sum(bool(one) for one in found)


def columns_of(
    table: Table,
    wanted: Sequence[Field],
    optional: Sequence[Field] = (),
    told: Mapping[Field, str] | None = None,
) -> Columns:
    """The columns of a table. ``told`` gives names (or letters, in a workbook) for fields.

    Raises SheetError, which lists the file's columns.
    """
    strong: dict[Field, list[int]] = {}
    weak: dict[Field, list[int]] = {}
    for column, name in enumerate(table.header):
        sure, may = meanings(name)
        if len(sure) > 1 and not told:
            both = " and ".join(sorted(sure))
            raise SheetError(f"header {_where(table, column)}: got a name for {both}, want one column each")
        for field in sure:
            strong.setdefault(field, []).append(column)
        for field in may - sure:
            weak.setdefault(field, []).append(column)
    at: dict[Field, int] = {field: _told(table, field, name) for field, name in (told or {}).items()}
    fields = [*wanted, *optional]
    for candidates in (strong, weak):
        for field in fields:
            if field in at:
                continue
            found = [column for column in candidates.get(field, ()) if column not in at.values()]
            if len(found) > 1:
                raise SheetError(
                    f"header: got {len(found)} columns for {field} ({_several(table, found)}), want one"
                )
            if found:
                at[field] = found[0]
    missing = [field for field in wanted if field not in at]
    if missing:
        raise SheetError(_missing(table, missing))
    over = {c for held in (*strong.values(), *weak.values()) for c in held} - set(at.values())
    notes = tuple(
        f"column {_where(table, c)} was not used" for c in sorted(over) if _concerns(table, c, fields)
    )
    return Columns(at, notes)


def faults_of(table: Table, columns: Columns) -> list[Fault]:
    """What can't be trusted in the columns that are used, by rows; a float's look counts for codes only.

    A whole number as chassis is a warning, as VIN an error: no VIN survives as a number.
    """
    fields = {column: field for field, column in columns.at.items()}
    faults = []
    for (row, column), odd in sorted(table.odd.items()):
        field = fields.get(column)
        if column == -1:
            faults.append(_fault(table, row, column, "", odd, Severity.ERROR))
        elif field is not None and (found := _weight(field, odd)) is not None:
            faults.append(_fault(table, row, column, field, odd, found))
    return faults


def _weight(field: Field, odd: Odd) -> Severity | None:
    if odd.kind in (OddKind.ERROR, OddKind.FORMULA, OddKind.MERGED, OddKind.LONG):
        return Severity.ERROR
    if field in _CODES:
        number = odd.kind is OddKind.NUMBER and field is Field.CHASSIS
        return Severity.WARNING if number else Severity.ERROR
    if odd.kind is OddKind.FLOAT and floated(odd.got):
        return Severity.ERROR
    return None


def _fault(table: Table, row: int, column: int, field: str, odd: Odd, severity: Severity) -> Fault:
    address = table.address(row, column)
    return Fault(table.numbers[row], column + 1, address, field, odd.got, _WANTED[odd.kind], severity)


def _told(table: Table, field: Field, name: str) -> int:
    exact = [column for column, held in enumerate(table.header) if held == name]
    if not exact:
        exact = [c for c, held in enumerate(table.header) if held.casefold() == name.strip().casefold()]
    if not exact and table.form is Form.XLSX and name.isascii() and name.isalpha():
        exact = [column for column in range(len(table.header)) if letters(column) == name.upper()]
    if len(exact) != 1:
        raise SheetError(f"column for {field}: got {shown(name)!r}, want one of {_listed(table)}")
    return exact[0]


def _missing(table: Table, missing: list[Field]) -> str:
    names = "; ".join(
        f"{field} (for example {_EXAMPLES.get(field, ', '.join(STRONG[field][:3]))})" for field in missing
    )
    where = table.address_at(table.header_row, -1) if table.header_row else "the schema"
    return f"header in {where}: got {_listed(table)}, want a column for {names}"


def _where(table: Table, column: int) -> str:
    place = letters(column) if table.form is Form.XLSX else str(column + 1)
    return f"{place} {shown(table.header[column])!r}"


def _several(table: Table, columns: list[int]) -> str:
    return ", ".join(_where(table, column) for column in columns)


def _listed(table: Table) -> str:
    names = ", ".join(repr(shown(name)) for name in table.header[:20] if name)
    return f"{names}, ..." if len(table.header) > 20 else names or "no names"


def _concerns(table: Table, column: int, fields: Sequence[Field]) -> bool:
    strong, weak = meanings(table.header[column])
    return bool((strong | weak) & set(fields) & _CODES)
