import itertools

import pytest

from firmware_sim import can


def test_identifiers_of_the_standards_examples() -> None:
    assert can.can_id(61444, 0x00, priority=3) == 0x0CF00400
    assert can.can_id(65248, 0x00) == 0x18FEE000
    assert can.can_id(60416, 0x00) == 0x18ECFF00
    assert can.can_id(59904, 0xF9, destination=0xFF) == 0x18EAFFF9


def test_the_vin_goes_out_as_the_synthetic_transfer_of_the_standard() -> None:
    frames = can.vin(1_000, "LZZTESTA6PN000001")
    assert [f"{frame.ident29:08X} {frame.data.hex(' ').upper()}" for frame in frames] == [
        "18ECFF00 20 12 00 03 FF EC FE 00",
        "18EBFF00 01 4C 5A 5A 54 45 53 54",
        "18EBFF00 02 41 36 50 4E 30 30 30",
        "18EBFF00 03 30 30 31 2A FF FF FF",
    ]
    gaps = [b.t_ms - a.t_ms for a, b in itertools.pairwise(frames)]
    assert all(50 <= gap <= 200 for gap in gaps)


SIGNALS = {
    "engine_rpm": 649.0, "wheel_speed_kmh": 62.5, "odometer_m": 57_090_810.0, "fuel_level_pct": 81.6,
    "fuel_used_l": 19_945.25, "engine_hours_h": 76.7, "ambient_c": 21.5, "coolant_c": 86.0,
    "battery_v": 27.8, "axle_load_kg": 8_900.5,
}  # fmt: skip


def decoded(frames: list[can.CanFrame]) -> dict[str, float]:
    """The signals by the start byte, length, scale and offset of the J1939 Digital Annex."""
    table = {
        61444: ("engine_rpm", 3, 2, 0.125, 0), 65265: ("wheel_speed_kmh", 1, 2, 1 / 256, 0),
        65217: ("odometer_m", 0, 4, 5, 0), 65276: ("fuel_level_pct", 1, 1, 0.4, 0),
        64777: ("fuel_used_l", 4, 4, 0.001, 0), 65253: ("engine_hours_h", 0, 4, 0.05, 0),
        65269: ("ambient_c", 3, 2, 1 / 32, -273), 65262: ("coolant_c", 0, 1, 1, -40),
        65271: ("battery_v", 4, 2, 0.05, 0), 65258: ("axle_load_kg", 1, 2, 0.5, 0),
    }  # fmt: skip
    found = {}
    for frame in frames:
        name, start, size, scale, offset = table[frame.ident29 >> 8 & 0x3FFFF]
        raw = int.from_bytes(frame.data[start : start + size], "little")
        if raw < 0xFB << 8 * (size - 1):
            found[name] = raw * scale + offset
    return found


def test_frames_carry_the_signals() -> None:
    frames = can.frames(5, SIGNALS)
    assert decoded(frames) == pytest.approx(SIGNALS, abs=0.02)
    assert all(len(frame.data) == 8 and frame.t_ms == 5 for frame in frames)


def test_what_is_absent_or_out_of_range_is_not_available() -> None:
    assert decoded(can.frames(5, dict.fromkeys(SIGNALS))) == {}
    assert "wheel_speed_kmh" not in decoded(can.frames(5, SIGNALS | {"wheel_speed_kmh": 300.0}))
    assert "coolant_c" not in decoded(can.frames(5, SIGNALS | {"coolant_c": -60.0}))


@pytest.mark.parametrize("size", [8, 1786])
def test_a_transfer_of_the_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"got {size} bytes, want 9 to 1785"):
        can.broadcast(0, 65260, bytes(size))
