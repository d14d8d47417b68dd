"""The groups of a frame's reports made one by one, as the documents say; what is compared with is faster."""

from __future__ import annotations

import math
from typing import Any

import cbor2
import numpy as np

from feeds.ledger.reports import BUS, COARSE, PLACE, facts_groups
from streams.records import SIGNALS, Form, Frame

_ON_THE_BUS = ("odometer_mm", "wheel_ckmh", *SIGNALS)


def groups_of(frame: Frame, number: int, verdict: str) -> dict[str, bytes]:
    """The groups of report ``number``, by name."""
    report = frame.reports.slice(number, 1).to_pylist()[0]
    samples = [one for one in frame.samples.to_pylist() if one["report"] == number]
    first = sum(one["samples"] for one in frame.reports.to_pylist()[:number])
    extras = [
        [one["sample"] - first, one["name"], one["value"]]
        for one in frame.extras.to_pylist()
        if first <= one["sample"] < first + len(samples)
    ]
    groups = {"whole": report["raw"], "head": _head(report, verdict)}
    if samples:
        groups["place"] = _packed(samples, PLACE)
    if runs := _coarse(samples):
        groups["coarse"] = np.array(runs, COARSE).tobytes()
    if extras or any(one[name] is not None for one in samples for name in _ON_THE_BUS):
        there = ["t_ms"] + [n for n in _ON_THE_BUS if frame.samples[n].null_count < frame.samples.num_rows]
        dtype = np.dtype([(name, BUS[name]) for name in BUS.names or () if name in there])
        groups["signals"] = cbor2.dumps([list(dtype.names or ()), _packed(samples, dtype), extras])
    if report["facts"] is not None:
        groups |= facts_groups(report["facts"])
    return groups


def _head(report: dict[str, Any], verdict: str) -> bytes:
    names = ("device", "asset", "boot", "boot_n", "seq", "prev", "hash", "received_ms", "form", "samples")
    kind = "nmea" if report["form"] == Form.NMEA else "report"
    head = {name: report[name] for name in names} | {
        "key": report["key"],
        "topic": f"corridor/v1/{report['device']}/{kind}",
        "signature": report["signature"] or 0,
        "verdict": verdict,
    }
    return cbor2.dumps(head, canonical=True)


def _coarse(samples: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    runs: list[tuple[int, int, int]] = []
    for one in samples:
        if one["lon_e7"] is None or one["lat_e7"] is None:
            continue
        lon, lat = (math.floor(one[name] / 1e6 + 0.5) * 1_000_000 for name in ("lon_e7", "lat_e7"))
        run = (one["t_ms"] // 600_000 * 600_000, lon, lat)
        if not runs or runs[-1] != run:
            runs.append(run)
    return runs


def _packed(samples: list[dict[str, Any]], dtype: np.dtype[Any]) -> bytes:
    rows = np.empty(len(samples), dtype)
    for at, sample in enumerate(samples):
        for name in dtype.names or ():
            value = sample[name]
            if value is None:
                value = math.nan if dtype[name].kind == "f" else np.iinfo(dtype[name]).min
            rows[at][name] = value
    return rows.tobytes()
