"""One column of many reports: a list of Python numbers becomes a checked Arrow array in fixed units.

A column is converted whole. Only when something in it is wrong are its reports looked at one by one, so
that the report at fault can be named.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spec:
    """How a wire column is checked (``low`` <= value <= ``high``) and stored (value * ``scale``)."""

    wire: str
    stored: str
    type: pa.DataType
    low: float
    high: float
    scale: float = 1.0
    whole: bool = False
    wrap: int = 0


_I16, _I32, _I64, _F64 = pa.int16(), pa.int32(), pa.int64(), pa.float64()

_1990_MS: Final = 631_152_000_000
_2100_MS: Final = 4_102_444_800_000

TIME: Final = Spec("t", "t_ms", _I64, _1990_MS, _2100_MS)

# The widest values that J1939 or a receiver can mean: what lies outside was never measured.
SPECS: Final = (
    Spec("lon", "lon_e7", _I32, -180, 180, 1e7),
    Spec("lat", "lat_e7", _I32, -90, 90, 1e7),
    Spec("alt_m", "alt_mm", _I32, -12_000, 100_000, 1e3),
    Spec("speed_kmh", "speed_ckmh", _I32, 0, 400, 1e2),
    Spec("heading_deg", "heading_cdeg", _I32, 0, 360, 1e2, wrap=36_000),
    Spec("hdop", "hdop_c", _I32, 0, 100, 1e2),
    Spec("sats", "sats", _I16, 0, 100, whole=True),
    Spec("fix", "fix", pa.int8(), 0, 3, whole=True),
    Spec("odometer_m", "odometer_mm", _I64, 0, 3e10, 1e3),
    Spec("wheel_speed_kmh", "wheel_ckmh", _I32, 0, 400, 1e2),
    Spec("fuel_level_pct", "fuel_level_pct", _F64, 0, 100),
    Spec("fuel_used_l", "fuel_used_l", _F64, 0, 2.2e9),
    Spec("engine_rpm", "engine_rpm", _F64, 0, 20_000),
    Spec("engine_hours_h", "engine_hours_h", _F64, 0, 2.2e8),
    Spec("axle_load_kg", "axle_load_kg", _F64, 0, 200_000),
    Spec("coolant_c", "coolant_c", _F64, -273, 1_735),
    Spec("ambient_c", "ambient_c", _F64, -273, 1_735),
    Spec("battery_v", "battery_v", _F64, 0, 3_300),
)
"""Every wire column beside ``t``, in the order of SAMPLES."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first value of one report that a column can't take."""

    report: int
    reason: str
    detail: str


def times(parts: Sequence[list[Any]]) -> pa.Array | list[Fault]:
    """The instants of all reports as int64, or what is wrong with them."""
    found = _packed("q", parts)  # takes a bool for 0 or 1, but those are out of range
    if found is None:
        return _faults(TIME, parts, {int})
    values = np.frombuffer(found, np.int64)
    if len(values) and not (values.min() >= TIME.low and values.max() <= TIME.high):
        return _faults(TIME, parts, {int})
    return pa.Array.from_buffers(_I64, len(values), [None, pa.py_buffer(found)])


def column(spec: Spec, parts: Sequence[list[Any]], bools: bool = True) -> pa.Array | list[Fault]:
    """One column of all reports, None as null, in the stored unit; or what is wrong with it.

    ``bools``: whether a bool may be among the values; Arrow would take it for 0 or 1 beside a double, and
    to look for it costs as much as the conversion.
    """
    read = _doubles(parts, bools)
    if read is None:
        return _faults(spec, parts, {int, float, type(None)})
    doubles, values, measured = read
    if len(measured) and not (measured.min() >= spec.low and measured.max() <= spec.high):
        return _faults(spec, parts, {int, float, type(None)})
    if spec.whole and (measured != np.rint(measured)).any():
        return _faults(spec, parts, {int, float, type(None)})
    if spec.type == _F64:
        return doubles
    fixed = np.rint(np.nan_to_num(values) * spec.scale).astype(spec.type.to_pandas_dtype())
    if spec.wrap:
        fixed %= spec.wrap
    return pa.Array.from_buffers(
        spec.type, len(doubles), [doubles.buffers()[0], pa.py_buffer(fixed)], doubles.null_count
    )


EXTRA: Final = Spec("extra", "value", _F64, -1.7e308, 1.7e308)
"""Unknown signals: any finite number will do."""


def _doubles(
    parts: Sequence[list[Any]], bools: bool
) -> tuple[pa.Array, NDArray[np.float64], NDArray[np.float64]] | None:
    """The array, its values with NaN for null, and the values that are not null; None if not numbers.

    A bool becomes exactly 0 or 1, so types are looked at only where one of these stands.
    """
    packed = _packed("d", parts)
    if packed is not None:
        values = np.frombuffer(packed, np.float64)
        if bools and _may_be_bools(values) and _holds_bool(parts):
            return None
        return pa.Array.from_buffers(_F64, len(values), [None, pa.py_buffer(packed)]), values, values
    try:
        nullable = pa.array(list(chain.from_iterable(parts)), _F64)
    except (pa.ArrowException, OverflowError):
        return None
    found: NDArray[np.float64] = nullable.to_numpy(zero_copy_only=False)
    if bools and _may_be_bools(found) and _holds_bool(parts):
        return None
    return nullable, found, nullable.drop_null().to_numpy()


def _may_be_bools(values: NDArray[np.float64]) -> bool:
    return bool(((values == 0) | (values == 1)).any())


def _holds_bool(parts: Sequence[list[Any]]) -> bool:
    return bool in set(map(type, chain.from_iterable(parts)))


def _packed(code: str, parts: Sequence[list[Any]]) -> bytes | None:
    """All values as C numbers, each object touched once; None when one is null or no number."""
    try:
        return b"".join([array(code, part) for part in parts])
    except (TypeError, OverflowError):
        return None


def _faults(spec: Spec, parts: Sequence[list[Any]], types: set[type]) -> list[Fault]:
    """The first wrong value of each report that has one."""
    faults: list[Fault] = []
    for number, values in enumerate(parts):
        for index, value in enumerate(values):
            fault = _fault(spec, value, types)
            if fault is not None:
                reason, want = fault
                got = repr(value)[:64]
                faults.append(Fault(number, reason, f"{spec.wire}[{index}]: got {got}, want {want}"))
                break
    return faults


def _fault(spec: Spec, value: Any, types: set[type]) -> tuple[str, str] | None:
    if type(value) not in types:
        names = " or ".join(sorted("null" if kind is type(None) else kind.__name__ for kind in types))
        return "bad_field", names
    if value is None:
        return None
    if not spec.low <= value <= spec.high:
        return "impossible_value", f"{spec.low:g} to {spec.high:g}"
    if spec.whole and value != int(value):
        return "impossible_value", "a whole number"
    if type(value) is int and abs(value) > 2**53 and spec.type == _F64:
        return "impossible_value", "a number that a double holds exactly"
    return None
