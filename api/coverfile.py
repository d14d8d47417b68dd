"""Covers from a file: JSON lines, a JSON array, or CSV. Each row is checked before the first is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import ValidationError

from api.coverschemas import CoverNew
from api.errors import Problem, shown

MAX_ROWS: Final = 10_000
_COLUMNS: Final = ("vin", "number", "insurer", "countries", "from", "until", "use", "deductible_zones")
_LISTS: Final = ("countries", "deductible_zones")


@dataclass(frozen=True, slots=True)
class CoverRow:
    """One row of a file, as it may be written."""

    number: int
    cover: CoverNew


def read_covers(body: bytes) -> list[CoverRow]:
    """The covers in a file. Raises Problem 422, which names every row that is wrong."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(422, f"file not readable: got a byte that is not UTF-8 at {error.start}") from None
    rows, faults = [], []
    seen: set[tuple[str, str, str, int]] = set()
    for number, plain in _plain(text):
        if number > MAX_ROWS:
            raise Problem(422, f"too many covers: got more than {MAX_ROWS}, want at most that many")
        if isinstance(plain, str):
            faults.append(fault(number, "", plain, "a JSON object"))
            continue
        try:
            cover = CoverNew.model_validate(plain)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                want = one["msg"].removeprefix("Value error, ")
                faults.append(fault(number, ".".join(map(str, one["loc"])), shown(one["input"]), want))
            continue
        key = (cover.vin, cover.insurer, cover.number, cover.from_ms)
        if key in seen:
            faults.append(fault(number, "number", cover.number, "each policy once"))
        seen.add(key)
        rows.append(CoverRow(number, cover))
    if faults:
        first = faults[0]
        raise Problem(
            422,
            f"nothing written: got {len(faults)} faults, want none; first row {first['row']}: "
            f"{first['column'] or 'row'}: got {first['got']}, want {first['want']}",
            errors=faults[:1000],
        )
    if not rows:
        raise Problem(422, "nothing to write: got no cover, want one a line or row")
    return rows


def fault(number: int, column: str, got: str, want: str) -> dict[str, Any]:
    """What is wrong with a row."""
    return {"row": number, "column": column, "got": got, "want": want}


def _plain(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    begin = text.lstrip()[:1]
    if begin == "[":
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Problem(422, f"file not readable: {error}") from None
        for number, one in enumerate(found, 1):
            yield number, one if isinstance(one, dict) else shown(one)
    elif begin == "{":
        for number, line in enumerate((line for line in text.splitlines() if line.strip()), 1):
            try:
                one = orjson.loads(line)
            except orjson.JSONDecodeError:
                one = None
            yield number, one if isinstance(one, dict) else shown(line)
    else:
        yield from _table(text)


def _table(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = reader.fieldnames or []
        strange = [name for name in names if name not in _COLUMNS]
        if strange:
            raise Problem(422, f"columns: got {', '.join(strange)}, want {', '.join(_COLUMNS)}")
        for number, row in enumerate(reader, 1):
            if None in row:
                yield number, f"{len(names) + len(row[None])} cells"
                continue
            plain: dict[str, Any] = {name: value for name, value in row.items() if value}
            for name in _LISTS:
                if name in plain:
                    plain[name] = plain[name].replace(",", " ").split()
            yield number, plain
    except csv.Error as error:
        raise Problem(422, f"file not readable: {error}") from None
