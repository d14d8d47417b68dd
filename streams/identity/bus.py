"""What a vehicle's bus says of its identity, held against the registry: VIN (65260), components (65259).

The VIN on the bus is that of the control unit that sends it, so it confirms the VIN half of a binding
only, and only as long as nobody changed that unit. Component ids are held against what the same source
address said before; a chassis number is looked for among them only where the registry says that this
maker puts it there. Facts are as the gateway decodes them: never repaired, junk kept beside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from streams.identity.causes import CHASSIS, COMPONENT, VIN, Finding, disagreement
from streams.identity.chassis import ChassisError
from streams.identity.claims import Claim
from streams.identity.difference import Cause, bare, difference
from streams.identity.vin import LENGTH, plausible, well_formed

TELLING: Final = 8  # characters of a cut VIN from which a difference says something about the vehicle
REGISTRY: Final = "registration"

_PARTS: Final = ("make", "model", "serial")
_LETTER: Final = re.compile(r"[A-Z]")
_DIGIT: Final = re.compile(r"[0-9]")


def read_bus(
    fact: Mapping[str, Any],
    asset: Mapping[str, Any],
    earlier: Mapping[str, Any] | None = None,
    other: str | None = None,
) -> Finding | None:
    """What is wrong with an identity or component fact of ``asset`` (its registry data); None when nothing.

    ``earlier``: the component fact that the same source address told before, None when it never did.
    ``other``: the id of another asset whose VIN this is, where that is known already. Facts of other
    kinds, and components that say nothing comparable, give None.
    """
    kind = fact.get("kind")
    if kind == "identity":
        found = _vin(fact, str(asset["vin"]))
        if found is not None and other is not None and found.real and found.position is not None:
            return replace(found, cause=Cause.SWAPPED_UNIT, other=other)
        return found
    if kind == "component":
        return _chassis(fact, asset) or _replaced(fact, earlier)
    return None


def bus_claim(
    fact: Mapping[str, Any], asset: Mapping[str, Any], known_ms: int, order: int = 0
) -> Claim | None:
    """The claim that a fact makes for ``judge``: a whole VIN, or the registered kind of chassis number.

    Known at ``known_ms``, true from the fact's own instant on. None when the fact proves neither half:
    a VIN cut off or a placeholder claims nothing.
    """
    source, t_ms, evidence = f"can:{fact['source']}", int(fact["t"]), "65260"
    if fact.get("kind") == "identity":
        vin = bare(str(fact["vin"]))
        if len(vin) != LENGTH or fact.get("truncated") or len(set(vin)) == 1:
            return None
        return Claim(source, vin, None, None, t_ms, None, known_ms, "", evidence, order)
    if fact.get("kind") != "component":
        return None
    got = _chassis_on_bus(fact, asset)
    if got is None:
        return None
    scheme = asset.get("chassis_scheme")
    try:
        return Claim(source, None, got, scheme, t_ms, None, known_ms, "", "65259", order)
    except ChassisError:
        return None


def shape(text: str) -> str:
    """The form of a number: A for each letter, 9 for each digit."""
    return _DIGIT.sub("9", _LETTER.sub("A", bare(text)))


def _vin(fact: Mapping[str, Any], want: str) -> Finding | None:
    told, source = str(fact["vin"]), f"can:{fact['source']}"
    got, junk = bare(told), fact.get("junk")
    if got == want:
        if not junk:
            return None
        text = f"VIN by {source} is right, behind it stand {len(junk) // 2} bytes of junk: {junk}"
        return Finding(VIN, got, want, LENGTH + 1, source, REGISTRY, Cause.JUNK, text, real=False)
    found = disagreement(VIN, got, want, source, REGISTRY)
    if len(set(got)) <= 1:
        text = f"VIN by {source} is a placeholder, {told!r}: the unit was never given one"
        return replace(found, position=None, cause=Cause.JUNK, text=text, real=False)
    if want in got:
        text = f"VIN by {source} stands among other characters: {told!r}"
        return replace(found, cause=Cause.JUNK, text=text, real=False)
    if len(got) < LENGTH and found.cause is not Cause.SLIP:
        agrees = found.cause is Cause.TRUNCATED
        real = not agrees and len(got) >= TELLING
        same = "agrees as far as it goes" if agrees else found.text
        text = f"VIN by {source} is cut off, {len(got)} of {LENGTH} characters, {got}: {same}"
        return replace(found, cause=Cause.TRUNCATED, text=text, real=real)
    if found.cause is Cause.UNKNOWN:
        why = "a check digit that fails" if well_formed(got) else "characters that no VIN has"
        return replace(found, text=f"{found.text}; no vehicle's number: {why}")
    if found.cause is Cause.SLIP and plausible(got) and len(got) == LENGTH:
        return replace(found, text=f"{found.text}; its check digit holds all the same")
    return found


def _replaced(fact: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> Finding | None:
    """Make, model and serial number against the earlier ones; what either does not say tells nothing."""
    if earlier is None:
        return None
    named = [n for n in _PARTS if fact.get(n) and earlier.get(n)]
    if all(bare(str(fact[n])) == bare(str(earlier[n])) for n in named):
        return None
    got, want = (" ".join(str(f[n]) for n in named) for f in (fact, earlier))
    source = f"can:{fact['source']}"
    differs = [n for n in named if bare(str(fact[n])) != bare(str(earlier[n]))]
    first = differs[0]
    found = difference(str(fact[first]), str(earlier[first]))
    cut = differs == ["serial"] and found.cause in (Cause.TRUNCATED, Cause.JUNK)
    cause = found.cause if cut else Cause.REPLACED_ECU
    what = "was read only in part" if cut else "was replaced"
    text = f"the unit at address {fact['source']} {what}: {first} {fact[first]}, before {earlier[first]}"
    position = found.position if len(differs) == 1 else None
    return Finding(COMPONENT, got, want, position, source, f"{source} before", cause, text, real=not cut)


def _chassis_on_bus(fact: Mapping[str, Any], asset: Mapping[str, Any]) -> str | None:
    """The text among a component's that is the chassis number or has its form; None when there is none.

    Every unit tells a serial number of its own, so only one of the registered number's form counts.
    """
    want = asset.get("chassis")
    if not asset.get("chassis_on_bus") or not want:
        return None
    texts = [str(fact[n]) for n in ("unit", "serial") if fact.get(n)]
    same = [text for text in texts if bare(text) == bare(want)]
    return next(iter(same or [text for text in texts if shape(text) == shape(want)]), None)


def _chassis(fact: Mapping[str, Any], asset: Mapping[str, Any]) -> Finding | None:
    got = _chassis_on_bus(fact, asset)
    if got is None or bare(got) == bare(asset["chassis"]):
        return None
    return disagreement(CHASSIS, bare(got), bare(asset["chassis"]), f"can:{fact['source']}", REGISTRY)
