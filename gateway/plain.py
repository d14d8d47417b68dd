"""Plain CBOR reports, read many at once into columns by a compiled function.

Plain is what most reports are: one map of definite length with known keys, each once, whose lists hold whole
numbers, floats and nulls that are all possible, with positions in WGS84. Whatever is not plain is left to
``gateway.payload.decode`` and ``gateway.frame``, which alone know the rules and say what is wrong: nothing is
refused here. For what is taken they would give the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.columns import SPECS
from gateway.scan import (
    BOOT_AT,
    BOOT_NUMBER,
    BOOT_SIZE,
    COUNT,
    HIGH,
    LISTS,
    LOW,
    NAMES,
    PAD,
    PREV_AT,
    SEQUENCE,
    TAKEN,
    WHOLE,
    WIDTH,
    head,
    number_at,
    scan,
)
from geofences.compiled import compiled
from streams.records import SAMPLES

Array: TypeAlias = npt.NDArray[Any]

_REAL: Final = pa.float64()
_SCALE: Final = np.array([1.0, *(spec.scale for spec in SPECS)])
_WRAP: Final = np.array([0, *(spec.wrap for spec in SPECS)], np.int64)
_IS_REAL: Final = np.array([False, *(spec.type == _REAL for spec in SPECS)])


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain reports among n payloads.

    ``taken`` bool[n]: which they are; the k others are somebody else's. Of the plain ones in their order:
    ``counts`` int32[k] samples, ``seq`` and ``boot_n`` (-1: none) int64[k], ``boot``, ``prev``
    and ``raw``, their bytes.
    """

    taken: Array
    counts: Array
    seq: Array
    boot_n: Array
    boot: list[str]
    prev: list[bytes | None]
    raw: pa.Array
    samples: pa.RecordBatch


def read_plain(payloads: Sequence[bytes], tried: Sequence[bool]) -> Plain:
    """Read those of ``payloads`` that are ``tried`` and plain."""
    joined = b"".join([*payloads, bytes(PAD)])
    data = np.frombuffer(joined, np.uint8)
    words: Array = np.ndarray(len(joined) - 7, np.int64, joined, strides=(1,))  # the 8 bytes from each one on
    starts = np.zeros(len(payloads) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, payloads), np.int64, len(payloads)), out=starts[1:])
    reports = np.zeros((len(payloads), WIDTH), np.int64)
    lists = np.zeros((len(payloads), len(LISTS)), np.int64)
    wanted = np.fromiter(tried, np.bool_, len(payloads))
    scan(data, words, starts, wanted, NAMES, LOW, HIGH, WHOLE, reports, lists)
    taken: Array = reports[:, TAKEN] != 0
    if taken.all():
        ends = pa.py_buffer(starts.astype(np.int32))
        raw = pa.Array.from_buffers(pa.binary(), len(payloads), [None, ends, pa.py_buffer(joined)])
    else:
        reports, lists = reports[taken], lists[taken]
        raw = pa.array([payloads[n] for n in np.flatnonzero(taken).tolist()], pa.binary())
    spans = zip(reports[:, BOOT_AT].tolist(), reports[:, BOOT_SIZE].tolist(), strict=True)
    return Plain(
        taken,
        reports[:, COUNT].astype(np.int32),
        reports[:, SEQUENCE],
        reports[:, BOOT_NUMBER],
        [joined[at : at + size].decode("ascii") for at, size in spans],
        [joined[at : at + 32] if at else None for at in reports[:, PREV_AT].tolist()],
        raw,
        _samples(data, words, reports[:, COUNT], lists),
    )


def warm() -> None:
    """Compile, or load what was compiled, so that no report waits for it."""
    read_plain([b""], [True])


def _samples(data: Array, words: Array, counts: Array, lists: Array) -> pa.RecordBatch:
    """The rows of SAMPLES of reports whose lists begin at ``lists`` int64[k, 1 + columns] in ``data``."""
    total = int(counts.sum())
    present: Array = np.any(lists != 0, axis=0)
    present[0] = True
    row_of = np.cumsum(present) - 1
    ints = np.zeros((row_of[-1] + 1, total), np.int64)
    reals = ints.view(np.float64)
    nulls = np.zeros(ints.shape, np.bool_)
    _write(data, words, counts, lists, row_of, _SCALE, _WRAP, _IS_REAL, ints, reals, nulls)
    arrays = [pa.array(np.repeat(np.arange(len(counts), dtype=np.int32), counts))]
    arrays.append(pa.Array.from_buffers(pa.int64(), total, [None, pa.py_buffer(ints[0])]))
    for number, spec in enumerate(SPECS, 1):
        if not present[number]:
            arrays.append(pa.nulls(total, spec.type))
            continue
        row = row_of[number]
        values = reals[row] if spec.type == _REAL else ints[row].astype(spec.type.to_pandas_dtype())
        absent = int(np.count_nonzero(nulls[row]))
        valid = pa.py_buffer(np.packbits(~nulls[row], bitorder="little")) if absent else None
        arrays.append(pa.Array.from_buffers(spec.type, total, [valid, pa.py_buffer(values)], absent))
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)


@compiled
def _write(
    data: Any,
    words: Any,
    counts: Any,
    lists: Any,
    row_of: Any,
    scale: Any,
    wrap: Any,
    is_real: Any,
    ints: Any,
    reals: Any,
    nulls: Any,
) -> None:
    """Write the values of all lists in stored units: a row a column that any report has."""
    bits = np.zeros(1, np.int64)
    floats, singles = bits.view(np.float64), bits.view(np.float32)
    first = np.int64(0)
    for n in range(len(counts)):
        for key in range(lists.shape[1]):
            row, at = row_of[key], lists[n, key]
            if at == 0:
                if key and row_of[key - 1] != row:  # others have it
                    nulls[row, first : first + counts[n]] = True
                continue
            for i in range(first, first + counts[n]):
                if key == 0:
                    _, _, ints[row, i], at = head(data, words, at)
                    continue
                kind, value, at = number_at(data, words, at, bits, floats, singles)
                nulls[row, i] = kind == 2
                if is_real[key]:
                    reals[row, i] = value
                else:
                    fixed = np.int64(np.rint(value * scale[key]))
                    ints[row, i] = fixed % wrap[key] if wrap[key] else fixed
        first += counts[n]
