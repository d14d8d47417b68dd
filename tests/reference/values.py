"""The values that the rules speak of. Integers in fixed units: ms, 1e-7 degree, mm, 0.01 km/h, 0.01 HDOP."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from streams.events import Kind

NONE = -(1 << 62)
"""Stands for "not measured" where contents are compared."""


@dataclass(frozen=True, slots=True, repr=False)
class Sample:
    """One sample with a position, and when its report was received. None: not measured."""

    t: int
    lon: int
    lat: int
    speed: int | None = None
    heading: int | None = None
    hdop: int | None = None
    sats: int | None = None
    fix: int | None = None
    odometer: int | None = None
    wheel: int | None = None
    received: int | None = None

    def __repr__(self) -> str:
        measured = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"Sample({', '.join(f'{name}={value}' for name, value in measured if value is not None)})"

    @property
    def content(self) -> tuple[int, ...]:
        """What makes two samples of one instant different, in the order that decides between them."""
        values = (
            self.lon,
            self.lat,
            self.speed,
            self.heading,
            self.hdop,
            self.sats,
            self.fix,
            self.odometer,
            self.wheel,
        )
        return tuple(NONE if value is None else value for value in values)


@dataclass(frozen=True, slots=True)
class Bracket:
    """Not before ``earliest`` (None: unknown), not after ``latest``; the estimate's time and place."""

    earliest: int | None
    latest: int
    estimate: int
    lon: int
    lat: int

    def data(self) -> dict[str, Any]:
        """As events carry it."""
        return {
            "earliest_ms": self.earliest,
            "latest_ms": self.latest,
            "estimate_ms": self.estimate,
            "lon_e7": self.lon,
            "lat_e7": self.lat,
        }


@dataclass(frozen=True, slots=True)
class Object:
    """One derived object: its kind and the content of its newest revision, without ``why``."""

    kind: Kind
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit. ``leave`` and ``outside`` (the first believed fix after it) are None while it is open.

    ``opened``: time of the first fix inside, of a cut that of the step's end. Numbers of fixes: ``first`` is
    that fix, ``counts`` the one that shows that the visit counts (None: it does not), ``over`` the one that
    ends it. ``shown_first``: known before the step's change of country (see rule 5, order at one step).
    """

    zone: int
    enter: Bracket
    leave: Bracket | None
    how: str
    confidence: int = 1000
    outside: Sample | None = None
    opened: int = 0
    first: int = 0
    counts: int | None = 0
    over: int | None = None
    shown_first: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A settled change of country, from zone to zone. ``since``: number of the first fix in the new one;
    ``settled``: of the one that settled it; ``way``: from the last fix in the old one to the first in the
    new one."""

    origin: int
    other: int
    bracket: Bracket
    since: int
    settled: int
    way: tuple[Sample, Sample]


@dataclass(frozen=True, slots=True)
class Countries:
    """How the country went: the lines, and at each fix the home before and after its change of country (-1:
    not known yet) and since which fix the asset is abroad after it (None: it is not)."""

    lines: list[Line]
    before: list[int]
    home: list[int]
    abroad: list[int | None]
