"""The two codes as they are compared, and when one is a slip of another.

A slip is one character wrong, missing or too many, two neighbours exchanged, or only look-alikes. What the
numbers mean, `streams.identity` says. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import ne
from typing import Final

from streams.identity import chassis, vin
from streams.identity.difference import Cause, bare, difference
from streams.identity.lookalikes import CYRILLIC

_FOLD: Final = {
    ord(one): other
    for one, other in {
        **CYRILLIC,
        "B": "8",
        "В": "8",
        "I": "1",
        "O": "0",
        "Q": "0",
        "S": "5",
        "Z": "2",
    }.items()
}
_LOOK_ALIKES: Final = 3  # as many as `difference` takes for a slip; more only where all of them fold


@dataclass(frozen=True, slots=True)
class Slip:
    """Where ``got`` first differs from ``want``, from 1, and a sentence; ``only`` that position differs."""

    position: int
    text: str
    only: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks against a VIN: ``form`` when it is none, ``check`` when only its check digit fails."""

    form: str | None
    check: str | None


_SOUND: Final = Verdict(None, None)


def normal(text: str) -> str:
    """A code as it is compared: NFKC, upper case, without spaces, hyphens and stars."""
    return bare(text)


def normal_chassis(text: str) -> str:
    """As ``normal``; empty for words that say that there is none."""
    code = bare(text)
    if (code.isalpha() or not code.isalnum()) and chassis.guess(code) == chassis.NONE:
        return ""
    return code


def fold(code: str) -> str:
    """``code`` with each look-alike as one character: what looks the same is the same."""
    return code.translate(_FOLD)


def slip(got: str, want: str) -> Slip | None:
    """How ``got`` is a slip of ``want``; None when it is more than one, or none."""
    if not got or not want or abs(len(got) - len(want)) > 1:
        return None
    apart = sum(map(ne, got, want)) if len(got) == len(want) else 1
    if not apart or (apart > _LOOK_ALIKES and fold(got) != fold(want)):
        return None
    found = difference(got, want)
    one_end = len(got) != len(want) and found.cause in (Cause.TRUNCATED, Cause.JUNK)
    if found.cause is not Cause.SLIP and not one_end and fold(got) != fold(want):
        return None
    return Slip(found.position or 1, found.text, apart == 1 and len(got) == len(want))


def derived(code: str, of_vin: str) -> str | None:
    """The scheme under which a chassis number comes out of the VIN: VIN, VIS8, or None when it does not."""
    if len(of_vin) != vin.LENGTH or not code:
        return None
    return next((s for s in (chassis.VIN, chassis.VIS8) if code == chassis.follows(s, of_vin)), None)


def expected(want: str, want_vin: str, got: str) -> str:
    """The chassis number ``want``, written as long as ``got`` where it comes out of the VIN."""
    if derived(want, want_vin) is None:
        return want
    return want_vin[9:] if abs(len(got) - chassis.VIS_LENGTH) <= 1 else want_vin


class Verdicts:
    """Verdicts on VINs, each judged once."""

    def __init__(self) -> None:
        self._known: dict[str, Verdict] = {}

    def of(self, code: str) -> Verdict:
        """The verdict on a normalised VIN."""
        found = self._known.get(code)
        if found is None:
            found = self._known[code] = _judge(code)
        return found


def _judge(code: str) -> Verdict:
    try:
        vin.parse(code)
    except vin.VinError as error:
        message = str(error)
        return Verdict(None, message) if error.code == "check_digit" else Verdict(message, None)
    return _SOUND
