"""What a unit reads of identity and seals, true or by a fault, as facts and on the bus."""

from __future__ import annotations

from typing import Any

import pytest

from firmware_sim.faults import Faults, Reading
from firmware_sim.identity import invent
from firmware_sim.readings import Readings
from firmware_sim.scenario import VehicleOptions
from gateway.can.facts import CI, VI, read_facts

WHO = invent(1, "t", 0, 1)
ALL = VehicleOptions(seal="S-1", components=True)


def readings(*faults: Reading, vehicle: VehicleOptions = ALL) -> Readings:
    return Readings(WHO, vehicle, Faults(readings=faults))


def carried(frames: list[Any]) -> dict[int, bytes]:
    """What the broadcast transfers in ``frames`` carry, by parameter group."""
    found: dict[int, bytes] = {}
    pgn = size = 0
    for frame in frames:
        if frame.data[0] == 0x20 and (frame.ident29 >> 8) & 0xFF00 == 0xEC00:
            pgn, size = int.from_bytes(frame.data[5:8], "little"), int.from_bytes(frame.data[1:3], "little")
            found[pgn] = b""
        else:
            found[pgn] = (found[pgn] + frame.data[1:])[:size]
    return found


def test_what_is_read_is_told_once_a_boot() -> None:
    unit = readings()
    identity, component = unit.bus_facts(1_000, 0)
    assert (identity["kind"], identity["vin"], identity["source"]) == ("identity", WHO.vin, 0)
    assert (component["kind"], component["serial"]) == ("component", f"E{WHO.vin[-8:]}")
    assert unit.seal_facts(1_000, 0) == [{"t": 1_000, "kind": "seal", "seal": "S-1", "state": "locked"}]
    assert unit.bus_facts(2_000, 1) == []
    assert unit.seal_facts(2_000, 1) == []
    unit.forget()
    assert [fact["kind"] for fact in unit.bus_facts(3_000, 2)] == ["identity", "component"]


def test_a_plain_vehicle_has_neither_seal_nor_components() -> None:
    unit = readings(vehicle=VehicleOptions())
    assert [fact["kind"] for fact in unit.bus_facts(0, 0)] == ["identity"]
    assert unit.seal_facts(0, 0) == []


def test_a_replaced_control_unit_is_told_when_it_is_there() -> None:
    unit = readings(Reading("ecu", "E999", 50.0))
    assert unit.bus_facts(0, 49)[1]["serial"] != "E999"
    (fact,) = unit.bus_facts(0, 50)
    assert (fact["kind"], fact["serial"]) == ("component", "E999")


def test_of_several_faults_the_last_one_that_began_counts() -> None:
    unit = readings(Reading("seal", "broken", 60.0), Reading("seal", "open", 30.0))
    states = [fact["state"] for at in (0, 30, 45, 60, 90) for fact in unit.seal_facts(0, at)]
    assert states == ["locked", "open", "broken"]


@pytest.mark.parametrize(
    ("reading", "want"),
    [
        (Reading("vin", "LZGTESTC8RN700008"), {"vin": "LZGTESTC8RN700008"}),
        (Reading("vin", "LZGTESTC8RN"), {"vin": "LZGTESTC8RN", "truncated": True}),
        (
            Reading("vin", "LZGTESTC8RN700008", junk=b"\x41\x42"),
            {"vin": "LZGTESTC8RN700008", "junk": "4142"},
        ),
    ],
)
def test_facts_and_transfers_say_the_same_of_a_vin_on_the_bus(reading: Reading, want: dict[str, Any]) -> None:
    (fact, *_) = readings(reading).bus_facts(5_000, 0)
    assert fact == {"t": 5_000, "kind": "identity", "source": 0, **want}
    content = carried(readings(reading).frames(0, 5_000, 0))
    assert read_facts(5_000, VI, 0, content[VI]) == [fact]


def test_a_component_on_the_bus_is_the_one_of_the_facts() -> None:
    fact = readings().bus_facts(7_000, 0)[1]
    content = carried(readings().frames(0, 7_000, 0))
    assert read_facts(7_000, CI, 0, content[CI]) == [fact]


def test_transfers_come_again_every_ten_minutes_and_at_a_change() -> None:
    unit = readings(Reading("vin", "LZGTESTC8RN700008", 900.0))
    sent = [at for at in range(0, 1_801, 10) if unit.frames(at + 1_000_000, 0, at)]
    assert sent == [0, 600, 900, 1_500]
