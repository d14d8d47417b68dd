"""Samples as line protocol, rendered column by column: no Python runs for a sample.

A point is known to InfluxDB by its tags and its time, so the time carries what tells samples of one instant
apart: ms * 1e6 + digits, the digits (0..999999) made of the report's hash, of how often that report named the
instant before, and of when the report was received. The same record again overwrites itself; a report that
was received twice is two points, of which reading takes the one received first, in whatever order they came.

Two different samples of one asset, device and millisecond have the same digits once in a million; the last
one written stays then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feeds.store.influx.texts import EXTRA, escaped
from feeds.store.names import Names
from feeds.store.schema import ROWS, Rows

SAMPLES: Final = "samples"
MEASURED: Final = tuple(
    f.name for f in ROWS if f.name not in ("asset", "t_ms", "hash", "device", "seq", "received_ms", "flags")
)
"""The columns that are fields, in the order of the bits of field ``has``."""
INTEGERS: Final = frozenset(f.name for f in ROWS if pa.types.is_integer(f.type))
"""Those of them that are integers; all other fields are floats."""
FIRST_MS: Final = -(9_223_372_036_854)
PAST_LAST_MS: Final = 7_258_118_400_000
"""Instants that can be kept: from 1677 to before 2200."""
TICKS: Final = 1_000_000  # ns in a ms

Ints = npt.NDArray[np.int64]
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Lines:
    """Rendered samples. Line ``k`` is bytes ``ends[k]`` to ``ends[k + 1]`` of ``text``, its end included.

    ``rows`` are the rows they were rendered from, ``unfit`` the rows whose instant InfluxDB can't keep.
    """

    text: memoryview
    ends: Ints
    rows: Ints
    unfit: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def body(self, first: int, last: int) -> bytes:
        """Lines [first, last), to be sent."""
        return bytes(self.text[self.ends[first] : self.ends[last]])


def has_bits(columns: tuple[str, ...]) -> int:
    """The bits that field ``has`` shows for ``columns``."""
    return sum(1 << MEASURED.index(name) for name in columns)


def times(t_ms: Ints, hash8: Ints, received_ms: Ints) -> Ints:
    """The time in ns of each sample; ``t_ms`` within what can be kept."""
    with np.errstate(over="ignore"):
        mixed = (received_ms.view(np.uint64) * _MIX) >> np.uint64(40)
    digits = (hash8.view(np.uint64) % TICKS + mixed % TICKS) % TICKS
    return t_ms * TICKS + digits.astype(np.int64)


def render(rows: Rows, names: Names) -> Lines:
    """``rows``, whose texts are those of ``names``, as lines in their order."""
    t_ms = rows.samples["t_ms"].to_numpy()
    fit = (t_ms >= FIRST_MS) & (t_ms < PAST_LAST_MS)
    kept = np.flatnonzero(fit)
    samples = rows.samples if len(kept) == len(t_ms) else rows.samples.take(pa.array(kept))
    if not len(kept):
        return Lines(memoryview(b""), np.zeros(1, np.int64), kept, np.flatnonzero(~fit))
    column = {name: samples[name].combine_chunks() for name in samples.column_names}
    column |= {name: _finite(column[name]) for name in MEASURED if name not in INTEGERS}
    ns = times(*(column[name].to_numpy() for name in ("t_ms", "hash", "received_ms")))
    texts = escaped(pa.array(names.texts, pa.string()))
    parts: list[pa.Array | str] = [f"{SAMPLES},asset=", texts.take(column["asset"])]
    parts += [",device=", texts.take(column["device"]), " has=", _text(pa.array(_has(column)))]
    parts += ["i,hash=", _text(column["hash"]), "i,received_ms=", _text(column["received_ms"]), "i"]
    for name in MEASURED:
        parts += _field(name, column[name])
    parts += [*_extras(rows, kept, texts), " ", _text(pa.array(ns)), "\n"]
    lines = pc.binary_join_element_wise(*_merged(parts), "", null_handling="skip")
    ends = np.frombuffer(lines.buffers()[1], np.int32)[: len(lines) + 1].astype(np.int64)
    return Lines(memoryview(lines.buffers()[2]), ends, kept, np.flatnonzero(~fit))


def _field(name: str, values: pa.Array) -> list[pa.Array | str]:
    if values.null_count == len(values):
        return []
    suffix = "i" if name in INTEGERS else ""
    if values.null_count == 0:
        return [f",{name}=", _text(values), suffix]
    return [pc.binary_join_element_wise(f",{name}=", _text(values), suffix, "")]


def _extras(rows: Rows, kept: Ints, texts: pa.Array) -> list[pa.Array]:
    """Of each kept sample its extras as ``,x_name=value,...``, null where there are none."""
    finite = pc.is_finite(rows.extras["value"]).to_numpy()
    extras, of = rows.extras.filter(pa.array(finite)), rows.extra_of[finite]
    if not len(of):
        return []
    name, value = extras["name"].to_numpy(), extras["value"].to_numpy()
    # told twice of one sample, the largest value counts: in a line that is the last
    order = np.lexsort((value, name, of))
    key = np.stack((of[order], name[order]))
    last = np.append((np.diff(key) != 0).any(axis=0), True)
    of, name, value = of[order][last], name[order][last], value[order][last]
    each = pc.binary_join_element_wise(
        f",{EXTRA}", texts.take(pa.array(name)), "=", _text(pa.array(value)), ""
    )
    starts = np.flatnonzero(np.append(True, np.diff(of) != 0))
    lists = pa.ListArray.from_arrays(pa.array(np.append(starts, len(of)).astype(np.int32)), each)
    joined, owners = pc.binary_join(lists, ""), of[starts]
    at = np.minimum(np.searchsorted(owners, kept), len(owners) - 1)
    return [joined.take(pa.array(at, mask=owners[at] != kept))]


def _has(column: dict[str, pa.Array]) -> Ints:
    bits = np.zeros(len(column["hash"]), np.int64)
    for bit, name in enumerate(MEASURED):
        if column[name].null_count == 0:
            bits |= 1 << bit
        elif column[name].null_count < len(bits):
            bits |= column[name].is_valid().to_numpy(zero_copy_only=False).astype(np.int64) << bit
    return bits


def _finite(values: pa.Array) -> pa.Array:
    """``values`` without what line protocol can't say: no measurement either."""
    finite = pc.is_finite(values)
    if pc.all(finite).as_py() is not False:
        return values
    return pc.if_else(finite, values, pa.scalar(None, values.type))


def _text(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())


def _merged(parts: list[pa.Array | str]) -> list[pa.Array | str]:
    """``parts`` with the texts that follow each other joined: each costs time for every sample."""
    merged: list[pa.Array | str] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif not isinstance(part, str) or part:
            merged.append(part)
    return merged
