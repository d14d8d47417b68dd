"""Findings: two values that should be one, where they differ, who said so, and the likely cause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from streams.identity.difference import Cause, bare, difference
from streams.identity.vin import plausible

VIN: Final = "vin"
CHASSIS: Final = "chassis"
COMPONENT: Final = "component"
DEVICE: Final = "device"

BUS: Final = frozenset(("can", "device"))  # families that speak from inside a vehicle


@dataclass(frozen=True, slots=True)
class Finding:
    """``got`` by ``source`` where ``want`` by ``against`` was expected; fields as in a CONFLICT object.

    ``position`` of the first difference counts from 1, None where none can be named. ``real``: a true
    disagreement, which raises a conflict; else worth telling only (a VIN cut off that agrees as far as it
    goes). ``other``: the id of the asset whose number was got, once that is known.
    """

    what: str
    got: str
    want: str
    position: int | None
    source: str
    against: str
    cause: Cause
    text: str
    real: bool = True
    other: str | None = None

    def plain(self) -> dict[str, Any]:
        """JSON values under a CONFLICT object's names; without ``real``."""
        names = ("what", "got", "want", "position", "source", "against", "text", "other")
        return {name: getattr(self, name) for name in names} | {"cause": self.cause.value}


@lru_cache(maxsize=4096)  # a conflict is judged again by every command until it is settled
def disagreement(what: str, got: str, want: str, source: str, against: str) -> Finding:
    """The finding of two numbers that differ, its cause read from the numbers alone."""
    found = difference(got, want)
    cause = found.cause
    if what == VIN and cause is Cause.UNKNOWN and plausible(found.got):
        cause = Cause.FOREIGN
    named = "VIN" if what == VIN else "chassis number"
    wanted = "the VIN" if against == VIN else against
    text = f"{named} by {source} is {got or 'none'}, by {wanted} {want or 'none'}: {found.text}"
    return Finding(what, got, want, found.position, source, against, cause, text)


def with_other(finding: Finding, other: str, vin: str | None, chassis: str | None) -> Finding:
    """The finding once asset ``other`` with these numbers is known; unchanged when the value got is not its.

    A number of another known vehicle: read on the bus, the unit sits in that vehicle; in papers, the two
    vehicles' numbers were exchanged. Never a slip then, however alike the two are.
    """
    number = vin if finding.what == VIN else chassis if finding.what == CHASSIS else None
    if number is None or bare(number) != bare(finding.got):
        return finding
    inside = finding.source.partition(":")[0] in BUS
    cause = Cause.SWAPPED_UNIT if inside else Cause.SWAPPED_PAIR
    told = "the unit sits in that vehicle" if inside else "the two may be exchanged"
    text = f"{finding.text}; {finding.got} is the number of {other}: {told}"
    return replace(finding, cause=cause, text=text, other=other)


def crosswise(first: Finding, second: Finding) -> bool:
    """Whether two assets got each other's number: a swapped pair beyond doubt."""
    return first.what == second.what and (bare(first.got), bare(first.want)) == (
        bare(second.want),
        bare(second.got),
    )
