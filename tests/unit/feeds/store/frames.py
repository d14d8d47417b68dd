"""Frames for the store's tests, from a few words each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame

Value = int | float | None


@dataclass(frozen=True)
class Report:
    """One report: ``samples`` are columns of SAMPLES, or extras when SAMPLES has none of that name."""

    asset: str
    samples: Sequence[Mapping[str, Value]]
    content: str = ""  # what makes its hash, with asset and seq
    seq: int = 0
    device: str = "unit-1"
    received_ms: int = 1_800_000_000_000
    hash: bytes = field(default=b"")

    def digest(self) -> bytes:
        return self.hash or hashlib.sha256(f"{self.asset}/{self.seq}/{self.content}".encode()).digest()


def at(t_ms: int, lon: float | None = 101.69, lat: float | None = 21.18, **values: Value) -> dict[str, Value]:
    """One sample."""
    e7 = {
        "lon_e7": None if lon is None else round(lon * 1e7),
        "lat_e7": None if lat is None else round(lat * 1e7),
    }
    return {"t_ms": t_ms, **e7, **values}


def frame(*reports: Report) -> Frame:
    """The frame that a gateway would have built of ``reports``."""
    rows = [
        {
            "device": r.device,
            "asset": r.asset,
            "tenant": "t1",
            "boot": "b1",
            "seq": r.seq,
            "hash": r.digest(),
            "received_ms": r.received_ms,
            "form": Form.JSON,
            "samples": len(r.samples),
            "dropped": 0,
            "raw": b"{}",
        }
        for r in reports
    ]
    samples = [{**s, "report": n} for n, r in enumerate(reports) for s in r.samples]
    extras = [
        {"sample": n, "name": name, "value": value}
        for n, sample in enumerate(samples)
        for name, value in sample.items()
        if name not in SAMPLES.names and value is not None
    ]
    return Frame(batch(rows, REPORTS), batch(samples, SAMPLES), batch(extras, EXTRAS))


def batch(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.RecordBatch:
    """``rows`` as a record batch; what a row lacks is null."""
    arrays = []
    for column in schema:
        values = [row.get(column.name) for row in rows]
        if pa.types.is_dictionary(column.type):
            encoded = pa.array(values, pa.string()).dictionary_encode()
            arrays.append(pa.DictionaryArray.from_arrays(encoded.indices, encoded.dictionary))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
