"""What goes wrong, by the scenario: holes in coverage, doubled and reordered sending, clocks, power.

Every fault answers one question about a moment of simulated time; times are seconds since the scenario's
start. Nothing here keeps a state: whether a report is doubled is computed from its place in the chain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_sim.flash import Key
from firmware_sim.noise import fraction

CLONED, STOLEN, ROLLED_BACK, EDITED = "cloned_device", "stolen_key", "rolled_back_flash", "edited_buffer"


@dataclass(frozen=True, slots=True)
class CoverageHole:
    """No mobile network within an area, a period, or both (an area during a period)."""

    from_s: float = 0.0
    to_s: float = math.inf
    lon: float | None = None
    lat: float | None = None
    radius_m: float = 0.0

    def covers(self, t_s: float, lon: float, lat: float) -> bool:
        """Whether a truck at this place has no network now."""
        if not self.from_s <= t_s < self.to_s:
            return False
        if self.lon is None or self.lat is None:
            return True
        dx = (lon - self.lon) * 111_320 * math.cos(math.radians(lat))
        return math.hypot(dx, (lat - self.lat) * 110_574) <= self.radius_m


@dataclass(frozen=True, slots=True)
class PowerCut:
    """At ``at_s`` the unit loses its power for ``off_s``, and with it all samples not yet in a report."""

    at_s: float
    off_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ClockDrift:
    """The unit's clock is ``offset_s`` ahead at the start and gains ``ppm`` microseconds a second."""

    offset_s: float = 0.0
    ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """From ``at_s`` on the unit reads ``value`` of ``what`` (``vin``, ``ecu``, ``seal``), and not the truth.

    ``vin``: a VIN as the bus has it, perhaps too short; ``junk`` are the bytes behind it. ``ecu``: the serial
    number of another control unit. ``seal``: its state (locked, open, broken, tampered, replaced).
    """

    what: str
    value: str
    at_s: float = 0.0
    junk: bytes = b""


@dataclass(frozen=True, slots=True)
class Faults:
    """All faults of one unit; the default is none."""

    holes: tuple[CoverageHole, ...] = ()
    cuts: tuple[PowerCut, ...] = ()
    drift: ClockDrift = ClockDrift()
    duplicate: float = 0.0
    reorder: float = 0.0
    readings: tuple[Reading, ...] = ()

    def without_network(self, t_s: float, lon: float, lat: float) -> bool:
        return any(hole.covers(t_s, lon, lat) for hole in self.holes)

    def clock_error_ms(self, t_s: float) -> int:
        return round(1000 * self.drift.offset_s + self.drift.ppm * t_s / 1000)

    def cut_between(self, from_s: float, to_s: float) -> PowerCut | None:
        """The power cut that falls after ``from_s`` and not after ``to_s``."""
        return next((cut for cut in self.cuts if from_s < cut.at_s <= to_s), None)

    def reading(self, what: str, t_s: float) -> Reading | None:
        """What is read of ``what`` instead of the truth at ``t_s``: the fault that began last."""
        begun = [reading for reading in self.readings if reading.what == what and reading.at_s <= t_s]
        return max(begun, key=lambda reading: reading.at_s) if begun else None

    def order(self, device: str, keys: list[Key]) -> list[Key]:
        """The keys as this unit sends them: some twice, some after the one that follows them."""
        found: list[Key] = []
        held: Key | None = None
        for key in keys:
            if (
                self.reorder
                and held is None
                and fraction(device, key.boot, key.seq, "reorder") < self.reorder
            ):
                held = key
                continue
            found.append(key)
            if self.duplicate and fraction(device, key.boot, key.seq, "duplicate") < self.duplicate:
                found.append(key)
            if held is not None:
                found.append(held)
                held = None
        return found if held is None else [*found, held]


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack; seconds since the scenario's start.

    ``cloned_device``: from ``at_s`` a copy of the unit, with key and memory, is in truck ``on``.
    ``stolen_key``: a unit in truck ``on`` has the key alone. ``rolled_back_flash``: at ``at_s`` the memory
    becomes what it was at ``at_s - back_s``. ``edited_buffer``: one report that is kept is made to say slower
    speeds, as soon as one is.
    """

    kind: str
    of: int
    at_s: int
    on: int | None = None
    back_s: int = 0

    @property
    def rides(self) -> bool:
        """Whether it brings a unit of its own."""
        return self.kind in (CLONED, STOLEN)
