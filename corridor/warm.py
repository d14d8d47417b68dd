"""Compiles what is compiled on first use, so that no process waits for it: ``python -m corridor.warm``.

A few made-up trucks drive over the Mohan-Boten gate, one report of each late, through everything that has
kernels: frames, the engine, its past, a snapshot, entries of the ledger. The machine code is kept beside the
sources.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import geofences
from feeds.ledger.framed import FrameReports, sound
from feeds.ledger.groups import Groups
from feeds.ledger.reports import HEAD
from gateway import plain
from streams.codec import decode_frame, encode_frame
from streams.engine import Engine, World, restore, snapshot
from streams.engine.derive import flags
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind
from streams.runtime.chunks import ChunkFiles

_T0 = 1_790_000_000_000
_TRUCKS, _A_REPORT = 3, 40


def warm() -> None:
    """Read a report, fold, seal, restore and fold on; make entries of a frame, and read them."""
    plain.warm()
    world = World(*geofences.world())
    with tempfile.TemporaryDirectory() as folder:
        past = ChunkFiles(Path(folder))
        engine = Engine(0, world, past=past)
        for position, part in enumerate((0, 2, 1, 3), 1):
            engine.fold(_record(position, part))
        engine = restore(snapshot(engine), world, past=past)
        for position, part in enumerate((6, 5, 4), 5):
            engine.fold(_record(position, part))
        flags(past.rows(0, 0, past.end))
    reports = FrameReports([sound(decode_frame(_record(1, 0).body), 1)])
    sealed = reports.seal(range(_TRUCKS), [False] * _TRUCKS, 0, os.urandom)
    groups = Groups([bytes(one.groups) for one in sealed], [one.salts for one in sealed])
    every = np.ones(len(sealed), bool)
    groups.contents(HEAD, every)
    groups.commitments(HEAD, every)
    groups.heads(every)


def _record(position: int, part: int) -> LogRecord:
    """A frame with the ``part``-th report of each truck; two of them hold a fix that is a jump."""
    received = _T0 + (part + 1) * _A_REPORT * 10_000
    reports: dict[str, list[Any]] = {name: [None] * _TRUCKS for name in REPORTS.names}
    names = [f"warm-{truck}" for truck in range(_TRUCKS)]
    reports |= {"device": names, "asset": names, "tenant": ["main"] * _TRUCKS, "boot": ["b"] * _TRUCKS}
    reports |= {"seq": [part] * _TRUCKS, "received_ms": [received] * _TRUCKS}
    reports |= {"hash": [hashlib.sha256(f"{name} {part}".encode()).digest() for name in names]}
    reports |= {"form": [int(Form.CBOR)] * _TRUCKS, "samples": [_A_REPORT] * _TRUCKS}
    reports |= {"dropped": [0] * _TRUCKS, "raw": [b""] * _TRUCKS}
    share = (part * _A_REPORT + np.arange(_A_REPORT)) / (7 * _A_REPORT)
    lon = np.rint((101.675 + 0.012 * np.sin(6 * share)) * 1e7).astype(np.int64)
    lat = np.rint((21.26 - 0.12 * share) * 1e7).astype(np.int64)
    lat[7] += 30_000_000 * (part % 2)
    columns: dict[str, Any] = {name: [None] * (_TRUCKS * _A_REPORT) for name in SAMPLES.names}
    columns |= {"report": np.repeat(np.arange(_TRUCKS), _A_REPORT), "lon_e7": np.tile(lon, _TRUCKS)}
    columns |= {"lat_e7": np.tile(lat, _TRUCKS)}
    columns["t_ms"] = np.tile(_T0 + (part * _A_REPORT + np.arange(_A_REPORT)) * 10_000, _TRUCKS)
    columns["battery_v"] = [24.5] * (_TRUCKS * _A_REPORT)
    columns["speed_ckmh"] = [None if i % 3 else 4_000 for i in range(_TRUCKS * _A_REPORT)]
    frame = Frame(
        pa.RecordBatch.from_pydict(reports, schema=REPORTS),
        pa.RecordBatch.from_pydict(columns, schema=SAMPLES),
        pa.RecordBatch.from_pydict({"sample": [], "name": [], "value": []}, schema=EXTRAS),
    )
    return LogRecord(0, position, RecordKind.FRAME, received, "", encode_frame(frame))


if __name__ == "__main__":
    warm()
    sys.exit(0)
