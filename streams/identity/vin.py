"""Vehicle identification numbers: ISO 3779 form, and the check digit where the maker's region must use it.

Pure. Nothing is repaired: a wrong number is refused with what was got and wanted, and what may have been
meant is proposed beside it. Check digits follow 49 CFR 565 and GB 16735 (position 9, weights below,
modulo 11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from streams.identity.difference import bare
from streams.identity.lookalikes import CYRILLIC, meant

LENGTH: Final = 17
ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
VALUES: Final = {
    **{digit: int(digit) for digit in "0123456789"},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
CHECK_PLACE: Final = 8  # position 9, counted from 0

_MUST_CHECK: Final = {
    **dict.fromkeys("LH", "China, GB 16735"),
    **dict.fromkeys("123457", "North America, 49 CFR 565"),
}
_GB_CHECK: Final = re.compile(r"[0-9X]")
_GB_SERIAL: Final = re.compile(r"[0-9A-HJ-NPR-Z]{3}[0-9]{5}|[0-9A-HJ-NPR-Z]{5}[0-9]{3}")
_YEARS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"
_FORM: Final = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


class VinError(ValueError):
    """Not a VIN that can be registered; the message names what was got and wanted.

    ``code`` is ``length``, ``character``, ``check_digit`` or ``override``; ``position`` counts from 1.
    """

    def __init__(self, message: str, code: str, position: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.position = position


@dataclass(frozen=True, slots=True)
class Vin:
    """A well-formed VIN. ``warning`` says what is odd about it though allowed, else None.

    ``override``: the reason for which a person took it in spite of its check digit, else None.
    """

    text: str
    warning: str | None
    override: str | None = None


def normalise(text: str) -> str:
    """NFKC, upper case, without spaces, hyphens and the star marks stamped around a number."""
    return bare(text)


def well_formed(vin: str) -> bool:
    """17 characters of the alphabet; nothing is said of the check digit."""
    return _FORM.fullmatch(vin) is not None


def check_digit(vin: str) -> str:
    """The check digit that belongs to 17 legal characters, whatever stands at position 9."""
    remainder = sum([VALUES[c] * w for c, w in zip(vin, WEIGHTS, strict=True)]) % 11
    return "X" if remainder == 10 else str(remainder)


def check_rule(vin: str) -> str | None:
    """The rule by which the maker's region must use the check digit; None where it says nothing."""
    return _MUST_CHECK.get(vin[:1])


def plausible(vin: str) -> bool:
    """Well-formed, and the check digit holds wherever it must: may be the number of some vehicle."""
    return well_formed(vin) and (vin[0] not in _MUST_CHECK or vin[CHECK_PLACE] == check_digit(vin))


def gb_finding(vin: str) -> str | None:
    """What is not as GB 16735 has it in 17 legal characters: position 9, the digits at the end; else None."""
    if not _GB_CHECK.fullmatch(vin[CHECK_PLACE]):
        return f"position 9: got {vin[CHECK_PLACE]}, want 0-9 or X (GB 16735)"
    if not _GB_SERIAL.fullmatch(vin[9:]):
        return f"positions 13 to 17: got {vin[12:]}, want digits, small makers three at the end (GB 16735)"
    return None


@lru_cache(maxsize=4096)  # a filing's is read when it is checked, and for what is odd about it
def parse(text: str, override: str | None = None) -> Vin:
    """The VIN in ``text`` as entered by a person or a file. Raises VinError.

    ``override`` is a person's reason to take a number whose check digit fails though it must hold (read
    off the vehicle, say); it is kept with the number. It excuses nothing else.
    """
    vin = bare(text)
    if len(vin) != LENGTH:
        raise VinError(f"length: got {len(vin)} characters, want {LENGTH}", "length")
    if not well_formed(vin):
        place, character = next((n, c) for n, c in enumerate(vin, 1) if c not in ALPHABET)
        raise VinError(_illegal(place, character), "character", place)
    if override is not None and not override.strip():
        raise VinError("override: got no reason, want why the number is taken as it is", "override")
    warnings = []
    want = check_digit(vin)
    overridden = None
    if vin[CHECK_PLACE] != want:
        finding = f"check digit at position 9: got {vin[CHECK_PLACE]}, want {want}"
        if vin[0] not in _MUST_CHECK:
            warnings.append(f"{finding} (not required of this maker's region)")
        elif override is None:
            raise VinError(finding, "check_digit", 9)
        else:
            overridden = override.strip()
            warnings.append(f"{finding} (taken all the same: {overridden})")
    if vin[0] in "LH" and (odd := gb_finding(vin)):
        warnings.append(odd)
    return Vin(vin, "; ".join(warnings) or None, overridden)


def model_years(vin: str) -> tuple[int, ...]:
    """The years that position 10 may mean, the likelier first; none for a character that means no year.

    The code returns every 30 years. In North America position 7 tells the two cycles apart (49 CFR 565.15,
    light vehicles); elsewhere the newer one is put first, and a maker may use the position for anything.
    """
    index = _YEARS.find(vin[9:10]) if vin[9:10] else -1
    if index < 0:
        return ()
    years = 1980 + index, 2010 + index
    north_american = vin[0] in "123457"
    return years if north_american and vin[6].isdigit() else years[::-1]


def maker_key(vin: str) -> str:
    """What names the maker: the first three characters; of a small maker (third is 9) 12 to 14 too."""
    return vin[:3] + vin[11:14] if vin[2:3] == "9" else vin[:3]


def _illegal(place: int, character: str) -> str:
    hint = meant(character)
    named = f"Cyrillic {character}" if character in CYRILLIC else character
    suggestion = f" (a VIN has no {named}; is it {hint}?)" if hint else ""
    return f"character at position {place}: got {character!r}, want 0-9 or A-Z without I, O, Q{suggestion}"
