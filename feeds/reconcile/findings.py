"""What reconciling finds: a kind, a weight, the rows with their addresses, a sentence, perhaps a proposal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from feeds.sheets import Severity


class Side(StrEnum):
    """Which of the lists a row is of."""

    PRODUCTION = "production"
    FILINGS = "filings"
    REGISTRY = "registry"


class Kind(StrEnum):
    """What was found, in the order in which a report tells it."""

    SWAPPED_PAIR = "swapped_pair"  # VIN of A with chassis of B and the reverse
    FOREIGN_CHASSIS = "foreign_chassis"  # the chassis of another vehicle, without the reverse
    VIN_SLIP = "vin_slip"
    CHASSIS_SLIP = "chassis_slip"
    VIN_MISMATCH = "vin_mismatch"  # the same chassis, another VIN
    CHASSIS_MISMATCH = "chassis_mismatch"  # the same VIN, another chassis
    DOUBLED_VIN = "doubled_vin"
    DOUBLED_CHASSIS = "doubled_chassis"
    BAD_VIN = "bad_vin"  # length, characters, or none
    CHECK_DIGIT = "check_digit"
    UNREADABLE = "unreadable"  # a cell that can't be trusted
    NOT_PRODUCED = "not_produced"
    NO_CHASSIS = "no_chassis"
    SCHEME = "scheme"
    NOT_FILED = "not_filed"


TITLES = {
    Kind.SWAPPED_PAIR: "swapped pair",
    Kind.FOREIGN_CHASSIS: "another vehicle's chassis",
    Kind.VIN_SLIP: "slip in the VIN",
    Kind.CHASSIS_SLIP: "slip in the chassis number",
    Kind.VIN_MISMATCH: "another VIN",
    Kind.CHASSIS_MISMATCH: "another chassis number",
    Kind.DOUBLED_VIN: "VIN twice",
    Kind.DOUBLED_CHASSIS: "chassis number twice",
    Kind.BAD_VIN: "not a VIN",
    Kind.CHECK_DIGIT: "check digit",
    Kind.UNREADABLE: "cell not to be trusted",
    Kind.NOT_PRODUCED: "filed, not produced",
    Kind.NO_CHASSIS: "no chassis number",
    Kind.SCHEME: "chassis written in another way",
    Kind.NOT_FILED: "produced, not filed",
}
"""Each kind in words."""

_WARNINGS = frozenset({Kind.SCHEME, Kind.NOT_FILED, Kind.NO_CHASSIS})


@dataclass(frozen=True, slots=True)
class Place:
    """A row: its list, number in the file, addresses of its two codes, and the codes as they stand there."""

    side: Side
    row: int
    vin_at: str
    chassis_at: str
    vin: str
    chassis: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A proposal for one cell, for a person to accept after a look at the vehicle; never made by itself."""

    side: Side
    address: str
    got: str
    want: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    ``position`` counts from 1 and is that of the first difference of ``got`` and ``want`` in the code
    ``what`` (vin or chassis); None where no single place differs.
    """

    kind: Kind
    severity: Severity
    text: str
    proposal: str
    places: tuple[Place, ...]
    what: str = ""
    position: int | None = None
    got: str = ""
    want: str = ""
    changes: tuple[Change, ...] = ()


def severity_of(kind: Kind) -> Severity:
    """How much a kind weighs where nothing else is known."""
    return Severity.WARNING if kind in _WARNINGS else Severity.ERROR


@dataclass(frozen=True, slots=True)
class ListInfo:
    """What was read of one list."""

    side: Side
    file: str
    form: str
    sheet: str | None
    rows: int
    columns: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """All that was found. ``agreed`` counts vehicles whose codes are the same in production and filings."""

    lists: tuple[ListInfo, ...]
    agreed: int
    findings: tuple[Finding, ...]
    counts: dict[Kind, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether there is nothing to look at."""
        return not self.findings
