"""A VIN told to a person: its parts, whether it may be registered, and what a wrong one may have meant.

The words are for reading, the decision is ``vin.parse``'s. Country, maker and years are hints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.identity import vin as numbers
from streams.identity.chassis import ChassisError, check
from streams.identity.chassis import parse as parse_chassis
from streams.identity.makers import Makers
from streams.identity.proposals import Proposal, proposals


@dataclass(frozen=True, slots=True)
class Part:
    """Some characters of a VIN and what they say. ``positions``: from and to, counted from 1."""

    name: str
    positions: tuple[int, int]
    characters: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """``vin``: the normal form of ``entered``. ``ok``: it may be registered, and its chassis number fits.

    ``refused`` and ``warning``: why not, and what is odd. ``parts`` are there for 17 legal characters.
    ``chassis``: a sentence on the chassis number, None when none was asked about.
    """

    entered: str
    vin: str
    ok: bool
    refused: str | None
    warning: str | None
    parts: list[Part]
    proposals: list[Proposal]
    chassis: str | None

    def plain(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "entered": self.entered,
            "vin": self.vin,
            "ok": self.ok,
            "refused": self.refused,
            "warning": self.warning,
            "parts": [
                {"name": p.name, "positions": list(p.positions), "characters": p.characters, "text": p.text}
                for p in self.parts
            ],
            "proposals": [
                {"vin": p.vin, "positions": list(p.positions), "text": p.text} for p in self.proposals
            ],
            "chassis": self.chassis,
        }


def explain(text: str, makers: Makers, chassis: str | None = None, scheme: str | None = None) -> Explanation:
    """What there is to say of ``text`` as a VIN, and of a chassis number beside it. Raises nothing."""
    vin = numbers.normalise(text)
    refused = warning = None
    try:
        warning = numbers.parse(text).warning
    except numbers.VinError as error:
        refused = str(error)
    legal = numbers.well_formed(vin)
    fits, told = _chassis(chassis, scheme, vin if legal else None)
    parts = _parts(vin, makers) if legal else []
    found = proposals(vin, 5) if refused else []
    return Explanation(text, vin, refused is None and fits, refused, warning, parts, found, told)


def _parts(vin: str, makers: Makers) -> list[Part]:
    return [
        Part("maker", (1, 3), vin[:3], _maker(vin, makers)),
        Part("vehicle", (4, 8), vin[3:8], "type, body, engine: coded by the maker"),
        Part("check digit", (9, 9), vin[8], _check(vin)),
        Part("model year", (10, 10), vin[9], _years(vin)),
        Part("plant", (11, 11), vin[10], "coded by the maker"),
        Part("serial number", (12, 17), vin[11:], _serial(vin)),
    ]


def _maker(vin: str, makers: Makers) -> str:
    maker, country = makers.maker(vin), makers.country(vin)
    where = country.name if country else "a country that the table does not know"
    if vin[2] == "9":
        return f"a small maker ({numbers.maker_key(vin)}), {where}"
    if maker is None:
        return f"a maker that the table does not know, {where}"
    unsure = ", unverified" if maker.source == "unverified" else ""
    return f"{maker.name}, {where} (a hint{unsure})"


def _check(vin: str) -> str:
    rule, want = numbers.check_rule(vin), numbers.check_digit(vin)
    if rule is None:
        return "not required of this maker's region"
    return f"right; must hold ({rule})" if vin[8] == want else f"wrong, want {want}; must hold ({rule})"


def _years(vin: str) -> str:
    years = numbers.model_years(vin)
    if not years:
        return "no year's code"
    sure = "" if numbers.check_rule(vin) else ", if this maker gives the year here"
    return f"{years[0]}, or {years[1]}{sure}"


def _serial(vin: str) -> str:
    return f"maker {vin[11:14]}, number {vin[14:]}" if vin[2] == "9" else "of the vehicle"


def _chassis(text: str | None, scheme: str | None, vin: str | None) -> tuple[bool, str | None]:
    if text is None and scheme is None:
        return True, None
    try:
        found = parse_chassis(text, scheme, vin)
    except ChassisError as error:
        return False, str(error)
    how = f"scheme {found.scheme}{'' if found.stated else ' as it seems'}"
    if found.scheme == "NONE":
        return True, f"no chassis number ({how})"
    wrong = None if vin is None else check(found, vin)
    if wrong is not None:
        return False, f"{found.text} ({how}) does not agree with the VIN: {wrong.text}"
    follows = "agrees with the VIN" if found.fits else "does not follow from the VIN"
    return True, f"{found.text} ({how}) {follows}"
