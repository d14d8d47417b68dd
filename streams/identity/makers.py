"""Country and maker by the first characters of a VIN: a hint for people, from tables that name their sources.

Nothing is decided by it: codes are reassigned, shared and missing in every list, so an unknown one says
nothing against a number. The tables are texts that an edge reads; this parses them and looks things up.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Final

ORDER: Final = "ABCDEFGHJKLMNPRSTUVWXYZ1234567890"  # of ISO 3780's ranges


class TableError(ValueError):
    """A table can't be used; the message names the table and the line."""


@dataclass(frozen=True, slots=True)
class Country:
    """``code`` by ISO 3166."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Maker:
    """``code``: what it was found by, two or three characters. ``source``: what the table gives as such."""

    code: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Makers:
    """The tables: countries by two characters, makers by two or three."""

    countries: dict[str, Country]
    makers: dict[str, Maker]

    def country(self, vin: str) -> Country | None:
        """The country whose code begins ``vin``; None when the table knows none."""
        return self.countries.get(vin[:2])

    def maker(self, vin: str) -> Maker | None:
        """The maker whose code begins ``vin``, the longer code first; None when the table knows none."""
        return self.makers.get(vin[:3]) or self.makers.get(vin[:2])


def tables(countries: str, *makers: str) -> Makers:
    """The tables in CSV texts: countries (first, last, code, name), makers (code, maker, source).

    Lines that begin with ``#`` are remarks. Of several tables of makers the first that knows a code counts.
    Raises TableError.
    """
    known: dict[str, Country] = {}
    for line, (first, last, code, name) in _rows("countries", countries, ("first", "last", "code", "name")):
        for place in _range("countries", line, first, last):
            if place in known:
                raise TableError(f"countries, line {line}: got {place} again, want each code once")
            known[place] = Country(code, name)
    named: dict[str, Maker] = {}
    for number, text in enumerate(makers, 1):
        own: dict[str, Maker] = {}
        table = f"makers {number}"
        for line, (code, name, source) in _rows(table, text, ("code", "maker", "source")):
            if len(code) not in (2, 3) or set(code) - set(ORDER):
                raise TableError(f"{table}, line {line}: got code {code!r}, want two or three VIN characters")
            if code in own:
                raise TableError(f"{table}, line {line}: got {code} again, want each code once")
            own[code] = Maker(code, name, source)
        named = own | named
    return Makers(known, named)


def _rows(table: str, text: str, header: tuple[str, ...]) -> list[tuple[int, list[str]]]:
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    rows = [(n, next(csv.reader([line]))) for n, line in lines]
    if not rows or tuple(rows[0][1]) != header:
        got = ",".join(rows[0][1]) if rows else "nothing"
        raise TableError(f"{table}: got header {got!r}, want {','.join(header)!r}")
    for n, row in rows:
        if len(row) != len(header) or not all(cell.strip() for cell in row):
            raise TableError(f"{table}, line {n}: got {row!r}, want {len(header)} cells, none empty")
    return rows[1:]


def _range(table: str, line: int, first: str, last: str) -> list[str]:
    legal = len(first) == len(last) == 2 and first[0] == last[0] and not set(first + last) - set(ORDER)
    if not legal or ORDER.index(first[1]) > ORDER.index(last[1]):
        raise TableError(f"{table}, line {line}: got {first} to {last}, want a range of one first character")
    return [first[0] + c for c in ORDER[ORDER.index(first[1]) : ORDER.index(last[1]) + 1]]
