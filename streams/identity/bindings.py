"""Bindings: whether VIN and chassis number are one vehicle's, judged from all claims at an instant.

Two time axes: what was true at t, as it was known at k. The judgement depends on the claims alone, never
on their order. What the sources say counts by families: two of one family (two units of one bus) are one
witness. Nothing is decided by majority: any disagreement is a conflict until an officer settles it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streams.identity import chassis
from streams.identity.bus import bus_claim, read_bus, shape
from streams.identity.causes import CHASSIS, VIN, Finding, crosswise, disagreement, with_other
from streams.identity.chassis import follows
from streams.identity.claims import OFFICER, PRECEDENCE, Claim, claim_of
from streams.identity.difference import Cause, Difference, difference

__all__ = [
    "OFFICER",
    "PRECEDENCE",
    "BindingView",
    "Cause",
    "Claim",
    "Difference",
    "Finding",
    "bus_claim",
    "claim_of",
    "crosswise",
    "difference",
    "judge",
    "read_bus",
    "shape",
    "with_other",
]

CLAIMED: Final = "claimed"
BOUND: Final = "bound"
CONFLICT: Final = "conflict"
WITNESSES: Final = 2  # independent sources that must agree on both halves

_DERIVED: Final = "="  # the group of those whose chassis number follows from the VIN; no key is such


@dataclass(slots=True)
class BindingView:
    """What holds at t as known at k.

    ``state``: ``claimed`` (somebody says so; nobody at all when ``vin`` is None), ``bound`` (two independent
    sources or an officer agree on both halves), ``conflict``. ``vin``, ``chassis``, ``scheme``: those of
    the officer, else of the group that most agree on, else of the first by precedence; the chassis number
    in normal form. ``agreed``: the sources' families that say both halves of it; ``confirmed``: those
    that say the VIN half at least. ``conflicts``: by precedence of the source that differs,
    chassis numbers without what separates their parts, so that one difference has one pair of values.
    """

    vin: str | None
    chassis: str | None
    scheme: str | None
    state: str
    agreed: list[str]
    conflicts: list[Finding]
    confirmed: list[str]


def judge(claims: Iterable[Claim], at_ms: int, known_ms: int | None = None) -> BindingView:
    """The binding at ``at_ms`` as known at ``known_ms`` (inclusive; None: all that is known)."""
    revisions: dict[tuple[str, int], Claim] = {}
    known = [c for c in claims if c.known_ms <= known_ms] if known_ms is not None else list(claims)
    for claim in known:
        place = claim.source, claim.from_ms
        held = revisions.get(place)
        if held is None or claim.rank > held.rank:
            revisions[place] = claim
    newest: dict[str, Claim] = {}
    for claim in revisions.values():
        if claim.from_ms <= at_ms and (claim.to_ms is None or at_ms < claim.to_ms):
            held = newest.get(claim.source)
            if held is None or claim.rank > held.rank:
                newest[claim.source] = claim
    if not newest:
        return BindingView(None, None, None, CLAIMED, [], [], [])
    return _weigh(known, sorted(newest.values(), key=_precedence))


def _precedence(claim: Claim) -> tuple[int, str]:
    return claim.precedence, claim.source


def _weigh(known: list[Claim], holding: list[Claim]) -> BindingView:
    """The view of the claims that hold, one a source, by precedence."""
    first = next((c for c in holding if c.vin is not None), None)
    vin = None if first is None else first.vin
    officer = holding[0] if holding[0].family == OFFICER else None
    conflicts: list[Finding] = []
    groups: dict[str, list[Claim]] = {}
    confirmed: dict[str, None] = {}
    for claim in holding:
        if claim.vin is not None and vin is not None and first is not None:
            if claim.vin == vin:
                confirmed[claim.family] = None
            elif not _settled(claim, known, officer):
                conflicts.append(disagreement(VIN, claim.vin, vin, claim.source, first.source))
        if claim.reading is None:
            continue
        group = claim.reading.key
        if claim.reading.scheme in (chassis.VIN, chassis.VIS8) and vin is not None:
            if follows(claim.reading.scheme, vin) == group:
                group = _DERIVED
            elif claim.vin != vin and claim.reading.fits:
                continue  # the number of the vehicle whose VIN it says: that one conflict is enough
            elif not _excused(claim, holding, officer):
                if not _settled(claim, known, officer):
                    want = follows(claim.reading.scheme, vin) or ""
                    conflicts.append(disagreement(CHASSIS, group, want, claim.source, VIN))
                continue
        groups.setdefault(group, []).append(claim)
    conflicts += _unequal(groups, known, officer)
    return _view(vin, groups, conflicts, confirmed, officer)


def _unequal(groups: dict[str, list[Claim]], known: list[Claim], officer: Claim | None) -> list[Finding]:
    """Makers' own numbers that differ from the first of them; those that follow from the VIN stand apart."""
    if len(groups) < 2 or (officer is not None and officer in groups.get(_DERIVED, ())):
        return []
    own = [claims for group, claims in groups.items() if group != _DERIVED]
    want = own[0][0]
    return [
        disagreement(CHASSIS, _key(c), _key(want), c.source, want.source)
        for claims in own[1:]
        for c in claims
        if not _settled(c, known, officer)
    ]


def _view(
    vin: str | None,
    groups: dict[str, list[Claim]],
    conflicts: list[Finding],
    confirmed: dict[str, None],
    officer: Claim | None,
) -> BindingView:
    """The first group by precedence stands, unless an undisputed other one is agreed on and it is not."""
    standing: list[Claim] = []
    agreed: list[str] = []
    for claims in groups.values():
        both = sorted({c.family for c in claims if c.family in confirmed})
        if not standing or (len(both) >= WITNESSES and not conflicts and officer is None):
            standing, agreed = claims, both
        if len(agreed) >= WITNESSES or conflicts:
            break
    if conflicts:
        state = CONFLICT
    else:
        state = BOUND if len(agreed) >= WITNESSES or (officer and officer.vin) else CLAIMED
    reading = standing[0].reading if standing else None
    text, scheme = (None, None) if reading is None else (reading.text or None, reading.scheme)
    return BindingView(vin, text, scheme, state, agreed, _once(conflicts), sorted(confirmed))


def _key(claim: Claim) -> str:
    return "" if claim.reading is None else claim.reading.key


def _excused(claim: Claim, holding: list[Claim], officer: Claim | None) -> bool:
    """A number that does not follow from the VIN, and needn't.

    The officer saw it so; or its scheme was only guessed, and another source states that such is the
    maker's own number.
    """
    reading = claim.reading
    if reading is None or claim is officer:
        return True
    if officer is not None and officer.reading is not None and officer.reading.key == reading.key:
        return True
    return not reading.stated and any(
        c.reading is not None and c.reading.scheme == chassis.OEM and c.reading.key == reading.key
        for c in holding
    )


def _settled(claim: Claim, known: list[Claim], officer: Claim | None) -> bool:
    """Whether the officer knew that this source says this: then its repetition is no news."""
    if officer is None:
        return False
    by = officer.known_ms, officer.order
    return claim is officer or any(c.said == claim.said and (c.known_ms, c.order) <= by for c in known)


def _once(conflicts: list[Finding]) -> list[Finding]:
    """One conflict for each pair of values; the source first by precedence is named."""
    if len(conflicts) < 2:
        return conflicts
    found: dict[tuple[str, str, str], Finding] = {}
    for conflict in conflicts:
        found.setdefault((conflict.what, conflict.got, conflict.want), conflict)
    return list(found.values())
