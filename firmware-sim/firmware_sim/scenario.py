"""A scenario: how many trucks, how their units speak, and what goes wrong. Values only.

``scenario_file`` reads one from TOML and checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from firmware_sim.faults import Attack, ClockDrift, Faults
from firmware_sim.kinematics import GateTimes
from firmware_sim.wire import Form


@dataclass(frozen=True, slots=True)
class UnitOptions:
    """How one unit speaks: its form, its receiver (``columns`` or ``nmea``) and its bus.

    ``can`` is ``columns`` (decoded by the unit), ``frames`` (raw) or ``none``; ``can_log`` is a candump
    recording whose frames are sent in place of simulated ones, over and over. ``datum`` is that of the
    positions that it sends: reports declare it, a plain receiver can't. ``sign`` is how it signs
    its reports: EdDSA, ES256, or ``none``.
    """

    form: Form = Form.CBOR
    gnss: str = "columns"
    can: str = "columns"
    can_log: Path | None = None
    cadence_s: int = 10
    batch: int = 5
    datum: str = "wgs84"
    sign: str = "none"

    @property
    def signs_if_told(self) -> bool:
        """Whether it could sign and was not told how."""
        return self.sign == "none" and self.form is Form.CBOR


@dataclass(frozen=True, slots=True)
class VehicleOptions:
    """What is told of one vehicle in place of what is invented; None leaves that as it is.

    ``start_km`` is its distance before the port of exit at the start; ``axle_load_kg`` what its bus says at
    all times; ``exit_min`` and ``entry_min`` its own minutes of control; ``seal`` the number of an electronic
    seal that its unit reads; ``components`` whether its bus names the engine's control unit.
    """

    vin: str | None = None
    chassis: str | None = None
    plates: tuple[str, ...] | None = None
    kind: str | None = None
    maker: str | None = None
    name: str | None = None
    fleet: str | None = None
    start_km: float | None = None
    axle_load_kg: float | None = None
    exit_min: tuple[float, float] | None = None
    entry_min: tuple[float, float] | None = None
    seal: str | None = None
    components: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario; ``faults``, ``units`` and ``vehicles`` say per truck what differs from the rest.

    With ``one_way`` trucks stay where they arrive.
    """

    name: str
    seed: int = 1
    trucks: int = 40
    prefix: str = "sim"
    first: str = "Kunming"
    last: str = "Vientiane"
    speed_up: float = 60.0
    start_lag_s: float = 172_800.0
    share_there: float = 0.55
    share_near_gate: float = 0.35
    near_gate_km: float = 4.0
    flash_bytes: int = 1 << 20
    one_way: bool = False
    gate: GateTimes = field(default_factory=GateTimes)
    unit: UnitOptions = field(default_factory=UnitOptions)
    units: Mapping[int, UnitOptions] = field(default_factory=dict)
    vehicles: Mapping[int, VehicleOptions] = field(default_factory=dict)
    faults: tuple[tuple[frozenset[int] | float, Faults], ...] = ()
    attacks: tuple[Attack, ...] = ()
    sign_share: float = 0.0

    def options(self, index: int) -> UnitOptions:
        """Of truck ``index``. One in the share that signs does so with Ed25519 where it speaks CBOR."""
        found = self.units.get(index, self.unit)
        chosen = (index * 0.618034) % 1 < self.sign_share
        return replace(found, sign="EdDSA") if chosen and found.signs_if_told else found

    def vehicle(self, index: int) -> VehicleOptions:
        return self.vehicles.get(index, VehicleOptions())

    def faults_of(self, index: int) -> Faults:
        """The faults of truck ``index``: those that name it, and those whose share of the fleet it is in."""
        found = Faults()
        for whose, fault in self.faults:
            chosen = index in whose if isinstance(whose, frozenset) else (index * 0.754877) % 1 < whose
            if chosen:
                found = Faults(
                    holes=found.holes + fault.holes,
                    cuts=found.cuts + fault.cuts,
                    drift=fault.drift if fault.drift != ClockDrift() else found.drift,
                    duplicate=max(found.duplicate, fault.duplicate),
                    reorder=max(found.reorder, fault.reorder),
                    readings=found.readings + fault.readings,
                )
        return found
