"""From J1939 groups to the wire's signals: the DBC says where a value lies, the tables here what it is.

``decode`` gives what one frame says, by wire name, nulls left out. Which of several groups and sources
counts for a signal is decided by ``gateway.can.sources``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cantools

from gateway.can.j1939 import highest_valid, split


@dataclass(frozen=True, slots=True)
class Signal:
    """A wire signal that a group carries: ``raw * scale + offset`` in the wire's unit.

    ``rank`` orders groups that carry the same signal, 0 best; ``low`` and ``high`` are what is
    physically plausible.
    """

    name: str
    dbc: str
    spn: int
    limit: int
    scale: float
    offset: float
    rank: int
    low: float
    high: float


# SPN: wire name. Columns of the protocol first, then signals kept by name.
_NAMES: Final = {
    84: "wheel_speed_kmh",
    917: "odometer_m",
    245: "odometer_m",
    190: "engine_rpm",
    96: "fuel_level_pct",
    5054: "fuel_used_l",
    250: "fuel_used_l",
    247: "engine_hours_h",
    582: "axle_load_kg",
    110: "coolant_c",
    171: "ambient_c",
    168: "battery_v",
    183: "fuel_rate_lph",
    184: "fuel_economy_km_per_l",
    38: "fuel_level_2_pct",
    1040: "gas_used_kg",
    1761: "adblue_pct",
    5837: "fuel_type_code",
    1624: "tacho_speed_kmh",
    904: "front_axle_speed_kmh",
    86: "cruise_set_speed_kmh",
    918: "trip_distance_m",
    244: "trip_distance_m",
    914: "service_distance_km",
    91: "accelerator_pct",
    92: "engine_load_pct",
    513: "engine_torque_pct",
    521: "brake_pedal_pct",
    523: "current_gear",
    70: "parking_brake",
    597: "brake_switch",
    598: "clutch_switch",
    595: "cruise_active",
    3948: "pto_engaged",
    1611: "vehicle_motion",
    1614: "overspeed",
    1619: "reverse",
    100: "oil_pressure_kpa",
    108: "barometric_kpa",
    1087: "brake_air_1_kpa",
    1088: "brake_air_2_kpa",
    174: "fuel_temperature_c",
    175: "oil_temperature_c",
    172: "intake_air_c",
    170: "cab_c",
    79: "road_surface_c",
    169: "cargo_c",
    180: "trailer_weight_kg",
    181: "cargo_weight_kg",
    1585: "vehicle_weight_kg",
    1760: "combination_weight_kg",
    1725: "bellow_front_left_kpa",
    1726: "bellow_front_right_kpa",
    1727: "bellow_rear_left_kpa",
    1728: "bellow_rear_right_kpa",
    1808: "yaw_rate_rad_per_s",
    1809: "lateral_acceleration_ms2",
    1810: "longitudinal_acceleration_ms2",
    584: "bus_lat_deg",
    585: "bus_lon_deg",
    580: "bus_altitude_m",
    165: "bus_heading_deg",
    517: "bus_speed_kmh",
}

_KM_TO_M: Final = frozenset((245, 244))
_SECOND_CHOICE: Final = frozenset((245, 250, 244))  # the same signal exists with a finer resolution

# Sensors that are not fitted often send the coding's lower end (-273 or -256 degC) as a valid value.
_PLAUSIBLE: Final = {
    "ambient_c": (-70.0, 70.0),
    "cab_c": (-70.0, 100.0),
    "cargo_c": (-70.0, 100.0),
    "road_surface_c": (-70.0, 100.0),
    "oil_temperature_c": (-70.0, 250.0),
    "bus_lat_deg": (-90.0, 90.0),
    "bus_lon_deg": (-180.0, 180.0),
    "bus_heading_deg": (0.0, 360.0),
}


@dataclass(frozen=True, slots=True)
class Group:
    """A parameter group of the DBC with the signals that we take from it."""

    pgn: int
    message: Any
    signals: tuple[Signal, ...]


def load(path: Path) -> dict[int, Group]:
    """Groups by PGN, from a DBC whose signals carry their SPN as an attribute."""
    database: Any = cantools.database.load_file(path, strict=True)
    groups: dict[int, Group] = {}
    for message in database.messages:
        pgn = split(message.frame_id).pgn
        signals = [_signal(found) for found in message.signals if found.spn in _NAMES]
        groups[pgn] = Group(pgn, message, tuple(signals))
    return groups


def _signal(found: Any) -> Signal:
    name, factor = _NAMES[found.spn], 1000 if found.spn in _KM_TO_M else 1
    low, high = _PLAUSIBLE.get(name, (float("-inf"), float("inf")))
    return Signal(
        name,
        found.name,
        found.spn,
        highest_valid(found.length),
        float(found.scale) * factor,
        float(found.offset) * factor,
        1 if found.spn in _SECOND_CHOICE else 0,
        low,
        high,
    )


GROUPS: Final = load(Path(__file__).with_name("j1939.dbc"))


def raw_values(group: Group, data: bytes) -> dict[str, int]:
    """Raw values by DBC name, those in the group's valid ranges; signals behind the data's end missing."""
    found: dict[str, int] = group.message.decode(
        data, decode_choices=False, scaling=False, allow_truncated=len(data) < 8
    )
    return found


def decode(group: Group, data: bytes) -> dict[str, tuple[float, Signal]]:
    """What a frame of this group says, by wire name; error, not available and implausible left out."""
    raw = raw_values(group, data)
    result: dict[str, tuple[float, Signal]] = {}
    for signal in group.signals:
        value = raw.get(signal.dbc)
        if value is not None and value <= signal.limit:
            scaled = value * signal.scale + signal.offset
            if signal.low <= scaled <= signal.high:
                result[signal.name] = (scaled, signal)
    return result
