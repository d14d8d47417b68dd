"""A report's groups: what of it can be given out by itself, each as bytes. Pure.

``whole`` is what the device published, ``head`` who sent it, when and how it was received (CBOR), ``place``
the positions, ``coarse`` where the vehicle was to 0.1 degree and 10 minutes, ``signals`` what the CAN bus
said (CBOR: names of columns, packed rows, [row, name, value] of signals without a column), ``driver`` the
facts about drivers and ``facts`` all others (CBOR lists). Rows are little-endian; the least number of a
type, or NaN, stands for "not measured". Groups without content are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import cbor2
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from feeds.ledger import cbor
from feeds.ledger.entry import WHOLE
from feeds.ledger.errors import FormatError
from streams.records import SIGNALS, Form, Frame

HEAD: Final = "head"
PLACE_GROUP: Final = "place"
COARSE_GROUP: Final = "coarse"
SIGNALS_GROUP: Final = "signals"
DRIVER: Final = "driver"
FACTS: Final = "facts"

PLACE: Final = np.dtype(
    [
        ("t_ms", "<i8"),
        ("lon_e7", "<i4"),
        ("lat_e7", "<i4"),
        ("alt_mm", "<i4"),
        ("speed_ckmh", "<i4"),
        ("heading_cdeg", "<i4"),
        ("hdop_c", "<i4"),
        ("sats", "<i2"),
        ("fix", "<i1"),
    ]
)
"""One row a sample of the group ``place``."""
COARSE: Final = np.dtype([("t_ms", "<i8"), ("lon_e7", "<i4"), ("lat_e7", "<i4")])
"""One row a run of equal places of the group ``coarse``."""
BUS: Final = np.dtype(
    [("t_ms", "<i8"), ("odometer_mm", "<i8"), ("wheel_ckmh", "<i4"), *((name, "<f8") for name in SIGNALS)]
)
"""One row a sample of the group ``signals``, which packs those columns that its frame has."""
_COARSE_MS: Final = 600_000
_COARSE_E7: Final = 1_000_000
_KIND: Final = "driver"
_NO_EXTRAS: Final = cbor2.dumps([])


@dataclass(slots=True)  # not frozen: of these many are made
class ReportRow:
    """One report of a frame: row, who it is of, and its groups but for ``head``.

    ``head`` has everything that is known of it already, in its order; the verdict, new as long as nobody
    says otherwise, is for whoever knows the others.
    ``t_ms``: of its first sample, of its receiving when it has none.
    """

    number: int
    device: str
    boot: str
    seq: int
    hash: bytes
    asset: str
    tenant: str
    t_ms: int
    head: dict[str, Any]
    groups: dict[str, bytes]

    def sealed_groups(self, verdict: str) -> dict[str, bytes]:
        """All groups; ``verdict`` is new or conflict."""
        head = self.head if verdict == "new" else {**self.head, "verdict": verdict}
        return {**self.groups, HEAD: cbor2.dumps(head)}


def rows_of(frame: Frame) -> Iterator[ReportRow]:
    """The reports of a frame, in order. Raises FormatError for a frame that is not sound."""
    reports, samples = frame.reports, frame.samples
    counts = reports["samples"].to_numpy()
    ends = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    if len(counts) and (counts.min() < 0 or ends[-1] != samples.num_rows):
        raise FormatError(f"samples of a frame: got {samples.num_rows}, want {ends[-1]}")
    if not np.array_equal(samples["report"].to_numpy(), np.repeat(np.arange(len(counts)), counts)):
        raise FormatError("samples of a frame are not grouped by report")
    heads = _heads(reports)
    places, coarse, signals = _places(samples), _coarse(samples, ends), _signals(frame, ends)
    times = samples["t_ms"].to_numpy()
    facts = reports["facts"].to_pylist()
    for number, (head, raw, tenant) in enumerate(heads):
        begin, end = int(ends[number]), int(ends[number + 1])
        groups = {WHOLE: raw}
        if begin < end:
            groups[PLACE_GROUP] = places[begin * PLACE.itemsize : end * PLACE.itemsize]
            if coarse[number]:
                groups[COARSE_GROUP] = coarse[number]
            said = signals[number]
            if said is not None:
                groups[SIGNALS_GROUP] = said
        if facts[number] is not None:
            groups |= _facts(facts[number])
        t_ms = int(times[begin]) if begin < end else head["received_ms"]
        key = (head["device"], head["boot"], head["seq"], head["hash"])
        yield ReportRow(number, *key, head["asset"], tenant, t_ms, head, groups)


def read_signals(content: bytes) -> tuple[npt.NDArray[Any], list[tuple[int, str, float]]]:
    """The rows (BUS) and further signals of a ``signals`` group. Raises FormatError."""
    try:
        names, rows, extras = cbor2.loads(content)
        dtype = np.dtype([(name, BUS[name]) for name in names])
        packed = np.frombuffer(rows, dtype)
        whole = np.empty(len(packed), BUS)
        for name in BUS.names or ():
            whole[name] = packed[name] if name in names else _null(BUS[name])
        return whole, [(row, name, value) for row, name, value in extras]
    except (ValueError, TypeError, KeyError, cbor2.CBORError) as error:
        raise FormatError(f"signals of a report: {error}") from None


def _heads(reports: pa.RecordBatch) -> list[tuple[dict[str, Any], bytes, str]]:
    count = reports.num_rows
    plain = [reports[n].to_pylist() for n in ("boot_n", "seq", "prev", "hash", "received_ms", "form", "raw")]
    named = [_words(reports[name]) for name in ("device", "asset", "tenant", "boot")]
    signature = _optional(reports, "signature") or [0] * count
    keys = _optional(reports, "key") or [None] * count
    sizes = reports["samples"].to_pylist()
    made = []
    for names, values, samples, signed, key in zip(
        zip(*named, strict=True), zip(*plain, strict=True), sizes, signature, keys, strict=True
    ):
        device, asset, tenant, boot = names
        boot_n, seq, prev, hash_, received_ms, form, raw = values
        kind = "nmea" if form == Form.NMEA else "report"
        head = {  # as canonical CBOR has them: shorter names first
            "key": key,
            "seq": seq,
            "boot": boot,
            "form": form,
            "hash": hash_,
            "prev": prev,
            "asset": asset,
            "topic": f"corridor/v1/{device}/{kind}",
            "boot_n": boot_n,
            "device": device,
            "samples": samples,
            "verdict": "new",
            "signature": signed or 0,
            "received_ms": received_ms,
        }
        made.append((head, raw, tenant))
    return made


def _optional(batch: pa.RecordBatch, name: str) -> list[Any] | None:
    return batch[name].to_pylist() if name in batch.schema.names else None


def _words(column: pa.DictionaryArray) -> list[str]:
    words = column.dictionary.to_pylist()
    return [words[code] for code in column.indices.to_pylist()]


def _filled(column: pa.Array, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if not column.null_count:
        return np.asarray(column.to_numpy())
    return np.asarray(column.fill_null(pa.scalar(_null(dtype), column.type)).to_numpy())


def _null(dtype: np.dtype[Any]) -> float | int:
    """What stands for "not measured"."""
    return float("nan") if dtype.kind == "f" else int(np.iinfo(dtype).min)


def _table(samples: pa.RecordBatch, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    table = np.empty(samples.num_rows, dtype)
    for name in dtype.names or ():
        table[name] = _filled(samples[name], dtype[name])
    return table


def _places(samples: pa.RecordBatch) -> bytes:
    return _table(samples, PLACE).tobytes()


def _coarse(samples: pa.RecordBatch, ends: npt.NDArray[np.int64]) -> list[bytes]:
    """Of each report the runs of equal coarse places; samples without a position make none."""
    least = np.iinfo(np.int32).min
    lon, lat = (_filled(samples[name], np.dtype("<i4")).astype(np.int64) for name in ("lon_e7", "lat_e7"))
    held = np.flatnonzero((lon != least) & (lat != least))
    rows = np.empty(len(held), COARSE)
    t_ms = samples["t_ms"].to_numpy()[held]
    rows["t_ms"] = t_ms - t_ms % _COARSE_MS
    for name, values in (("lon_e7", lon[held]), ("lat_e7", lat[held])):
        rows[name] = (values + _COARSE_E7 // 2) // _COARSE_E7 * _COARSE_E7
    report = samples["report"].to_numpy()[held]
    begins = np.ones(len(held), bool)
    begins[1:] = (rows[1:] != rows[:-1]) | (report[1:] != report[:-1])
    kept, of = rows[begins], report[begins]
    data, size = kept.tobytes(), COARSE.itemsize
    cuts = np.searchsorted(of, np.arange(len(ends))).tolist()
    return [data[cuts[n] * size : cuts[n + 1] * size] for n in range(len(ends) - 1)]


def _signals(frame: Frame, ends: npt.NDArray[np.int64]) -> list[bytes | None]:
    """Of each report what the bus said; None where it said nothing."""
    samples, extras, count = frame.samples, frame.extras, len(ends) - 1
    said = np.zeros(samples.num_rows, bool)
    columns = ["t_ms"]
    for name in BUS.names or ():
        if name != "t_ms" and samples[name].null_count < samples.num_rows:
            said |= samples[name].is_valid().to_numpy(zero_copy_only=False)
            columns.append(name)
    of = extras["sample"].to_numpy()
    if len(of) and not 0 <= of.min() <= of.max() < samples.num_rows:
        raise FormatError("extras of a frame point outside of it")
    said[of] = True
    found: list[bytes | None] = [None] * count
    if not said.any():
        return found
    dtype = np.dtype([(name, BUS[name]) for name in columns])
    data, size = _table(samples, dtype).tobytes(), dtype.itemsize
    named = cbor.names(columns)
    names, values = _words(extras["name"]), extras["value"].to_pylist()
    rows = samples["report"].to_numpy()
    more: dict[int, list[list[Any]]] = {}
    for at, name, value in zip(of.tolist(), names, values, strict=True):
        number = int(rows[at])
        more.setdefault(number, []).append([at - int(ends[number]), name, value])
    for number in np.unique(rows[said]).tolist():
        packed = data[int(ends[number]) * size : int(ends[number + 1]) * size]
        extra = cbor2.dumps(more[number]) if number in more else _NO_EXTRAS
        found[number] = cbor.sequence(named, cbor.head(len(packed)) + packed, extra)
    return found


def _facts(text: str) -> dict[str, bytes]:
    try:
        facts = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"facts of a report: {error}") from None
    own = [one for one in facts if isinstance(one, dict) and one.get("kind") == _KIND]
    others = [one for one in facts if not (isinstance(one, dict) and one.get("kind") == _KIND)]
    parts = ((DRIVER, own), (FACTS, others))
    return {name: cbor2.dumps(part, canonical=True) for name, part in parts if part}
