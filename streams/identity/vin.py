"""Vehicle identification numbers: ISO 3779 form, and the check digit where the maker's region must use it.

Pure. Nothing is repaired: a wrong number is refused with what was got and wanted. Check digits follow
49 CFR 565 and GB 16735 (position 9, weights below, modulo 11).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LENGTH: Final = 17
_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
_VALUES: Final = {
    **{digit: int(digit) for digit in "0123456789"},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_MUST_CHECK: Final = frozenset("LH123457")  # China; USA, Canada, Mexico
_LOOKS_LIKE: Final = {"I": "1", "O": "0", "Q": "0"}
_NOISE: Final = re.compile(r"[\s\-*]+")


class VinError(ValueError):
    """Not a VIN that can be registered; the message names what was got and wanted."""


@dataclass(frozen=True, slots=True)
class Vin:
    """A well-formed VIN. ``warning`` says that a check digit which need not hold does not, else None."""

    text: str
    warning: str | None


def normalise(text: str) -> str:
    """NFKC, upper case, without spaces, hyphens and the star marks stamped around a number."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).upper()


def check_digit(vin: str) -> str:
    """The check digit that belongs to 17 legal characters, whatever stands at position 9."""
    remainder = sum(_VALUES[c] * w for c, w in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)


def parse(text: str) -> Vin:
    """The VIN in ``text`` as entered by a person or a file. Raises VinError."""
    vin = normalise(text)
    if len(vin) != LENGTH:
        raise VinError(f"length: got {len(vin)} characters, want {LENGTH}")
    for place, character in enumerate(vin, 1):
        if character not in _ALPHABET:
            raise VinError(_illegal(place, character))
    want = check_digit(vin)
    if vin[8] == want:
        return Vin(vin, None)
    finding = f"check digit at position 9: got {vin[8]}, want {want}"
    if vin[0] in _MUST_CHECK:
        raise VinError(finding)
    return Vin(vin, f"{finding} (not required of this maker's region)")


def _illegal(place: int, character: str) -> str:
    hint = _LOOKS_LIKE.get(character)
    meant = f" (a VIN has no {character}; is it {hint}?)" if hint else ""
    return f"character at position {place}: got {character!r}, want 0-9 or A-Z without I, O, Q{meant}"
