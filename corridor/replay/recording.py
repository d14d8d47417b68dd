"""A recording as a list of pieces: what was there at one moment, and when it is to be played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Frame = tuple[int, int, bytes]
"""A CAN frame: ms since 1970, 29-bit identifier, data."""


@dataclass(slots=True)
class Piece:
    """One moment of a recording.

    ``at_ms`` is when it is played (recorded time, ms); ``rows`` are samples as (instant in ms, wire
    columns), ``facts`` and ``frames`` as a report holds them, ``lines`` raw NMEA bytes.
    """

    at_ms: int
    rows: list[tuple[int, Mapping[str, float | int | None]]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    lines: bytes = b""

    def shifted(self, ms: int) -> Piece:
        """The same moment ``ms`` later; raw lines say their own times and stay as they are."""
        return Piece(
            self.at_ms + ms,
            [(t + ms, row) for t, row in self.rows],
            [{**fact, "t": fact["t"] + ms} for fact in self.facts],
            [(t + ms, ident, data) for t, ident, data in self.frames],
            self.lines,
        )


@dataclass(slots=True)
class Recording:
    """What a file of form ``kind`` holds, in playing order; ``skipped`` counts what could not be used."""

    name: str
    kind: str
    pieces: list[Piece]
    skipped: int = 0

    @property
    def last_ms(self) -> int:
        """The last moment, ms."""
        return max(piece.at_ms for piece in self.pieces)


_WIRE_LIMITS: Mapping[str, tuple[float, float]] = {
    "lon": (-180, 180),
    "lat": (-90, 90),
    "alt_m": (-12_000, 100_000),
    "speed_kmh": (0, 400),
    "heading_deg": (0, 360),
    "hdop": (0, 100),
    "sats": (0, 100),
    "fix": (0, 3),
    "odometer_m": (0, 3e10),
    "wheel_speed_kmh": (0, 400),
    "fuel_level_pct": (0, 100),
    "fuel_used_l": (0, 2.2e9),
    "engine_rpm": (0, 20_000),
    "engine_hours_h": (0, 2.2e8),
    "axle_load_kg": (0, 200_000),
    "coolant_c": (-273, 1_735),
    "ambient_c": (-273, 1_735),
    "battery_v": (0, 3_300),
}
_WHOLE = frozenset({"sats", "fix"})


def fitting(name: str, value: float | int | None) -> float | int | None:
    """A value as the wire's column ``name`` takes it; null where a recorder wrote what it can't mean.

    One impossible value would have the gateway refuse its whole report.
    """
    if value is None or name not in _WIRE_LIMITS:
        return value
    low, high = _WIRE_LIMITS[name]
    if not low <= value <= high:
        return None
    return int(value) if name in _WHOLE else value


def instant_ok(t_ms: int) -> bool:
    """Whether an instant lies in 1990-2100, as the gateway wants it."""
    return 631_152_000_000 <= t_ms <= 4_102_444_800_000


def place_ok(lon: float, lat: float) -> bool:
    """Whether a position is one on Earth."""
    return -180 <= lon <= 180 and -90 <= lat <= 90
