"""Claims: who says which VIN belongs with which chassis number, from when to when, and since when we know.

A claim never changes. A source corrects itself by a newer claim: one with the same beginning replaces the
older wholly (a claim that ends where it begins takes it back), one with another beginning holds from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from streams.identity import chassis as chassis_numbers
from streams.identity.chassis import Chassis
from streams.identity.difference import bare

OFFICER: Final = "officer"
PRECEDENCE: Final = {OFFICER: 0, "maker": 1, "registration": 2, "filing": 3, "device": 4, "can": 5}

Rank = tuple[int, int, int, int, tuple[str, str, str]]


@dataclass(slots=True, eq=False)
class Claim:
    """One source's word. ``vin`` None: it knows the chassis number only; ``chassis`` None: the VIN only.

    ``source``: one of ``PRECEDENCE``, perhaps with a colon and what tells it from others of its family
    (``can:0``); others are allowed and stand last. ``from_ms`` to ``to_ms`` (excluded; None: open) is when
    it is true, ``known_ms`` since when it is known. ``order`` orders what is known in the same millisecond
    (the log's position). ``chassis`` is as entered, ``reading`` what it was read as. Raises ChassisError.
    """

    source: str
    vin: str | None
    chassis: str | None
    scheme: str | None
    from_ms: int
    to_ms: int | None
    known_ms: int
    by: str = ""
    evidence: str = ""
    order: int = 0
    reading: Chassis | None = field(init=False, repr=False)
    family: str = field(init=False, repr=False)
    precedence: int = field(init=False, repr=False)
    rank: Rank = field(init=False, repr=False)
    said: tuple[str, str | None, str | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.vin is not None:
            self.vin = bare(self.vin)
        silent = self.scheme != chassis_numbers.NONE and not bare(self.chassis or "")
        self.reading = None if silent else chassis_numbers.parse(self.chassis, self.scheme, self.vin)
        self.family = self.source.partition(":")[0]
        self.precedence = PRECEDENCE.get(self.family, len(PRECEDENCE))
        key = None if self.reading is None else self.reading.key
        self.said = self.source, self.vin, key
        until_ms = -1 if self.to_ms is None else self.to_ms
        texts = self.vin or "", self.chassis or "", self.scheme or ""
        self.rank = self.known_ms, self.order, self.from_ms, until_ms, texts

    def plain(self) -> dict[str, Any]:
        """JSON values, as a BINDING object lists them; ``order`` only when there is one."""
        told: dict[str, Any] = {
            "source": self.source,
            "vin": self.vin,
            "chassis": self.chassis,
            "scheme": self.scheme,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "known_ms": self.known_ms,
            "by": self.by,
            "evidence": self.evidence,
        }
        return told | {"order": self.order} if self.order else told


def claim_of(plain: dict[str, Any]) -> Claim:
    """The claim of the JSON values that ``Claim.plain`` gave. Raises ChassisError, KeyError."""
    return Claim(
        plain["source"],
        plain["vin"],
        plain["chassis"],
        plain["scheme"],
        plain["from_ms"],
        plain["to_ms"],
        plain["known_ms"],
        plain["by"],
        plain["evidence"],
        plain.get("order", 0),
    )
