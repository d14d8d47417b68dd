"""A table of filings as the data of filing.lodge commands, every fault told by its cell.

Only what a table can get wrong is judged here: cells that are no text, VINs, instants, kinds, what is there
twice. Whether gate, regime and window fit is the engine's to say; ``FilingRow.fault`` gives its answer the
cell's address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from feeds.sheets.cells import Fault, OddKind, Severity, SheetError, Table, shown
from feeds.sheets.columns import Columns, columns_of, faults_of
from feeds.sheets.names import Field, plain
from streams.identity import chassis, vin

_WANTED: Final = (Field.REFERENCE, Field.VIN, Field.CHASSIS, Field.GATE, Field.DIRECTION)
_OTHERS: Final = (
    *(Field.KIND, Field.EXPORTER, Field.CONSIGNEE, Field.WINDOW_FROM, Field.WINDOW_UNTIL),
    *(Field.BATCH, Field.REGIME),
)
_INSTANTS: Final = {Field.WINDOW_FROM: "window_from_ms", Field.WINDOW_UNTIL: "window_until_ms"}
_DOCUMENT: Final = re.compile(
    r"(?:document|doc|单证|документ)[.: ](\w+)(?:[.: ](number|issued|expires|sha256))?"
)
_DATA: Final = re.compile(r"data[.: ](\w{1,64})")
_DIRECTION: Final = re.compile(r"([A-Za-z]{2})\s*(?:>|->|→|-|—|–)\s*([A-Za-z]{2})")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_KINDS: Final = {
    plain(name): kind
    for kind, names in {
        "tractor": ("tractor", "tractor unit", "牵引车", "半挂牵引车", "тягач", "седельный тягач", "ຫົວລາກ"),
        "semi_trailer": ("semi_trailer", "semitrailer", "trailer", "半挂车", "挂车", "полуприцеп", "ຫາງລາກ"),
        "rigid": (
            "rigid",
            "truck",
            "dump truck",
            "载货车",
            "货车",
            "自卸车",
            "грузовик",
            "самосвал",
            "ລົດບັນທຸກ",
        ),
        "special": (
            "special",
            "special vehicle",
            "crane",
            "mixer",
            "专用车",
            "特种车",
            "спецтехника",
            "ລົດພິເສດ",
        ),
        "passenger": ("passenger", "car", "bus", "客车", "乘用车", "легковой", "автобус", "ລົດໂດຍສານ"),
    }.items()
    for name in names
}
_FIRST_MS: Final = 946_684_800_000  # 2000-01-01
_LAST_MS: Final = 4_102_444_800_000  # 2100-01-01


@dataclass(frozen=True, slots=True)
class FilingRow:
    """One good row: its number in the file, the command's data without the asset, where each value stands."""

    number: int
    data: dict[str, Any]
    cells: Mapping[str, str]  # field or its name in data -> address

    def fault(self, name: str, got: str, want: str) -> Fault:
        """A fault that was found later, in the field of that name."""
        address = self.cells.get(name, self.cells[""])
        return Fault(self.number, 0, address, name, shown(got), want)


@dataclass(slots=True)
class Filings:
    """Good rows, faults (warnings too), how many rows there are, and notes on the file."""

    rows: list[FilingRow]
    faults: list[Fault]
    count: int
    notes: list[str] = field(default_factory=list)


def filings_of(
    table: Table, defaults: Mapping[str, str] | None = None, offset_min: int | None = None
) -> Filings:
    """The filings of a table.

    ``defaults`` are the values of columns that it does not have, by field. ``offset_min`` is the offset from
    UTC in minutes of instants that tell none, as Excel's; without it they are faults. Raises SheetError when
    columns are missing.
    """
    given = {Field(name): value for name, value in (defaults or {}).items()}
    wanted = [one for one in _WANTED if one not in given]
    columns = columns_of(table, wanted, [*_OTHERS, *(one for one in _WANTED if one in given)])
    return _Reader(table, columns, given, offset_min).read()


class _Reader:
    """One table on its way to filings."""

    def __init__(
        self, table: Table, columns: Columns, given: Mapping[Field, str], offset_min: int | None
    ) -> None:
        self._table, self._columns, self._given, self._offset = table, columns, given, offset_min
        self._extra = _extra(table, columns)
        notes = [*table.notes, *columns.notes]
        used = {*columns.at.values(), *(column for column, _ in self._extra)}
        rest = [name for at, name in enumerate(table.header) if at not in used and name]
        if rest:
            notes.append(f"columns not used: {', '.join(shown(name) for name in rest[:20])}")
        self._out = Filings([], [], len(table.rows), notes)
        self._seen: dict[tuple[Field, str], str] = {}

    def read(self) -> Filings:
        spoilt: dict[int, list[Fault]] = {}
        for fault in faults_of(self._table, self._columns):
            spoilt.setdefault(fault.row, []).append(fault)
        for at, number in enumerate(self._table.numbers):
            said = spoilt.get(number, [])
            data = None if any(one.column == 0 for one in said) else self._row(at, said)
            self._out.faults += said
            if data is not None and not any(one.severity is Severity.ERROR for one in said):
                self._out.rows.append(FilingRow(number, data, self._cells(at)))
        return self._out

    def _row(self, at: int, said: list[Fault]) -> dict[str, Any]:
        bad = {one.field for one in said if one.severity is Severity.ERROR}
        data: dict[str, Any] = {}
        for name in (*_WANTED, *_OTHERS):
            text = self._text(at, name)
            if name in bad:
                continue
            if not text and name in _WANTED:
                self._say(said, at, name, "nothing", "a value")
            elif name in _INSTANTS:
                data[_INSTANTS[name]] = self._instant(at, name, self._columns.at.get(name), text, said)
            else:
                data[name.value] = self._value(at, name, text, said)
        begin, end = data.get("window_from_ms"), data.get("window_until_ms")
        if begin is not None and end is not None and begin > end:
            self._say(
                said, at, Field.WINDOW_UNTIL, self._text(at, Field.WINDOW_UNTIL), "not before window_from"
            )
        data["documents"], data["data"] = self._more(at, said)
        return data

    def _value(self, at: int, name: Field, text: str, said: list[Fault]) -> str | None:
        if not text:
            return None
        if name is Field.VIN:
            try:
                text = vin.parse(text).text
            except vin.VinError as error:
                self._say(said, at, name, text, str(error))
                return None
        elif name is Field.CHASSIS:
            try:
                chassis.parse(text, None, vin.normalise(self._text(at, Field.VIN)))
            except chassis.ChassisError as error:
                self._say(said, at, name, text, str(error))
                return None
        elif name is Field.KIND:
            if (kind := _KINDS.get(plain(text))) is None:
                self._say(said, at, name, text, ", ".join(sorted(set(_KINDS.values()))))
            return kind
        elif name is Field.DIRECTION:
            found = _DIRECTION.fullmatch(text)
            if found is None:
                self._say(said, at, name, text, "two countries, for example CN>LA")
                return None
            return f"{found[1]}>{found[2]}".upper()
        if name in (Field.VIN, Field.REFERENCE):
            self._once(at, name, text, said)
        return text

    def _once(self, at: int, name: Field, text: str, said: list[Fault]) -> None:
        address = self._address(at, name)
        first = self._seen.setdefault((name, text), address)
        if first != address:
            self._say(said, at, name, text, f"each {name} once (it is in {first} too)")

    def _instant(self, at: int, name: str, column: int | None, text: str, said: list[Fault]) -> int | None:
        """Milliseconds since 1970."""
        if not text:
            return None
        odd = None if column is None else self._table.odd.get((at, column))
        if odd is not None and odd.kind in (OddKind.NUMBER, OddKind.FLOAT):
            want = "date and time; a spreadsheet's day number needs a cell formatted as a date"
            self._say_at(said, at, column, name, text, want)
            return None
        try:
            when = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError:
            when = None
        if when is None or len(text) <= 10:
            self._say_at(said, at, column, name, text, "date and time, for example 2026-11-22T07:00+08:00")
            return None
        if when.tzinfo is None:
            if self._offset is None:
                want = "an offset, for example 2026-11-22T07:00+08:00, or the offset of the whole file"
                self._say_at(said, at, column, name, text, want)
                return None
            when = when.replace(tzinfo=timezone(timedelta(minutes=self._offset)))
        ms = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        if not _FIRST_MS <= ms < _LAST_MS:
            self._say_at(said, at, column, name, text, "an instant of the years 2000 to 2099")
            return None
        return ms

    def _more(self, at: int, said: list[Fault]) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Documents and the minimum data set, from columns like document.invoice.expires and data.weight."""
        documents: dict[str, dict[str, Any]] = {}
        data: dict[str, str] = {}
        for column, (kind, part) in self._extra:
            text, odd = self._table.rows[at][column], self._table.odd.get((at, column))
            name = self._table.header[column]
            if odd is not None and odd.kind not in (
                OddKind.NUMBER,
                OddKind.DATE,
                OddKind.FLOAT,
                OddKind.BOOLEAN,
            ):
                self._say_at(said, at, column, name, odd.got, "a value")
            elif not text:
                continue
            elif part == "data":
                data[kind] = text
            else:
                empty = {"kind": kind, "number": None, "issued_ms": None, "expires_ms": None, "sha256": None}
                document = documents.setdefault(kind, empty)
                if part in ("issued", "expires"):
                    document[f"{part}_ms"] = self._instant(at, name, column, text, said)
                elif part == "sha256" and not _SHA256.fullmatch(text.lower()):
                    self._say_at(said, at, column, name, text, "64 hexadecimal digits")
                else:
                    document[part] = text.lower() if part == "sha256" else text
        return list(documents.values()), data

    def _text(self, at: int, name: Field) -> str:
        column = self._columns.at.get(name)
        text = "" if column is None else self._table.rows[at][column]
        return text or self._given.get(name, "")

    def _address(self, at: int, name: Field) -> str:
        return self._table.address(at, self._columns.at.get(name, -1))

    def _say(self, said: list[Fault], at: int, name: Field, got: str, want: str) -> None:
        self._say_at(said, at, self._columns.at.get(name), name, got, want)

    def _say_at(self, said: list[Fault], at: int, column: int | None, name: str, got: str, want: str) -> None:
        place = -1 if column is None else column
        address = self._table.address(at, place)
        said.append(Fault(self._table.numbers[at], place + 1, address, str(name), shown(got), want))

    def _cells(self, at: int) -> dict[str, str]:
        cells = {name.value: self._table.address(at, column) for name, column in self._columns.at.items()}
        for name, key in _INSTANTS.items():
            if name in self._columns:
                cells[key] = cells[name.value]
        return cells | {"": self._table.address(at, -1)}


def _extra(table: Table, columns: Columns) -> list[tuple[int, tuple[str, str]]]:
    """The columns of documents and data: (column, (kind or name, part or "data"))."""
    found: list[tuple[int, tuple[str, str]]] = []
    taken = set()
    for column, name in enumerate(table.header):
        if column in columns.at.values():
            continue
        if (document := _DOCUMENT.fullmatch(name)) is not None:
            what = document[1], document[2] or "number"
        elif (data := _DATA.fullmatch(name)) is not None:
            what = data[1], "data"
        else:
            continue
        if what in taken:
            raise SheetError(f"header: got column {shown(name)!r} twice, want each once")
        taken.add(what)
        found.append((column, what))
    return found
