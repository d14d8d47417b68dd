"""How far a report can be trusted, with the checks that say so. Pure: computed at each reading, never set.

``proven``: signed, its chain unbroken, connection, key and vehicle's bus agree. ``signed``: by a key of its
device. ``attributed``: by the connection's identity only. ``suspect``: a check failed. What is not known yet
(a report that is missing, a bus that told no VIN) fails nothing, it only keeps a report from being proven;
so a late report can raise its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from streams.identity.causes import BUS
from streams.identity.difference import bare

Level: TypeAlias = Literal["proven", "signed", "attributed", "suspect"]
Chain: TypeAlias = Literal["holds", "broken", "unknown"]
Bus: TypeAlias = Literal["agrees", "disagrees", "unknown"]
Result: TypeAlias = Literal["holds", "fails", "unknown"]

LEVELS: Final[tuple[Level, ...]] = ("proven", "signed", "attributed", "suspect")
_HOLDS: Final = 1
_LATE: Final = 2
_SKEW_MS: Final = 120_000  # between the clocks that enrol and that receive


@dataclass(frozen=True, slots=True)
class Check:
    """One check: ``signature``, ``key``, ``number``, ``chain``, ``identity`` or ``bus``; ``why`` in words."""

    name: str
    result: Result
    why: str


@dataclass(frozen=True, slots=True)
class Assurance:
    """The level and every check that was made, in a fixed order."""

    level: Level
    checks: tuple[Check, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        checks = [{"name": one.name, "result": one.result, "why": one.why} for one in self.checks]
        return {"level": self.level, "checks": checks}


def assess(
    head: Mapping[str, Any], *, chain: Chain, bus: Bus, identity: bool, revoked_ms: int | None
) -> Assurance:
    """The assurance of the report with this ``head`` (a report's group of the ledger).

    ``chain``: ``feeds.completeness`` of its place among the device's reports; ``bus``, ``identity`` and
    ``revoked_ms``: as the functions below find them. A report counts as signed when it was received, the
    only time that who holds a stolen key can't choose.
    """
    signature = head.get("signature") or 0
    late = signature == _LATE or (
        signature == _HOLDS and revoked_ms is not None and head["received_ms"] > revoked_ms
    )
    checks = (
        _signature(signature),
        _key(signature, late),
        _number(head),
        _CHAIN[chain],
        _IDENTITY[identity],
        _BUS[bus],
    )
    if any(one.result == "fails" for one in checks):
        level: Level = "suspect"
    elif signature != _HOLDS:
        level = "attributed"
    else:
        level = "proven" if all(one.result == "holds" for one in checks) else "signed"
    return Assurance(level, checks)


def identified(head: Mapping[str, Any], keys: Iterable[Mapping[str, Any]]) -> bool:
    """Whether topic, sender and key are one device's. ``keys``: those enrolled for the head's device."""
    return identified_from(head, keys) <= int(head["received_ms"])


def identified_from(head: Mapping[str, Any], keys: Iterable[Mapping[str, Any]]) -> float:
    """From which time of receiving on, ms since 1970, ``identified`` holds; infinite: never.

    Of the head only device, topic and key are looked at.
    """
    device, key = head["device"], head.get("key")
    if head["topic"] not in (f"corridor/v1/{device}/report", f"corridor/v1/{device}/nmea"):
        return math.inf
    if key is None:
        return -math.inf
    return min((one["from_ms"] - _SKEW_MS for one in keys if one["id"] == key), default=math.inf)


def revoked(head: Mapping[str, Any], keys: Iterable[Mapping[str, Any]]) -> int | None:
    """When the key of the report was revoked, ms since 1970; None: it was not, or there is none."""
    key = head.get("key")
    found = (one.get("revoked_ms") for one in keys if key is not None and one["id"] == key)
    return next(found, None)


def bus_agreement(
    device: str, vin: str | None, heard: Collection[str], conflicts: Iterable[Mapping[str, Any]] = ()
) -> Bus:
    """Whether the bus that ``device`` hears is that of the vehicle ``vin``.

    ``heard``: the VINs that this start of the device told (``completeness``). ``conflicts``: the data of the
    asset's CONFLICT objects. An open one by the bus that this device told, or by none in particular, is
    disagreement; a value that an officer settled is neither for nor against.
    """
    settled = set()
    for one in conflicts:
        if str(one["source"]).partition(":")[0] not in BUS:
            continue
        seen = [told[0] for told in one.get("seen") or ()]
        if one["state"] != "open":
            settled.add(bare(str(one["got"])))
        elif not seen or device in seen:
            return "disagrees"
    told_vins = {bare(one) for one in heard} - settled
    if vin is None or not told_vins:
        return "unknown"
    return "agrees" if told_vins == {bare(vin)} else "disagrees"


def _signature(signature: int) -> Check:
    if signature:
        return Check("signature", "holds", "the device's key signed these bytes for this topic")
    return Check("signature", "unknown", "the report is not signed: the connection alone says who sent it")


def _key(signature: int, late: bool) -> Check:
    if late:
        return Check("key", "fails", "received after its key was revoked")
    if signature:
        return Check("key", "holds", "the key held when the report was received")
    return Check("key", "unknown", "no key took part")


def _number(head: Mapping[str, Any]) -> Check:
    if head["verdict"] == "conflict":
        return Check("number", "fails", "another report came under this number before")
    return Check("number", "holds", "the first that came under its number")


_CHAIN: Final = {
    "holds": Check("chain", "holds", "it names the hash of the report before it"),
    "broken": Check("chain", "fails", "the hash of the report before it, or its own in the next, is another"),
    "unknown": Check("chain", "unknown", "the report before it is missing, or it names none"),
}
_IDENTITY: Final = {
    True: Check("identity", "holds", "topic, sender and key are one device's"),
    False: Check("identity", "fails", "topic, sender and key are not one device's"),
}
_BUS: Final = {
    "agrees": Check("bus", "holds", "the vehicle's bus told the VIN that is registered"),
    "disagrees": Check("bus", "fails", "the vehicle's bus told another VIN, or a conflict about it is open"),
    "unknown": Check("bus", "unknown", "the vehicle's bus told no VIN in this start of the device"),
}
