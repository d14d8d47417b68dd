"""Chassis numbers: the second of the two codes, by the scheme that its maker or its papers use.

Schemes: ``VIN`` (the chassis number is the VIN), ``VIS8`` (its last eight characters), ``OEM`` (the
maker's own series and number), ``NONE`` (the papers say that there is none). The text is kept as entered
beside its normal form; an ``OEM`` number keeps its inner structure in the one and loses it only in the
key by which two are compared. Nothing is repaired.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from streams.identity.difference import Cause, Difference, bare, difference
from streams.identity.vin import LENGTH, well_formed

VIN: Final = "VIN"
VIS8: Final = "VIS8"
OEM: Final = "OEM"
NONE: Final = "NONE"
SCHEMES: Final = (VIN, VIS8, OEM, NONE)
VIS_LENGTH: Final = 8
MOST: Final = 40  # characters of a maker's own number

_SEPARATORS: Final = re.compile(r"[\s\-]*[\s\-][\s\-]*")
_NOTHING: Final = frozenset(("", "NONE", "N/A", "NA", "无", "ОТСУТСТВУЕТ", "НЕТ"))
_OEM: Final = re.compile(r"[\w./ \-]+")
_ROUNDED: Final = re.compile(r"[0-9]+[.,][0-9]+E[+\-]?[0-9]+|[0-9]+E[+\-][0-9]+|[0-9]+[.,]0+")
_VIS: Final = re.compile(r"[0-9A-HJ-NPR-Z]{5}[0-9]{3}")


class ChassisError(ValueError):
    """Not a chassis number; the message names what was got and wanted."""


class Chassis(NamedTuple):
    """A chassis number: as entered, in normal form, and the key by which two are compared.

    ``scheme`` is one of ``SCHEMES``; ``stated`` tells whether somebody said so or it was guessed.
    ``fits``: it follows from the VIN that it came with (``VIN`` and ``VIS8`` that agree with it).
    """

    original: str
    text: str
    key: str
    scheme: str
    stated: bool
    fits: bool


def normalise(text: str) -> str:
    """NFKC, upper case, without stars and outer spaces; what separates the parts is kept as one character."""
    if text.isascii() and text.isalnum():
        return text.upper()
    plain = unicodedata.normalize("NFKC", text).replace("*", " ").strip().upper()
    return _SEPARATORS.sub(lambda m: "-" if "-" in m[0] else " ", plain)


def guess(text: str, vin: str | None = None) -> str:
    """The scheme that ``text`` looks like, beside ``vin`` when that is known.

    Seventeen characters are a VIN; eight are its end when they are nearly that, or have the form that it
    has; whatever says that there is none is ``NONE``; all others are the maker's own.
    """
    return _guess(bare(text), vin)


def _guess(key: str, vin: str | None) -> str:
    if key in _NOTHING:
        return NONE
    if len(key) == LENGTH:
        return VIN
    if vin is not None and key == vin[9:]:
        return VIS8
    near_length = abs(len(key) - VIS_LENGTH) <= 1
    if vin is not None and near_length and difference(key, vin[9:]).cause is Cause.SLIP:
        return VIS8
    if len(key) == VIS_LENGTH and _VIS.fullmatch(key) and key[0] not in "0UZ":
        return VIS8
    return OEM


@lru_cache(maxsize=4096)
def parse(text: str | None, scheme: str | None = None, vin: str | None = None) -> Chassis:
    """The chassis number in ``text``. ``scheme`` None is guessed. Raises ChassisError.

    A number of scheme ``VIN`` or ``VIS8`` that disagrees with ``vin`` is no error here: ``check`` tells.
    """
    if scheme is not None and scheme not in SCHEMES:
        raise ChassisError(f"scheme of the chassis number: got {scheme!r}, want one of {', '.join(SCHEMES)}")
    original = text or ""
    key, stated = bare(original), scheme is not None
    scheme = scheme or _guess(key, vin)
    if scheme == NONE:
        if key not in _NOTHING:
            raise ChassisError(f"chassis number: got {original[:MOST]!r}, want nothing by scheme NONE")
        return Chassis(original, "", "", NONE, stated, False)
    if key in _NOTHING:
        raise ChassisError(f"chassis number: got {original[:MOST]!r}, want a number by scheme {scheme}")
    if key[0].isdigit() and _ROUNDED.fullmatch(unicodedata.normalize("NFKC", original).strip().upper()):
        raise ChassisError(
            f"chassis number: got {original[:MOST]!r}, a number that a spreadsheet rounded; want its text"
        )
    shown = normalise(original) if scheme == OEM else key
    _refuse_form(shown, key, scheme)
    return Chassis(original, shown, key, scheme, stated, vin is not None and key == follows(scheme, vin))


def follows(scheme: str, vin: str) -> str | None:
    """The chassis number that follows from ``vin`` by ``scheme``; None for a number of the maker's own."""
    return vin if scheme == VIN else vin[9:] if scheme == VIS8 else None


def check(chassis: Chassis, vin: str) -> Difference | None:
    """How a number that should follow from the VIN differs from that; None when it agrees or needn't."""
    want = follows(chassis.scheme, vin)
    return None if want is None or chassis.key == want else difference(chassis.key, want)


def _refuse_form(shown: str, key: str, scheme: str) -> None:
    if scheme == VIN and not well_formed(key):
        raise ChassisError(
            f"chassis number by scheme VIN: got {key[:MOST]!r}, want {LENGTH} of 0-9, A-Z without I, O, Q"
        )
    if scheme == VIS8 and len(key) != VIS_LENGTH:
        raise ChassisError(f"chassis number by scheme VIS8: got {len(key)} characters, want {VIS_LENGTH}")
    if len(shown) > MOST:
        raise ChassisError(f"chassis number: got {len(shown)} characters, want at most {MOST}")
    if not _OEM.fullmatch(shown):
        wrong = next(c for c in shown if not _OEM.fullmatch(c))
        raise ChassisError(f"chassis number: got {wrong!r} in {shown!r}, want letters, digits, spaces, - . /")
