"""The records of the log, and the frame: many reports of one partition as Arrow columns.

A frame is written by a gateway and never changed. Its numbers are integers in fixed units wherever the
engine adds or compares them (ms, 1e-7 degree, mm, 0.01 km/h), so that batching can't change a bit;
signals that are only stored are doubles. Null means "not measured".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import pyarrow as pa


class RecordKind(IntEnum):
    """What a log record holds; the number is what is stored."""

    FRAME = 1
    COMMAND = 2
    TICK = 3
    NOTE = 4


class Form(IntEnum):
    """How a report came over the wire; the number is what is stored."""

    JSON = 1
    CBOR = 2
    COSE = 3
    NMEA = 4


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record before the log gave it a position.

    ``received_ms`` is the clock of the process that appends (ms since 1970, UTC), ``key`` the partition
    key (an asset id, or the key whose home the partition is), ``body`` an encoded frame or JSON.
    """

    partition: int
    kind: RecordKind
    received_ms: int
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as the log serves it; positions count up from 1 within a partition."""

    partition: int
    position: int
    kind: RecordKind
    received_ms: int
    key: str
    body: bytes


_NAME = pa.dictionary(pa.int32(), pa.string())

REPORTS: Final = pa.schema(
    [
        pa.field("device", _NAME, nullable=False),
        pa.field("asset", _NAME, nullable=False),
        pa.field("tenant", _NAME, nullable=False),
        pa.field("boot", _NAME, nullable=False),
        pa.field("boot_n", pa.int32()),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("hash", pa.binary(32), nullable=False),  # SHA-256 of the bytes as published
        pa.field("prev", pa.binary(32)),
        pa.field("received_ms", pa.int64(), nullable=False),
        pa.field("form", pa.uint8(), nullable=False),
        pa.field("samples", pa.int32(), nullable=False),  # rows of SAMPLES that belong to this report
        pa.field("dropped", pa.int32(), nullable=False),  # sentences or CAN transfers that were unusable
        pa.field("facts", pa.string()),  # JSON array, null when there are none
        pa.field("raw", pa.binary(), nullable=False),
        pa.field("signature", pa.uint8()),  # null none, 1 holds, 2 by a key that was revoked before
        pa.field("key", pa.string()),  # id of the key that signed
    ]
)
"""One row a report. ``raw`` is byte for byte what the device published."""

SAMPLES: Final = pa.schema(
    [
        pa.field("report", pa.int32(), nullable=False),  # row of REPORTS; rows are grouped by it, ascending
        pa.field("t_ms", pa.int64(), nullable=False),
        pa.field("lon_e7", pa.int32()),
        pa.field("lat_e7", pa.int32()),
        pa.field("alt_mm", pa.int32()),
        pa.field("speed_ckmh", pa.int32()),  # 0.01 km/h, GNSS
        pa.field("heading_cdeg", pa.int32()),  # 0.01 degree, 0..35999
        pa.field("hdop_c", pa.int32()),  # 0.01
        pa.field("sats", pa.int16()),
        pa.field("fix", pa.int8()),  # 0 none, 1 time only, 2 2D, 3 3D
        pa.field("odometer_mm", pa.int64()),
        pa.field("wheel_ckmh", pa.int32()),  # 0.01 km/h, wheel based
        pa.field("fuel_level_pct", pa.float64()),
        pa.field("fuel_used_l", pa.float64()),
        pa.field("engine_rpm", pa.float64()),
        pa.field("engine_hours_h", pa.float64()),
        pa.field("axle_load_kg", pa.float64()),
        pa.field("coolant_c", pa.float64()),
        pa.field("ambient_c", pa.float64()),
        pa.field("battery_v", pa.float64()),
    ]
)
"""One row a sample. A sample without a position (CAN only) has null ``lon_e7`` and ``lat_e7``."""

EXTRAS: Final = pa.schema(
    [
        pa.field("sample", pa.int32(), nullable=False),  # row of SAMPLES, ascending
        pa.field("name", _NAME, nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""One row a value of a signal that has no column of its own (legal name, kept as it is)."""

SIGNALS: Final = (
    "fuel_level_pct",
    "fuel_used_l",
    "engine_rpm",
    "engine_hours_h",
    "axle_load_kg",
    "coolant_c",
    "ambient_c",
    "battery_v",
)
"""The signals of SAMPLES that are stored as they are and never decide anything."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Decoded reports of one partition with their raw bytes: the body of a FRAME record."""

    reports: pa.RecordBatch
    samples: pa.RecordBatch
    extras: pa.RecordBatch
