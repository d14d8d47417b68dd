"""Filings in bulk: JSON lines, CSV, Excel or Parquet become commands and faults, told cell by cell.

Everything that can be known before is checked before the first is lodged: form, gate, window, what is
there twice, used references, VINs that are filed anywhere, the regime and whether it admits the exporter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson
from pydantic import ValidationError

from api.errors import Problem, shown
from api.filing import ways
from api.papers import FilingNew
from api.refusals import field_of, got_of
from api.scope import Scope
from api.times import format_instant
from feeds.sheets import Limits, Severity, SheetError, filings_of, read_sheet
from feeds.sheets.columns import known_names
from streams.events import Kind, object_id

MAX_ROWS: Final = 20_000
_LIMITS: Final = Limits(file_bytes=5 << 20, unpacked_bytes=64 << 20, rows=MAX_ROWS)
_LATE_MS: Final = 30 * 86_400_000
Fault: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Lodging:
    """One good row: its number, the command's data, and how a fault found later is told."""

    number: int
    data: dict[str, Any]
    fault: Callable[[str, str, str], Fault]


@dataclass(slots=True)
class Bulk:
    """Rows that may be lodged, what is wrong with the others, and how many there are."""

    rows: list[Lodging]
    faults: list[Fault] = field(default_factory=list)
    count: int = 0

    def keep(self, wrong: Callable[[Lodging], Fault | None]) -> None:
        """Take out the rows with which something is wrong."""
        told = [(row, wrong(row)) for row in self.rows]
        self.rows = [row for row, fault in told if fault is None]
        self.faults += [fault for _, fault in told if fault is not None]


def read_bulk(
    body: bytes, tenant: str, defaults: Mapping[str, str] | None = None, offset_min: int | None = None
) -> Bulk:
    """The filings in a body, by its content. Raises Problem 422 when it can't be read as a list at all."""
    start = body.lstrip()[:1]
    made = _from_json(body) if start in (b"{", b"[") else _from_sheet(body, defaults or {}, offset_min)
    if not made.count:
        raise Problem(422, "nothing to lodge: got no filing, want one a line or row")
    for row in made.rows:
        row.data["asset"] = object_id(Kind.ASSET, tenant, row.data["vin"])
    return made


def check_bulk(scope: Scope, bulk: Bulk, now_ms: int) -> None:
    """Take out the rows that would be refused by what is known now."""
    gates = {gate.id: ways(gate) for gate in scope.gates}
    bulk.keep(lambda row: _place(row, gates, now_ms))
    used = scope.ports.read.objects_by_id(
        Kind.FILING, scope.tenant, [_filing(scope.tenant, row) for row in bulk.rows]
    )
    bulk.keep(
        lambda row: (
            row.fault("reference", row.data["reference"], "a reference that is not used yet")
            if _filing(scope.tenant, row) in used
            else None
        )
    )
    filed = scope.ports.read.filed([row.data["vin"] for row in bulk.rows])
    bulk.keep(lambda row: _elsewhere(row, filed, scope.tenant))
    book = scope.regimes

    def by_regime(row: Lodging) -> Fault | None:
        data = row.data
        regime = book.in_force(data["gate"], data["direction"], now_ms)
        named = None if data["regime"] is None else book.named(data["regime"], now_ms)
        if regime is None or (data["regime"] is not None and named is None):
            want = f"a regime in force for {data['gate']} {data['direction']}"
            return row.fault("regime", data["regime"] or "nothing", want)
        chosen = named or regime
        if not chosen.eligible(data["exporter"]):
            return row.fault("exporter", data["exporter"], f"an exporter that regime {chosen.id} lists")
        return None

    bulk.keep(by_regime)


def refused(row: Lodging, code: str, detail: str) -> Fault:
    """The fault of a row that the engine refused."""
    name = field_of(code, row.data) or ""
    return row.fault(name, shown(got_of(code, row.data)) if name else "", detail)


def _filing(tenant: str, row: Lodging) -> str:
    return object_id(Kind.FILING, tenant, row.data["reference"])


def _place(row: Lodging, gates: Mapping[str, tuple[str, str]], now_ms: int) -> Fault | None:
    data = row.data
    if data["gate"] not in gates:
        return row.fault("gate", data["gate"], f"one of {', '.join(sorted(gates))}")
    if data["direction"] not in gates[data["gate"]]:
        return row.fault("direction", data["direction"], " or ".join(gates[data["gate"]]))
    if data["window_until_ms"] < now_ms - _LATE_MS:
        return row.fault("window_until", "", "a window that ended less than 30 days ago")
    return None


def _elsewhere(row: Lodging, filed: Mapping[str, tuple[str, str]], tenant: str) -> Fault | None:
    held = filed.get(row.data["vin"])
    if held is None:
        return None
    where = f"it is open in {held[1]}" if held[0] == tenant else "somebody else filed it"
    return row.fault("vin", row.data["vin"], f"a VIN without an open filing ({where})")


def _from_sheet(body: bytes, defaults: Mapping[str, str], offset_min: int | None) -> Bulk:
    try:
        table = read_sheet("body", body, known_names, limits=_LIMITS)
        found = filings_of(table, defaults, offset_min)
    except SheetError as error:
        raise Problem(422, str(error), "import_faults") from None
    faults = [
        {"row": one.row, "column": one.field, "address": one.address, "got": one.got, "want": one.want}
        for one in found.faults
        if one.severity is Severity.ERROR
    ]
    made = Bulk([], faults, found.count)
    for row in found.rows:

        def fault(name: str, got: str, want: str, row: Any = row) -> Fault:
            one = row.fault(name, got, want)
            return {"row": one.row, "column": name, "address": one.address, "got": got, "want": want}

        try:
            data = FilingNew.model_validate(_asked(row.data)).commanded()
        except ValidationError as error:
            made.faults += [_of(fault, one) for one in error.errors(include_url=False)]
        else:
            made.rows.append(Lodging(row.number, data, fault))
    return made


def _asked(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a row as it would stand in a request: what holds for one holds for a row."""
    plain: dict[str, Any] = {}
    for name, value in data.items():
        if value is None:
            continue
        if name == "documents":
            plain[name] = [_asked(document) for document in value]
        elif name.endswith("_ms"):
            plain[name.removesuffix("_ms")] = format_instant(value)
        else:
            plain[name] = value
    return plain


def _from_json(body: bytes) -> Bulk:
    made = Bulk([])
    seen: dict[tuple[str, str], int] = {}
    for number, plain in _values(body):
        made.count += 1
        if made.count > MAX_ROWS:
            raise Problem(422, f"too many filings: got more than {MAX_ROWS}, want at most that many")
        fault = _teller(number)
        if isinstance(plain, orjson.JSONDecodeError):
            made.faults.append(fault("", "a line that is not JSON", f"a JSON object ({plain})"))
            continue
        try:
            data = FilingNew.model_validate(plain).commanded()
        except ValidationError as error:
            made.faults += [_of(fault, one) for one in error.errors(include_url=False)]
            continue
        twice = [
            fault(name, data[name], f"each {name} once (it is in {first} too)")
            for name in ("reference", "vin")
            if (first := seen.setdefault((name, data[name]), number)) != number
        ]
        made.faults += twice
        if not twice:
            made.rows.append(Lodging(number, data, fault))
    return made


def _values(body: bytes) -> Sequence[tuple[int, Any]]:
    """The values of JSON lines or of one array, numbered from 1; for a line that is no JSON the error."""
    if body.lstrip()[:1] == b"[":
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Problem(422, f"body: got bytes that are not JSON, want JSON ({error})") from None
        return list(enumerate(found, 1))
    values: list[tuple[int, Any]] = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            try:
                values.append((number, orjson.loads(line)))
            except orjson.JSONDecodeError as error:
                values.append((number, error))
    return values


def _teller(number: int) -> Callable[[str, str, str], Fault]:
    def fault(name: str, got: str, want: str) -> Fault:
        return {"row": number, "column": name, "address": f"line {number}", "got": got, "want": want}

    return fault


def _of(fault: Callable[[str, str, str], Fault], one: Any) -> Fault:
    name = ".".join(str(part) for part in one["loc"])
    if one["type"] == "missing":
        return fault(name, "nothing", "a value")
    if one["type"] == "extra_forbidden":
        return fault(name, shown(one["input"]), "no such field")
    want = one["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return fault(name, shown(one["input"]), want)
