"""One decoded report, before it becomes rows of a frame.

What the payload formats agree on: wire names and units, lists of equal length. The decoder checks the
envelope and the types of the lists; ranges and the types of single values are checked by
``gateway.frame`` as whole columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from streams.records import Form

COLUMNS: Final = (
    "lon",
    "lat",
    "alt_m",
    "speed_kmh",
    "heading_deg",
    "hdop",
    "sats",
    "fix",
    "odometer_m",
    "wheel_speed_kmh",
    "fuel_level_pct",
    "fuel_used_l",
    "engine_rpm",
    "engine_hours_h",
    "axle_load_kg",
    "coolant_c",
    "ambient_c",
    "battery_v",
)
"""The wire's columns beside ``t``."""


@dataclass(slots=True)
class Report:
    """One report: ``columns`` always holds ``t`` (ms since 1970, UTC), ascending only if sent so.

    Every list of ``columns`` and ``extras`` is as long as ``t``; None is null. ``facts`` are JSON objects
    with at least ``t`` (ms) and ``kind``. ``dropped`` counts unusable sentences, frames and transfers of
    the embedded ``nmea`` and ``can`` keys. ``datum`` is that of ``lon`` and ``lat``, which stand as they were
    sent: ``gateway.frame`` converts them.
    """

    boot: str
    boot_n: int | None
    seq: int
    prev: bytes | None
    datum: str
    form: Form
    columns: dict[str, list[Any]]
    extras: dict[str, list[Any]] = field(default_factory=dict)
    facts: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0
