"""A list of vehicles out of a file: two codes a row, normalised, and what can't be trusted in its cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from feeds.reconcile import codes
from feeds.reconcile.findings import ListInfo, Place, Side
from feeds.sheets import (
    Columns,
    Fault,
    Field,
    Limits,
    Severity,
    SheetError,
    Table,
    columns_of,
    faults_of,
    known_names,
    read_sheet,
)

_LONGEST: Final = 64  # characters of a code


class ReconcileError(ValueError):
    """A list that can't be compared; the message names the list, what was got and wanted."""


@dataclass(slots=True)
class VehicleList:
    """Rows of one list. Parallel lists: codes normalised, empty where there is none or none to trust.

    ``schemes`` is what the file says of the chassis number, mostly empty. ``blind`` are the rows with a code
    that is there but can't be trusted.
    """

    side: Side
    table: Table
    columns: Columns
    vins: list[str]
    chassis: list[str]
    schemes: list[str]
    faults: list[Fault]
    blind: set[int] = field(default_factory=set)

    def place(self, row: int) -> Place:
        """Where row ``row`` stands, with its codes as entered."""
        table, at = self.table, self.columns.at
        cells = table.rows[row]
        chassis, reference = at.get(Field.CHASSIS), at.get(Field.REFERENCE)
        return Place(
            self.side,
            table.numbers[row],
            table.address(row, at[Field.VIN]),
            table.address(row, -1 if chassis is None else chassis),
            cells[at[Field.VIN]],
            "" if chassis is None else cells[chassis],
            "" if reference is None else cells[reference],
        )

    def info(self) -> ListInfo:
        """What was read."""
        columns = {name.value: self.table.header[column] for name, column in self.columns.at.items()}
        notes = (*self.table.notes, *self.columns.notes)
        table = self.table
        return ListInfo(self.side, table.file, table.form.value, table.sheet, len(table.rows), columns, notes)


def load(
    side: Side,
    name: str,
    data: bytes,
    *,
    limits: Limits | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
    told: Mapping[Field, str] | None = None,
) -> VehicleList:
    """The list in a file; ``told`` names columns whose header is not known. Raises ReconcileError."""
    try:
        table = read_sheet(name, data, known_names, limits=limits, sheet=sheet, encoding=encoding)
        wanted = [Field.VIN] if side is Side.REGISTRY else [Field.VIN, Field.CHASSIS]
        optional = [Field.CHASSIS, Field.SCHEME, Field.REFERENCE]
        columns = columns_of(table, wanted, [one for one in optional if one not in wanted], told)
    except SheetError as error:
        raise ReconcileError(f"{side} ({name}): {error}") from None
    return _of(side, table, columns)


def _of(side: Side, table: Table, columns: Columns) -> VehicleList:
    at = columns.at
    vins = [codes.normal(row[at[Field.VIN]]) for row in table.rows]
    chassis = _column(table, at.get(Field.CHASSIS))
    schemes = _column(table, at.get(Field.SCHEME))
    made = VehicleList(side, table, columns, vins, chassis, schemes, faults_of(table, columns))
    _forget_untrusted(made)
    return made


def _column(table: Table, column: int | None) -> list[str]:
    if column is None:
        return [""] * len(table.rows)
    return [codes.normal_chassis(row[column]) for row in table.rows]


def _forget_untrusted(made: VehicleList) -> None:
    """Empty the codes that stand in faulty or overlong cells."""
    index = {number: row for row, number in enumerate(made.table.numbers)} if made.faults else {}
    for fault in made.faults:
        row = index[fault.row]
        if fault.severity is not Severity.ERROR:
            continue
        if fault.field in ("", Field.VIN):
            made.vins[row] = ""
            made.blind.add(row)
        if fault.field in ("", Field.CHASSIS):
            made.chassis[row] = ""
            made.blind.add(row)
    for name, held in ((Field.VIN, made.vins), (Field.CHASSIS, made.chassis)):
        for row, code in enumerate(held):
            if len(code) > _LONGEST:
                held[row] = ""
                made.blind.add(row)
                column = made.columns.at[name]
                got, want = f"{len(code)} characters", f"at most {_LONGEST}"
                address, number = made.table.address(row, column), made.table.numbers[row]
                made.faults.append(Fault(number, column + 1, address, name, got, want))
