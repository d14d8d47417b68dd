"""Findings as they are made, and which rows they explain, so that one fault is told once."""

from __future__ import annotations

from collections.abc import Sequence

from feeds.reconcile.codes import Verdicts, derived
from feeds.reconcile.findings import Change, Finding, Kind, Place, Side, severity_of
from feeds.reconcile.lists import VehicleList
from feeds.sheets import Severity
from streams.identity import vin

NAMES = {
    Side.PRODUCTION: "the production list",
    Side.FILINGS: "the filings",
    Side.REGISTRY: "the registry",
}
MANY = 16
"""So many rows with one code are looked at for its vehicle; more are told as doubles."""
Row = tuple["Indexed", int]


class Indexed:
    """A list with its codes looked up: VIN, chassis number, and what comes out of VINs."""

    def __init__(self, held: VehicleList) -> None:
        self.held, self.side = held, held.side
        self.vins, self.chassis, self.blind = held.vins, held.chassis, held.blind
        self.by_vin = _grouped(held.vins)
        self.by_chassis = _grouped(held.chassis)
        self._by_vis: dict[str, list[int]] | None = None

    def place(self, row: int) -> Place:
        """As VehicleList.place."""
        return self.held.place(row)

    def owners(self, chassis: str) -> list[int]:
        """The rows whose vehicle has this chassis number, also where it comes out of the VIN."""
        if not chassis:
            return []
        if (found := self.by_chassis.get(chassis)) is not None:
            return found
        if len(chassis) == vin.LENGTH:
            return [row for row in self.by_vin.get(chassis, ()) if self._follows(row)]
        if len(chassis) != 8:
            return []
        if self._by_vis is None:
            self._by_vis = _grouped([code[9:] if len(code) == vin.LENGTH else "" for code in self.vins])
        return [row for row in self._by_vis.get(chassis, ()) if self._follows(row)]

    def has(self, row: int, chassis: str) -> bool:
        """Whether ``chassis`` is the chassis number of ``row``, also where it comes out of its VIN."""
        held = self.chassis[row]
        if held == chassis:
            return True
        return derived(held, self.vins[row]) is not None and derived(chassis, self.vins[row]) is not None

    def _follows(self, row: int) -> bool:
        return derived(self.chassis[row], self.vins[row]) is not None


class Book:
    """The findings so far. ``explained`` holds (side, row, what) of codes that a finding speaks of."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.explained: set[tuple[Side, int, str]] = set()
        self.verdicts = Verdicts()

    def add(
        self,
        kind: Kind,
        rows: Sequence[Row],
        text: str,
        proposal: str,
        *,
        what: str = "",
        position: int | None = None,
        got: str = "",
        want: str = "",
        changes: Sequence[Change] = (),
        severity: Severity | None = None,
        explains: int | None = None,
    ) -> None:
        """Add a finding on these rows; it explains the code ``what`` of all or the first of them."""
        places = tuple(of.place(row) for of, row in rows)
        weight = severity or severity_of(kind)
        self.findings.append(
            Finding(kind, weight, text, proposal, places, what, position, got, want, tuple(changes))
        )
        if what:
            self.explained.update((of.side, row, what) for of, row in rows[:explains])

    def is_explained(self, of: Indexed, row: int, what: str) -> bool:
        """Whether a finding speaks of that code already."""
        return (of.side, row, what) in self.explained

    def sound(self, code: str) -> bool:
        """Whether nothing speaks against a VIN by itself."""
        verdict = self.verdicts.of(code)
        return verdict.form is None and verdict.check is None


def _grouped(codes: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row, code in enumerate(codes):
        if code:
            held = groups.get(code)
            if held is None:
                groups[code] = [row]
            else:
                held.append(row)
    return groups
