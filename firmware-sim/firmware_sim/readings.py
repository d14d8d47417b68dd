"""What a unit reads that changes rarely: the VIN and the control unit on the bus, the electronic seal.

Read as facts by units that decode their bus themselves, as broadcast transfers by those that pass it on. A
fact is told at a boot and when what is read has changed, a transfer every ten minutes as well. Faults
decide what is read in place of the truth.
"""

from __future__ import annotations

from typing import Any

from firmware_sim import can
from firmware_sim.faults import Faults, Reading
from firmware_sim.identity import Identity
from firmware_sim.scenario import VehicleOptions

AGAIN_S = 600
ECU_MAKE, ECU_MODEL = "BOSCH", "EDC17CV44"
_VIN_LENGTH = 17


class Readings:
    """The readings of one unit; ``into_s`` are seconds since the scenario's start."""

    def __init__(self, who: Identity, vehicle: VehicleOptions, faults: Faults) -> None:
        self._who, self._vehicle, self._faults = who, vehicle, faults
        self._told: dict[str, object] = {}
        self._sent_s = 0

    def forget(self) -> None:
        """A boot: everything is read and told anew."""
        self._told, self._sent_s = {}, 0

    def vin(self, into_s: float) -> Reading:
        """The VIN on the bus."""
        return self._faults.reading("vin", into_s) or Reading("vin", self._who.vin)

    def serial(self, into_s: float) -> str:
        """The serial number of the engine's control unit."""
        found = self._faults.reading("ecu", into_s)
        return found.value if found is not None else f"E{self._who.vin[-8:]}"

    def bus_facts(self, t_ms: int, into_s: float) -> list[dict[str, Any]]:
        """What the bus says of identity, as the unit decodes it: what was not told since the boot."""
        head, found, vin = {"t": t_ms, "source": can.ENGINE}, [], self.vin(into_s)
        if self._new("vin", vin):
            fact = {"t": t_ms, "kind": "identity", "vin": vin.value, "source": can.ENGINE}
            if len(vin.value) < _VIN_LENGTH:
                fact["truncated"] = True
            elif vin.junk:
                fact["junk"] = vin.junk.hex()
            found.append(fact)
        serial = self.serial(into_s)
        if self._vehicle.components and self._new("ecu", serial):
            named = {"make": ECU_MAKE, "model": ECU_MODEL, "serial": serial, "unit": None}
            found.append({**head, "kind": "component", **named})
        return found

    def frames(self, t_s: int, t_ms: int, into_s: float) -> list[can.CanFrame]:
        """The same as transfers on the bus, every ten minutes and when something has changed."""
        vin, serial = self.vin(into_s), self.serial(into_s)
        changed = [self._new("vin", vin), self._vehicle.components and self._new("ecu", serial)]
        if not any(changed) and t_s - self._sent_s < AGAIN_S:
            return []
        self._sent_s = t_s
        found = can.vin(t_ms, vin.value, junk=vin.junk)
        if self._vehicle.components:
            found += can.component(t_ms + 2_000, ECU_MAKE, ECU_MODEL, serial)
        return found

    def seal_facts(self, t_ms: int, into_s: float) -> list[dict[str, Any]]:
        """The state of the seal, where there is one."""
        if self._vehicle.seal is None:
            return []
        fault = self._faults.reading("seal", into_s)
        state = fault.value if fault is not None else "locked"
        if not self._new("seal", state):
            return []
        return [{"t": t_ms, "kind": "seal", "seal": self._vehicle.seal, "state": state}]

    def _new(self, what: str, value: object) -> bool:
        """Whether ``value`` differs from what was told of ``what`` since the boot; then it counts as told."""
        if self._told.get(what) == value:
            return False
        self._told[what] = value
        return True
