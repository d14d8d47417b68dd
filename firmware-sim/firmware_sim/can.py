"""The vehicle's bus: J1939 frames made of signal values, and the VIN as a broadcast transfer.

Identifiers and scalings are those of the J1939 Digital Annex (SPN in brackets below); what a frame does
not carry is filled with FF, "not available". A frame is (time in ms, 29-bit id, 8 bytes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

ENGINE, BODY = 0x00, 0x21
_NA8, _NA16, _NA32 = 0xFF, 0xFFFF, 0xFFFFFFFF


class CanFrame(NamedTuple):
    """One frame as it stands in a report's ``can`` list."""

    t_ms: int
    ident29: int
    data: bytes


def can_id(pgn: int, source: int, priority: int = 6, destination: int = 0xFF) -> int:
    """The 29-bit identifier; ``destination`` counts only for PDU1 groups (PF below 240)."""
    if (pgn >> 8) & 0xFF < 240:
        pgn |= destination
    return priority << 26 | pgn << 8 | source


def _raw(value: float | None, scale: float, offset: float, size: int) -> bytes:
    """A value as ``size`` little-endian bytes, FF where absent or out of the valid range."""
    top = {1: 0xFA, 2: 0xFAFF, 4: 0xFAFFFFFF}[size]
    if value is not None and math.isfinite(value):
        raw = round((value - offset) / scale)
        if 0 <= raw <= top:
            return raw.to_bytes(size, "little")
    return b"\xff" * size


def frames(t_ms: int, s: Mapping[str, float | None]) -> list[CanFrame]:
    """One round of the bus: the groups that carry the wire's signals ``s``; missing ones are "n/a"."""

    def of(pgn: int, body: bytes, source: int = ENGINE, priority: int = 6) -> CanFrame:
        return CanFrame(t_ms, can_id(pgn, source, priority), body)

    get = s.get
    return [
        of(
            61444, b"\xff\xff\xff" + _raw(get("engine_rpm"), 0.125, 0, 2) + b"\xff\xff\xff", priority=3
        ),  # 190
        of(65265, b"\xff" + _raw(get("wheel_speed_kmh"), 1 / 256, 0, 2) + b"\xff" * 5),  # 84
        of(65217, _raw(get("odometer_m"), 5, 0, 4) + b"\xff" * 4),  # 917
        of(65276, b"\xff" + _raw(get("fuel_level_pct"), 0.4, 0, 1) + b"\xff" * 6, BODY),  # 96
        of(64777, b"\xff" * 4 + _raw(get("fuel_used_l"), 0.001, 0, 4)),  # 5054
        of(65253, _raw(get("engine_hours_h"), 0.05, 0, 4) + b"\xff" * 4),  # 247
        of(65269, b"\xff\xff\xff" + _raw(get("ambient_c"), 1 / 32, -273, 2) + b"\xff\xff\xff", BODY),  # 171
        of(65262, _raw(get("coolant_c"), 1, -40, 1) + b"\xff" * 7),  # 110
        of(65271, b"\xff" * 4 + _raw(get("battery_v"), 0.05, 0, 2) + b"\xff\xff", BODY),  # 168
        of(65258, b"\x20" + _raw(get("axle_load_kg"), 0.5, 0, 2) + b"\xff" * 5, BODY),  # 582, second axle
    ]


def broadcast(t_ms: int, pgn: int, content: bytes, source: int = ENGINE) -> list[CanFrame]:
    """A transfer to all (BAM, J1939-21): the announcement, then packets of seven bytes 60 ms apart.

    ``content`` must be 9 to 1,785 bytes long; raises ``ValueError`` otherwise.
    """
    if not 9 <= len(content) <= 1785:
        raise ValueError(f"transfer of the wrong size: got {len(content)} bytes, want 9 to 1785")
    count = -(-len(content) // 7)
    announce = bytes([0x20, *len(content).to_bytes(2, "little"), count, 0xFF]) + pgn.to_bytes(3, "little")
    found = [CanFrame(t_ms, can_id(60416, source), announce)]
    for n in range(count):
        part = content[7 * n : 7 * n + 7].ljust(7, b"\xff")
        found.append(CanFrame(t_ms + 60 * (n + 1), can_id(60160, source), bytes([n + 1]) + part))
    return found


def vin(t_ms: int, number: str, source: int = ENGINE, junk: bytes = b"") -> list[CanFrame]:
    """The VIN (PGN 65260) as the engine broadcasts it, with the ``*`` that ends it.

    Some units fill their buffer with other bytes: ``junk`` then stands in the place of that ``*``.
    """
    return broadcast(t_ms, 65260, number.encode("ascii") + (junk or b"*"), source)


def component(t_ms: int, make: str, model: str, serial: str, source: int = ENGINE) -> list[CanFrame]:
    """Component identification (PGN 65259): make, model, serial number, and no unit number."""
    return broadcast(t_ms, 65259, f"{make}*{model}*{serial}**".encode("ascii"), source)
