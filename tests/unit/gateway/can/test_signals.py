"""Signals: vectors of the standard's notes, cantools, and canboat's own decode."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.can.j1939 import Id, highest_valid, split
from gateway.can.signals import GROUPS, Group, decode, raw_values
from tests.unit.gateway.can.candump import DATA, frame, read_screen


def values(text: str) -> dict[str, float]:
    _, id29, data = frame(text)
    return {name: value for name, (value, _) in decode(GROUPS[split(id29).pgn], data).items()}


def physical(text: str) -> dict[str, float]:
    """All signals of the group as cantools scales them, nulls left out."""
    _, id29, data = frame(text)
    group = GROUPS[split(id29).pgn]
    scaled = group.message.decode(data, decode_choices=False)
    raw = raw_values(group, data)
    return {
        signal.name: scaled[signal.name]
        for signal in group.message.signals
        if raw[signal.name] <= highest_valid(signal.length)
    }


@pytest.mark.parametrize(
    ("id29", "want"),
    [
        (0x18FEE000, Id(6, 65248, 255, 0)),
        (0x0CF00400, Id(3, 61444, 255, 0)),
        (0x18ECFF00, Id(6, 60416, 255, 0)),
        (0x18EAFFF9, Id(6, 59904, 255, 0xF9)),
        (0x19E2400B, Id(6, 0x1E200, 0x40, 0x0B)),
        (0x19EF000B, Id(6, 0x1EF00, 0, 0x0B)),
        (0x1CF00400, Id(7, 61444, 255, 0)),
    ],
)
def test_ids_are_split(id29: int, want: Id) -> None:
    assert split(id29) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("0CF00400 20 7D 87 48 14 00 F0 87", {"engine_rpm": 649, "engine_torque_pct": 10}),
        ("0CF00400 F1 9F 7D 00 00 00 F6 7D", {"engine_rpm": 0, "engine_torque_pct": 0}),
        ("0CF00400 11 22 33 60 09 66 77 88", {"engine_rpm": 300, "engine_torque_pct": -74}),
        ("18FEE000 BB 00 00 00 07 F8 06 00", {"odometer_m": 57_088_875, "trip_distance_m": 23_375}),
        ("18FEE000 FF FF FF FF B0 5C 68 00", {"odometer_m": 854_934_000}),
        ("18FEC117 32 3A AE 00 63 22 03 00", {"odometer_m": 57_090_810, "trip_distance_m": 1_027_055}),
        ("18FEC100 B8 38 AE 00 FF FF FF FF", {"odometer_m": 57_088_920}),
        ("18FEE900 89 00 00 00 D2 9B 00 00", {"fuel_used_l": 19_945}),
        ("18FEEE00 33 FE 64 23 FF FF FF FF", {"coolant_c": 11, "oil_temperature_c": 10.125}),
        ("18FEFC00 FF CC FF FF FF FF 00 FF", {"fuel_level_pct": 81.6, "fuel_level_2_pct": 0}),
        ("18FEF200 00 00 00 00 AE 00 4A FF", {"fuel_rate_lph": 0, "fuel_economy_km_per_l": 0}),
        (
            "18FEF100 FF 00 00 CC FF 00 00 F0",
            {"wheel_speed_kmh": 0, "cruise_active": 0, "brake_switch": 0, "cruise_set_speed_kmh": 0},
        ),
        ("18FEF500 C5 FF FF 20 02 FF FF FF", {"barometric_kpa": 98.5}),  # ambient -256 degC: implausible
        ("18FEE500 FE 05 00 00 FF FF FF FF", {"engine_hours_h": 76.7}),
        ("18FEC100 80 14 06 00 FF FF FF FF", {"odometer_m": 1_992_320}),
        ("18FEE000 FF FF FF FF 80 14 06 00", {"odometer_m": 49_808_000}),
        ("18FEC100 FF FF FF FA FF FF FF FB", {"odometer_m": 21_055_406_075}),
        ("18FEE500 FF FF FF FA FF FF FF FF", {"engine_hours_h": 210_554_060.75}),
        ("18FEF300 3C EA CC 89 90 C5 C7 B9", {"bus_lat_deg": 21.19079, "bus_lon_deg": 101.68772}),
        ("18FEF500 FE FF", {}),  # cut off
        ("18FEC000 FF 00 00 FF FF FF FF FF", {"service_distance_km": -160_635}),
    ],
)
def test_frames_of_the_standard(text: str, want: dict[str, float]) -> None:
    assert values(text) == pytest.approx(want)


def test_all_signals_of_a_frame() -> None:
    assert physical("18FEF200 00 00 00 00 AE 00 4A FF") == pytest.approx(
        {
            "EngineFuelRate": 0,
            "InstantaneousFuelEconomy": 0,
            "AverageFuelEconomy": 0.33984375,
            "ThrottleValvePosition1": 29.6,
        }
    )
    assert physical("18FEE600 28 15 03 01 39 29 7D 85") == pytest.approx(
        {
            "Seconds": 10,
            "Minutes": 21,
            "Hours": 3,
            "Month": 1,
            "Day": 14.25,  # raw 57: the 15th, as raw 1 to 4 is day 1
            "Year": 2026,
            "LocalMinuteOffset": 0,
            "LocalHourOffset": 8,
        }
    )
    assert physical("0CF00400 F1 9F 7D 00 00 00 F6 7D")["DriverDemandTorque"] == 34


@pytest.mark.parametrize(
    ("bits", "want"),
    [(2, 1), (3, 5), (4, 13), (8, 0xFA), (16, 0xFAFF), (32, 0xFAFFFFFF)],
)
def test_ranges_end_below_error_and_not_available(bits: int, want: int) -> None:
    assert highest_valid(bits) == want


@given(st.sampled_from(sorted(GROUPS)), st.binary(min_size=8, max_size=8))
def test_every_value_is_what_cantools_scales_or_null(pgn: int, data: bytes) -> None:
    group = GROUPS[pgn]
    scaled = group.message.decode(data, decode_choices=False)
    found = decode(group, data)
    for signal in group.signals:
        metres = 1000 if signal.spn in (244, 245) else 1
        want = scaled[signal.dbc] * metres
        raw = raw_values(group, data)[signal.dbc]
        if signal.name in found and found[signal.name][1] is signal:
            assert raw <= signal.limit
            assert found[signal.name][0] == pytest.approx(want)
        else:
            assert raw > signal.limit or not signal.low <= want <= signal.high


@given(st.sampled_from(sorted(GROUPS)), st.binary(max_size=7))
def test_cut_frames_give_the_signals_that_are_whole(pgn: int, data: bytes) -> None:
    whole = decode(GROUPS[pgn], data + bytes(8 - len(data)))
    assert {name: value for name, (value, _) in decode(GROUPS[pgn], data).items()}.items() <= {
        name: value for name, (value, _) in whole.items()
    }.items()


# canboat's names of the signals that the DBC has, with the factor to its unit.
CANBOAT: dict[int, dict[str, tuple[str, float]]] = {
    61443: {
        "Accelerator Pedal Position 1": ("AcceleratorPedalPosition1", 1),
        "Engine Percent Load At Current Speed": ("EngineLoadAtCurrentSpeed", 1),
    },
    61444: {
        "Engine RPM": ("EngineSpeed", 1),
        "Engine Torque Mode": ("EngineTorqueMode", 1),
        "Actual Engine - Percent Torque High Resolution": ("ActualTorqueFraction", 1),
        "Engine Starter Mode": ("EngineStarterMode", 1),
    },
    65262: {
        "Engine Coolant Temp": ("EngineCoolantTemperature", 1),
        "Engine Fuel Temp 1": ("FuelTemperature", 1),
        "Engine Oil Temp 1": ("EngineOilTemperature", 1),
        "Engine Turbocharger Oil Temp": ("TurboOilTemperature", 1),
        "Engine Intercooler Temp": ("IntercoolerTemperature", 1),
    },
    65266: {
        "Fuel Rate": ("EngineFuelRate", 1),
        "Instantaneous Fuel Economy": ("InstantaneousFuelEconomy", 1),
        "Average Fuel Economy": ("AverageFuelEconomy", 1),
        "Throttle Position": ("ThrottleValvePosition1", 1),
    },
    65269: {"Barometric Pressure": ("BarometricPressure", 0.01)},
    65271: {"Battery Voltage": ("BatteryPotential", 1)},
}

# What canboat decodes of these groups and we don't compare, and why.
NOT_COMPARED = {
    "Driver's Demand Engine - Percent Torque": "not available (FF) in every frame; canboat says -1 %",
    "Actual Engine - Percent Torque": "as above",
    "Engine Demand - Percent Torque": "as above",
    "Estimated Pumping - Percent Torque": "not among our signals",
    "Source Address of Controlling Device for Engine Control": "not among our signals",
    "Accelerator Pedal 1 Low Idle Switch": "not among our signals",
    "Accelerator Pedal 2 Low Idle Switch": "not among our signals",
    "Accelerator Pedal Kickdown Switch": "not among our signals",
    "Accelerator Pedal Position 2": "not among our signals",
    "Actual Maximum Available Engine - Percent Torque": "not among our signals",
    "Engine Intercooler Thermostat Opening": "not among our signals",
    "Momentary Engine Maximum Power Enable": "not among our signals",
    "Remote Accelerator Pedal Position": "not among our signals",
    "Road Speed Limit Status": "not among our signals",
    "Vehicle Acceleration Rate Limit Status": "not among our signals",
}
OTHER_GROUPS = {60928: "address claim", 65226: "DM1: tested as a fact", 65270: "inlet and exhaust conditions"}

_OUT = re.compile(r"\S+\s+\d+\s+(\d+)\s+\d+\s+(\d+) [^:]+:  (.*)")


def canboat() -> list[tuple[int, int, dict[str, str]]]:
    """Source, PGN and fields of each line of canboat's output."""
    found = []
    for line in (DATA / "j1939-pgn-test.out").read_text("utf-8").splitlines():
        match = _OUT.match(line)
        assert match is not None, line
        fields = dict(part.split(" = ", 1) for part in match[3].split("; "))
        found.append((int(match[1]), int(match[2]), fields))
    return found


def same(raw: int, limit: int, scaled: Any, factor: float, text: str) -> bool:
    if raw > limit:
        return text == "Unknown"
    number, _, _ = text.partition(" ")
    decimals = len(number.partition(".")[2])
    return bool(abs(scaled * factor - float(number)) <= 0.500001 * 10**-decimals)


def test_canboat_gives_the_same_for_every_signal_we_know() -> None:
    frames, lines = read_screen("j1939-pgn-test.in"), canboat()
    assert len(frames) == len(lines) == 853
    compared, left = 0, set()
    for (_, id29, data), (source, pgn, fields) in zip(frames, lines, strict=True):
        assert (split(id29).source, split(id29).pgn) == (source, pgn)
        if pgn in OTHER_GROUPS:
            continue
        group: Group = GROUPS[pgn]
        raw, scaled = raw_values(group, data), group.message.decode(data, decode_choices=False)
        for field, text in fields.items():
            if field not in CANBOAT[pgn]:
                left.add(field)
                continue
            name, factor = CANBOAT[pgn][field]
            limit = highest_valid(group.message.get_signal_by_name(name).length)
            assert same(raw[name], limit, scaled[name], factor, text), (hex(id29), data.hex(), field, text)
            compared += 1
    assert compared > 2500
    assert left == set(NOT_COMPARED)
