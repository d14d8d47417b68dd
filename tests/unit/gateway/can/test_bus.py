"""Portions of a bus as samples and facts: real logs, sources, instants."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.can import TransportState, decode_can
from gateway.can.facts import CI, DI, DM1, TCO1, VI, read_facts
from tests.unit.gateway.can.candump import frame, read_log

VIN = "LZZTESTA6PN000001"


def facts(pgn: int, data: bytes) -> list[dict[str, Any]]:
    found = read_facts(5, pgn, 3, data)
    assert all((fact.pop("t"), fact.pop("source")) == (5, 3) for fact in found)
    return found


def test_a_machine_tells_its_vin_with_junk_behind_it() -> None:
    result = decode_can(read_log("FCBF0606_truck_tp.log"))
    assert [fact for fact in result.facts if fact["kind"] == "identity"] == [
        {
            "t": 1_622_548_006_756,
            "kind": "identity",
            "source": 0,
            "vin": "1L06130RELP969468",
            "junk": "3e2c05295d0701270101",
        }
    ]
    assert (result.dropped, result.standard) == (0, 0)


def test_a_truck_with_mixed_identifiers() -> None:
    frames = read_log("11111111_truck.log.gz")
    result = decode_can(frames)
    assert len(frames) == 57_849
    assert result.standard == sum(id29 < 0x800 for _, id29, _ in frames) == 12_278
    assert result.dropped == 0
    (fault,) = result.facts
    assert (fault["kind"], fault["mil"], fault["red_stop"], fault["protect"]) == (
        "fault_code",
        "on",
        "off",
        None,
    )
    assert [(code["spn"], code["fmi"], code["count"]) for code in fault["codes"]] == [
        (980, 9, 126),
        (3216, 20, 2),
        (609, 9, 1),
        (609, 12, 3),
    ]
    assert len(result.samples) == len({t_ms // 1000 for t_ms, _, _ in frames})
    assert result.samples[0][1]["odometer_m"] == 13_832_875
    assert all(600 < values["engine_rpm"] < 700 for _, values in result.samples)
    assert all(values["wheel_speed_kmh"] == 0 for _, values in result.samples if "wheel_speed_kmh" in values)


def test_snippets_of_pretty_j1939() -> None:
    (sample,) = decode_can(read_log("pretty_j1939_candump.log")).samples
    assert sample[1] == pytest.approx(
        {"odometer_m": 854_934_000, "odometer_source": 0, "engine_rpm": 649, "engine_torque_pct": 10}
    )
    codes = [fact["codes"] for fact in decode_can(read_log("pretty_j1939_test_dm1.log")).facts]
    assert codes == [[], [{"spn": 91, "fmi": 3, "count": 1, "conversion": 0}]]
    requests = decode_can(read_log("pretty_j1939_test_requests.log"))
    assert (requests.samples, requests.facts, requests.dropped) == ([], [], 0)


def test_a_vin_of_two_reports_is_completed_by_the_state() -> None:
    lines = [
        "18ECFF00 20 12 00 03 FF EC FE 00",
        "18EBFF00 01 4C 5A 5A 54 45 53 54",
        "18EBFF00 02 41 36 50 4E 30 30 30",
        "18EBFF00 03 30 30 31 2A FF FF FF",
    ]
    frames = [frame(line, at * 100) for at, line in enumerate(lines)]
    state = TransportState()
    assert decode_can(frames[:2], state).facts == []
    assert decode_can(frames[2:], state).facts == [{"t": 300, "kind": "identity", "source": 0, "vin": VIN}]
    assert decode_can(frames[2:]).facts == []


@pytest.mark.parametrize(
    ("data", "want"),
    [
        (VIN.encode() + b"*", [{"kind": "identity", "vin": VIN}]),
        (VIN.encode() + b"\xff\xff*", [{"kind": "identity", "vin": VIN}]),
        (VIN.encode() + b"\x01\x02*", [{"kind": "identity", "vin": VIN, "junk": "0102"}]),
        (b"PN000001*", [{"kind": "identity", "vin": "PN000001", "truncated": True}]),
        (b"lzztesta6pn000001*", [{"kind": "identity", "vin": "lzztesta6pn000001", "truncated": False}]),
        (b"\xff" * 17 + b"*", []),
        (b"                 *", []),
    ],
)
def test_a_vin_is_reported_as_it_is(data: bytes, want: list[dict[str, Any]]) -> None:
    assert facts(VI, data) == want


def test_components_and_drivers() -> None:
    assert facts(CI, b"BNDWS*EC80ESP *0000000000**") == [
        {"kind": "component", "make": "BNDWS", "model": "EC80ESP", "serial": "0000000000", "unit": None}
    ]
    assert facts(CI, b"****") == []
    assert facts(DI, b"CHN1234567*LAO99*") == [
        {"kind": "driver", "slot": 1, "id": "CHN1234567"},
        {"kind": "driver", "slot": 2, "id": "LAO99"},
    ]
    assert facts(TCO1, bytes([0b00_111_011])) == [{"kind": "driver", "slot": 1, "state": "drive"}]
    assert facts(TCO1, bytes([0b00_000_110])) == [{"kind": "driver", "slot": 2, "state": "rest"}]


@pytest.mark.parametrize(
    ("data", "mil", "codes"),
    [
        ("40 FF 5B 00 03 01 FF FF", "on", [(91, 3, 1)]),
        ("00 FF 00 00 00 00 FF FF", "off", []),
        ("03 FF 00 00 00 00 FF FF", "off", []),
        (
            "00 FF 5B 00 03 01 5C 00 04 02 5D 00 05 03 5E 00 06 04",
            "off",
            [(91, 3, 1), (92, 4, 2), (93, 5, 3), (94, 6, 4)],
        ),
        ("00 FF FF FF FF FF FF FF", "off", []),
    ],
)
def test_fault_codes(data: str, mil: str, codes: list[tuple[int, int, int]]) -> None:
    (fact,) = facts(DM1, bytes.fromhex(data))
    assert fact["mil"] == mil
    assert [(code["spn"], code["fmi"], code["count"]) for code in fact["codes"]] == codes


def test_a_fault_that_goes_is_told() -> None:
    lines = ["18FECA00 40 FF 5B 00 03 01 FF FF"] * 3 + ["18FECA00 00 FF 00 00 00 00 FF FF"] * 2
    result = decode_can([frame(line, at * 1000) for at, line in enumerate(lines)])
    assert [(fact["t"], len(fact["codes"])) for fact in result.facts] == [(0, 1), (3000, 0)]


FINE_ENGINE = "18FEC100 B8 38 AE 00 FF FF FF FF"  # 57,088,920 m
FINE_CLUSTER = "18FEC117 32 3A AE 00 63 22 03 00"  # 57,090,810 m
COARSE = "18FEE000 BB 00 00 00 07 F8 06 00"  # 57,088,875 m


def odometers(*lines: tuple[int, str]) -> list[tuple[float | None, float | None]]:
    samples = decode_can([frame(line, t_ms) for t_ms, line in lines]).samples
    return [(values.get("odometer_m"), values.get("odometer_source")) for _, values in samples]


def test_the_finer_odometer_of_the_lowest_address_counts() -> None:
    assert odometers((0, COARSE), (1, FINE_CLUSTER), (2, FINE_ENGINE)) == [(57_088_920, 0)]


def test_the_chosen_odometer_stays_while_it_is_only_paused() -> None:
    seen = odometers((0, FINE_CLUSTER), (5_000, FINE_ENGINE), (9_000, COARSE), (10_000, FINE_CLUSTER))
    assert seen == [(57_090_810, 0x17)] * 2


def test_another_odometer_takes_over_after_a_minute_of_silence() -> None:
    assert odometers((0, FINE_CLUSTER), (61_000, FINE_ENGINE)) == [(57_090_810, 0x17), (57_088_920, 0)]
    assert odometers((0, COARSE), (1_000, FINE_ENGINE)) == [(57_088_875, 0), (57_088_920, 0)]


def test_axle_weights_add_up() -> None:
    lines = [
        "18FEEA00 00 E0 2E FF FF FF FF FF",
        "18FEEA00 10 40 1F FF FF FF FF FF",
        "18FEEA00 11 40 1F FF FF FF FF FF",
    ]
    ((_, values),) = decode_can([frame(line, at) for at, line in enumerate(lines)]).samples
    assert values == {"axle_load_kg": 14_000, "axle_0_load_kg": 6_000, "axle_1_load_kg": 8_000}


def test_frames_join_the_samples_that_exist() -> None:
    frames = [frame(FINE_ENGINE, t_ms) for t_ms in (900, 1_400, 3_100)]
    result = decode_can(frames, instants=(1_000, 2_000))
    assert [t_ms for t_ms, _ in result.samples] == [1_000, 3_100]


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 2**29 - 1), st.binary(max_size=8)), max_size=20)
)
def test_any_frames_give_ascending_samples_with_numbers(frames: list[tuple[int, int, bytes]]) -> None:
    result = decode_can(frames)
    instants = [t_ms for t_ms, _ in result.samples]
    assert instants == sorted(set(instants))
    assert all(type(value) is float for _, values in result.samples for value in values.values())
