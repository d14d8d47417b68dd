"""What a wrong VIN may have been meant to be: proposals for a person, never a repair.

A proposal changes one character, exchanges two neighbours, or reads the letters that no VIN has as the
digits they look like. It always makes the check digit right and never changes position 9, for changing
the check digit itself makes any number right. Proposals are ranked: look-alikes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streams.identity.difference import bare
from streams.identity.lookalikes import alike, meant
from streams.identity.vin import (
    ALPHABET,
    CHECK_PLACE,
    LENGTH,
    VALUES,
    WEIGHTS,
    check_digit,
    check_rule,
    gb_finding,
)

_BY_VALUE: Final = {v: "".join(c for c in ALPHABET if VALUES[c] == v) for v in range(10)}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A VIN whose check digit is right. ``positions`` that were changed count from 1.

    ``rank``: 0 letters that no VIN has were read as what they look like, 1 one look-alike, 2 neighbours
    exchanged, 3 any other character; 10 more when it breaks the form of GB 16735 where that holds.
    """

    vin: str
    positions: tuple[int, ...]
    text: str
    rank: int


def proposals(text: str, most: int = 10) -> list[Proposal]:
    """At most ``most`` proposals for a VIN with a wrong character or check digit, the best first.

    Empty for one that is right, that has not 17 characters, or whose region uses no check digit (there
    nothing tells a right guess from a wrong one, but letters that no VIN has are read all the same).
    """
    vin = bare(text)
    if len(vin) != LENGTH:
        return []
    if any(c not in ALPHABET for c in vin):
        return _read_illegal(vin)
    if check_rule(vin) is None or check_digit(vin) == vin[CHECK_PLACE]:
        return []
    found = {p.vin: p for p in sorted([*_exchanged(vin), *_changed(vin)], key=_order, reverse=True)}
    return sorted(found.values(), key=_order)[:most]


def _order(proposal: Proposal) -> tuple[int, tuple[int, ...], str]:
    return proposal.rank, proposal.positions, proposal.vin


def _read_illegal(vin: str) -> list[Proposal]:
    places = [n for n, c in enumerate(vin) if c not in ALPHABET]
    read = list(vin)
    for n in places:
        read[n] = meant(vin[n]) or vin[n]
    made = "".join(read)
    if any(c not in ALPHABET for c in made):
        return []
    if check_rule(made) is not None and check_digit(made) != made[CHECK_PLACE]:
        return []
    told = "; ".join(f"position {n + 1}: got {vin[n]}, perhaps {made[n]}" for n in places)
    return [Proposal(made, tuple(n + 1 for n in places), told, 0)]


def _changed(vin: str) -> Iterator[Proposal]:
    """Every single character but the ninth whose change makes the sum fit the check digit that is there."""
    check = 10 if vin[CHECK_PLACE] == "X" else int(vin[CHECK_PLACE]) if vin[CHECK_PLACE].isdigit() else None
    if check is None:
        return
    total = sum(VALUES[c] * w for c, w in zip(vin, WEIGHTS, strict=True))
    for n, (was, weight) in enumerate(zip(vin, WEIGHTS, strict=True)):
        if n == CHECK_PLACE:
            continue
        value = (check - total + VALUES[was] * weight) * pow(weight, -1, 11) % 11
        for new in _BY_VALUE.get(value, ""):
            made = vin[:n] + new + vin[n + 1 :]
            text = f"position {n + 1}: got {was}, perhaps {new}"
            yield Proposal(made, (n + 1,), text, (1 if alike(was, new) else 3) + _odd(made, vin))


def _exchanged(vin: str) -> Iterator[Proposal]:
    for n in range(LENGTH - 1):
        if CHECK_PLACE in (n, n + 1) or vin[n] == vin[n + 1]:
            continue
        made = vin[:n] + vin[n + 1] + vin[n] + vin[n + 2 :]
        if check_digit(made) == made[CHECK_PLACE]:
            text = f"positions {n + 1} and {n + 2}: got {vin[n : n + 2]}, perhaps {made[n : n + 2]}"
            yield Proposal(made, (n + 1, n + 2), text, 2 + _odd(made, vin))


def _odd(made: str, vin: str) -> int:
    """A change of the maker's region is as unlikely as a form that the region doesn't have."""
    return 10 if check_rule(made) != check_rule(vin) or (made[0] in "LH" and gb_finding(made)) else 0
