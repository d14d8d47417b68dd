"""Where two numbers differ, told by position, and what kind of error it looks like.

Compares what was got with what was wanted, both without spaces, hyphens and stars. The kind is read from
the two texts alone: that a number belongs to another vehicle is for those to say who know that vehicle.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streams.identity.lookalikes import alike

_DROP: Final = dict.fromkeys(n for n in range(128) if chr(n).isspace() or chr(n) in "-*")
_NOISE: Final = re.compile(r"[\s\-*]+")
_SHOWN: Final = 3  # differences told one by one
_SLIPS: Final = 3  # look-alikes that one hasty eye takes for another in one number


class Cause(StrEnum):
    """Why two values differ, as far as it can be told."""

    SAME = "same"
    SLIP = "slip"
    SWAPPED_PAIR = "swapped_pair"
    SWAPPED_UNIT = "swapped_unit"
    REPLACED_ECU = "replaced_ecu"
    TRUNCATED = "truncated"
    JUNK = "junk"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    """``position`` counts from 1 in the wanted value, None when nothing differs; ``text`` is for people."""

    position: int | None
    got: str
    want: str
    text: str
    cause: Cause


def bare(text: str) -> str:
    """NFKC, upper case, without spaces, hyphens and the star marks stamped around a number."""
    if text.isascii():
        return text.upper() if text.isalnum() else text.translate(_DROP).upper()
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).upper()


def difference(got: str, want: str) -> Difference:
    """What separates ``got`` from ``want``: a slip of a character, a part missing, junk behind, or more."""
    got, want = bare(got), bare(want)
    if got == want:
        return Difference(None, got, want, "the same", Cause.SAME)
    if len(got) == len(want):
        return _replaced(got, want)
    return _longer_or_shorter(got, want)


def _replaced(got: str, want: str) -> Difference:
    places = [n for n, (a, b) in enumerate(zip(got, want, strict=True)) if a != b]
    first = places[0]
    if (
        len(places) == 2
        and places[1] == first + 1
        and got[first : first + 2] == want[first : first + 2][::-1]
    ):
        text = f"positions {first + 1} and {first + 2} exchanged: got {got[first : first + 2]}"
        return Difference(first + 1, got, want, f"{text}, want {want[first : first + 2]}", Cause.SLIP)
    told = [f"position {n + 1}: got {got[n]}, want {want[n]}" for n in places[:_SHOWN]]
    if len(places) > _SHOWN:
        told.append(f"and {len(places) - _SHOWN} more")
    similar = len(places) <= _SLIPS and all(alike(got[n], want[n]) for n in places)
    cause = Cause.SLIP if len(places) == 1 or similar else Cause.UNKNOWN
    return Difference(first + 1, got, want, "; ".join(told), cause)


def _longer_or_shorter(got: str, want: str) -> Difference:
    first = next(
        (n for n, (a, b) in enumerate(zip(got, want, strict=False)) if a != b), min(len(got), len(want))
    )
    lengths = f"got {len(got)} characters, want {len(want)}"
    if not got:
        return Difference(1, got, want, f"nothing there: {lengths}", Cause.TRUNCATED)
    if len(got) > len(want):
        behind = got[len(want) :]
        if first == len(want):
            return Difference(first + 1, got, want, f"{behind} behind the end: {lengths}", Cause.JUNK)
        if got[:first] + got[first + 1 :] == want:
            text = f"position {first + 1}: {got[first]} is one too many ({lengths})"
            return Difference(first + 1, got, want, text, Cause.SLIP)
        return Difference(first + 1, got, want, f"from position {first + 1} on: {lengths}", Cause.UNKNOWN)
    missing = len(want) - len(got)
    if first == len(got):
        text = f"ends at position {first}, {want[first:]} missing: {lengths}"
        return Difference(first + 1, got, want, text, Cause.TRUNCATED)
    if want.endswith(got):
        return Difference(1, got, want, f"{want[:missing]} missing before it: {lengths}", Cause.TRUNCATED)
    if want[:first] + want[first + 1 :] == got:
        text = f"position {first + 1}: {want[first]} is missing ({lengths})"
        return Difference(first + 1, got, want, text, Cause.SLIP)
    return Difference(first + 1, got, want, f"from position {first + 1} on: {lengths}", Cause.UNKNOWN)
