"""Whether a case's two codes are bound to each other, since when, and which conflicts count.

While a case runs, the asset's binding says so as it stands. A filing's word ends with its case, and later
filings speak of the same asset: so a case that is over goes by what was known before its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.clearance.inputs import CaseInputs
from streams.identity.bindings import BOUND, CLAIMED, CONFLICT, claim_of, judge
from streams.identity.difference import bare


@dataclass(slots=True)
class Bound:
    """``since_ms`` None: not bound. ``disputed``: in conflict without an open conflict to name."""

    since_ms: int | None
    conflicts: list[dict[str, Any]]
    disputed: bool


def bound(inputs: CaseInputs, over: bool) -> Bound:
    """How the binding stands for a case; ``over``: the case was withdrawn, closed, or left released."""
    binding, conflicts = inputs.binding, inputs.conflicts
    state = binding["state"]
    if over or state == CLAIMED:
        end = _end(inputs)
        if end is not None:
            state = _before(binding, end)
            if over and conflicts:
                conflicts = [one for one in conflicts if one["first_ms"] <= end["known_ms"]]
    disputed = state == CONFLICT and not conflicts
    since = _since(inputs) if state == BOUND and not conflicts else None
    return Bound(since, conflicts, disputed)


def _end(inputs: CaseInputs) -> dict[str, Any] | None:
    """The claim by which the filing's word ended."""
    source = f"filing:{inputs.filing['reference']}"
    ended = [
        c for c in inputs.binding.get("claims") or () if c["source"] == source and c.get("to_ms") is not None
    ]
    return max(ended, key=_known) if ended else None


def _known(claim: dict[str, Any]) -> tuple[int, int]:
    return claim["known_ms"], claim.get("order", 0)


def _before(binding: dict[str, Any], end: dict[str, Any]) -> str:
    """The state of the binding just before the filing's word ended."""
    claims = [claim_of(one) for one in binding["claims"] if _known(one) < _known(end)]
    return judge(claims, max(end["from_ms"], end["known_ms"] - 1)).state


def _since(inputs: CaseInputs) -> int:
    """When the second source that agrees was known, or an officer settled it; not before the filing, nor
    before a source that had said something else (a filing that was amended) said so."""
    binding, lodged_ms = inputs.binding, int(inputs.filing["lodged_ms"])
    settled = binding.get("settled")
    if settled:
        return max(lodged_ms, int(settled.get("at_ms") or 0))
    first: dict[str, int] = {}
    agreed = binding["agreed"]
    for claim in binding.get("claims") or ():
        family = claim["source"].partition(":")[0]
        if family in agreed or family == "filing":
            held = first.get(family)
            if held is None or claim["known_ms"] < held:
                first[family] = claim["known_ms"]
    known = sorted(first.values())
    second = known[1] if len(known) > 1 else lodged_ms
    return max(lodged_ms, second, *_mended(inputs))


def _mended(inputs: CaseInputs) -> list[int]:
    """When each source that agrees, and had said something else before, came to say so."""
    own, end = f"filing:{inputs.filing['reference']}", _end(inputs)
    agreed, said = inputs.binding["agreed"], dict[str, list[tuple[Any, int]]]()
    for claim in sorted(inputs.binding.get("claims") or (), key=_known):
        source = claim["source"]
        if end is not None and _known(claim) >= _known(end):
            break
        if source != own and (source.startswith("filing:") or source.partition(":")[0] not in agreed):
            continue
        pair, told = (claim["vin"], bare(claim["chassis"] or "")), said.setdefault(source, [])
        if not told or told[-1][0] != pair:
            told.append((pair, claim["known_ms"]))
    return [told[-1][1] for told in said.values() if len(told) > 1]
