"""The values that the rules speak of. Integers in fixed units: ms, 1e-7 degree, mm, 0.01 km/h, 0.01 HDOP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.events import Kind

NONE = -(1 << 62)
"""Stands for "not measured" where contents are compared."""


@dataclass(frozen=True, slots=True)
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
    received: int = 1 << 61

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
    """A visit that counts. ``leave`` is None while it is open.

    ``zone``: its number; ``outside``: the first believed fix after it, None while it is open.
    """

    zone: int
    enter: Bracket
    leave: Bracket | None
    how: str
    confidence: int = 1000
    outside: Sample | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A settled change of country: from zone to zone, and the first fix in the new one."""

    origin: int
    other: int
    bracket: Bracket
    since: Sample
