"""Assets from a CSV file: every row checked, every fault named by row, column, got and want. Pure.

Columns are found by the header's names, in any order; comma, semicolon or tab. Numbers that a spreadsheet
turned into 1.23E+16 have lost their digits and are refused, not guessed.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from api.errors import Problem, shown
from api.schemas import AssetNew

MAX_ROWS: Final = 20_000
_COLUMNS: Final = ("vin", "chassis", "plates", "kind", "maker", "name", "fleet")
_FLOATED: Final = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+?\d+")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one place; the header is row 1."""

    row: int
    column: str
    got: str
    want: str


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: its number and the data of an asset.register command."""

    number: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds: good rows, faults, and how many rows there are but for the header."""

    rows: list[Row]
    faults: list[Fault]
    count: int


def read_assets(body: bytes) -> Table:
    """The rows of a CSV file. Raises Problem 422 when it can't be read as a table at all."""
    records = _records(body)
    header = _header(records[0])
    if len(records) - 1 > MAX_ROWS:
        raise Problem(422, f"too many rows: got {len(records) - 1}, want at most {MAX_ROWS}")
    table = Table([], [], len(records) - 1)
    first_at: dict[str, int] = {}
    for number, record in enumerate(records[1:], 2):
        faults, data = _row(number, record, header)
        if data is not None and data["vin"] in first_at:
            want = f"each VIN once (it is in row {first_at[data['vin']]} too)"
            faults, data = [Fault(number, "vin", data["vin"], want)], None
        if data is not None:
            first_at[data["vin"]] = number
            table.rows.append(Row(number, data))
        table.faults.extend(faults)
    return table


def _records(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"byte 0x{body[error.start]:02x} at {error.start}"
        raise Problem(422, f"file not readable: got {got}, want UTF-8 (save as CSV UTF-8)") from error
    if "\x00" in text:
        raise Problem(422, "file not readable: got a binary file, want CSV in UTF-8")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        records = [r for r in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if any(r)]
    except csv.Error as error:
        raise Problem(422, f"file not readable as CSV: {error}") from error
    if not records:
        raise Problem(422, "file is empty: got no rows, want a header with at least the column vin")
    return records


def _header(record: list[str]) -> list[str]:
    names = [name.strip().lower() for name in record]
    unknown = [name for name in names if name not in _COLUMNS]
    doubled = [name for name in names if names.count(name) > 1]
    if unknown or doubled or "vin" not in names:
        got = shown(", ".join(names))
        raise Problem(422, f"header: got {got}, want vin and any of {', '.join(_COLUMNS[1:])}, each once")
    return names


def _row(number: int, record: list[str], header: list[str]) -> tuple[list[Fault], dict[str, Any] | None]:
    if len(record) != len(header):
        return [Fault(number, "", f"{len(record)} fields", f"{len(header)} fields as in the header")], None
    values: dict[str, Any] = {n: v.strip() for n, v in zip(header, record, strict=True) if v.strip()}
    faults = [
        Fault(number, name, shown(value), "the digits as text: a spreadsheet made a number of them")
        for name, value in values.items()
        if name in ("vin", "chassis", "plates") and _FLOATED.fullmatch(value)
    ]
    if faults:
        return faults, None
    if "plates" in values:
        values["plates"] = [plate.strip() for plate in re.split(r"[;|/]", values["plates"]) if plate.strip()]
    try:
        return [], AssetNew.model_validate(values).commanded()
    except ValidationError as error:
        return [_fault(number, one) for one in error.errors()], None


def _fault(number: int, one: Any) -> Fault:
    column = str(one["loc"][0])
    if one["type"] == "missing":
        return Fault(number, column, "nothing", "a value")
    want = one["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return Fault(number, column, shown(one["input"]), want)
