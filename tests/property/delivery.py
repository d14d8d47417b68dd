"""How samples reach the engine: in reports, in any order, some twice, many in one frame.

A report is the samples of one asset in any order. What arrives is a list of log records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from streams.codec import encode_frame
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind
from tests.property.nasty import T0, Item
from tests.reference import Sample

COLUMNS = {
    "t_ms": "t",
    "lon_e7": "lon",
    "lat_e7": "lat",
    "speed_ckmh": "speed",
    "heading_cdeg": "heading",
    "hdop_c": "hdop",
    "sats": "sats",
    "fix": "fix",
    "odometer_mm": "odometer",
    "wheel_ckmh": "wheel",
}


@dataclass(frozen=True)
class Report:
    """One report of an asset; its samples carry when it was received."""

    asset: str
    seq: int
    samples: tuple[Sample, ...]
    received_ms: int


@dataclass(frozen=True)
class Delivery:
    """Reports in the order of arrival, by frames; ``received_ms`` never goes back."""

    frames: tuple[tuple[Report, ...], ...]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How hypothesis shows a failing case: a line a report, times in seconds after T0."""
        lines = [
            f"  frame {number} {report.asset} seq {report.seq} received {_short(report.received_ms)}: "
            + "; ".join(_line(sample) for sample in report.samples)
            for number, frame in enumerate(self.frames, 1)
            for report in frame
        ]
        printer.text("\n".join(["Delivery", *lines]))

    def samples(self, asset: str) -> list[Sample]:
        """All samples of an asset, the repeated ones too."""
        return [
            replace(sample, received=report.received_ms)
            for frame in self.frames
            for report in frame
            if report.asset == asset
            for sample in report.samples
        ]

    def assets(self) -> list[str]:
        """The assets that sent anything."""
        return sorted({report.asset for frame in self.frames for report in frame})

    def records(self) -> list[LogRecord]:
        """The log's records, from position 1."""
        return [
            LogRecord(
                0,
                number,
                RecordKind.FRAME,
                max(report.received_ms for report in frame),
                "k",
                encode_frame(_frame(frame)),
            )
            for number, frame in enumerate(self.frames, 1)
        ]


def _short(t: int) -> str:
    return f"{(t - T0) / 1000:.10g}s"


def _line(sample: Sample) -> str:
    rest = ((name, getattr(sample, name)) for name in COLUMNS.values() if name not in ("t", "lon", "lat"))
    usual = {"hdop": 100, "fix": 3}
    told = [f"{name}={value}" for name, value in rest if value is not None and usual.get(name) != value]
    return " ".join([_short(sample.t), f"({sample.lon}, {sample.lat})", *told])


def _frame(reports: Sequence[Report]) -> Frame:
    rows = [_report_row(report) for report in reports]
    samples = [
        {"report": number} | {name: getattr(sample, field) for name, field in COLUMNS.items()}
        for number, report in enumerate(reports)
        for sample in report.samples
    ]
    return Frame(
        pa.RecordBatch.from_pylist(rows, schema=REPORTS),
        pa.RecordBatch.from_pylist(samples, schema=SAMPLES),
        pa.RecordBatch.from_pylist([], schema=EXTRAS),
    )


def _report_row(report: Report) -> dict[str, object]:
    raw = json.dumps([report.asset, report.seq, [sample.content for sample in report.samples]]).encode()
    return {
        "device": f"d-{report.asset}",
        "asset": report.asset,
        "tenant": "main",
        "boot": "b1",
        "boot_n": 1,
        "seq": report.seq,
        "hash": hashlib.sha256(raw).digest(),
        "prev": None,
        "received_ms": report.received_ms,
        "form": int(Form.CBOR),
        "samples": len(report.samples),
        "dropped": 0,
        "facts": None,
        "raw": raw,
    }


@st.composite
def deliveries(draw: st.DrawFn, tracks: dict[str, list[Item]], most_frames: int | None = None) -> Delivery:
    """Any way in which these tracks may arrive.

    Samples are shuffled by blocks into reports, some go into a second report too, reports are shuffled and
    some repeated, and all are cut into frames.
    """
    reports: list[tuple[str, int, list[Item]]] = []
    for asset, items in tracks.items():
        size = draw(st.sampled_from([1, 2, 5, 10, 1000]))
        if draw(st.booleans()):  # neighbours in time go into different reports
            stride = draw(st.integers(2, 5))
            items = [item for n in range(stride) for item in items[n::stride]]
        blocks = [items[n : n + size] for n in range(0, len(items), size)]
        twins = draw(st.lists(st.integers(0, 200), max_size=2))
        for twin in twins:
            at = twin % len(blocks)
            blocks[at] = [*blocks[at], items[twin * 7 % len(items)]]
        reports += [(asset, seq, block) for seq, block in enumerate(blocks)]
    order = draw(st.permutations(range(len(reports)))) if draw(st.booleans()) else range(len(reports))
    arriving = [reports[n] for n in order]
    made: list[Report] = []
    received = 0
    delay = draw(st.sampled_from([0, 5_000, 7_200_000]))
    for asset, seq, block in arriving:
        received = max(received, max(item.real_ms for item in block) + delay)
        made.append(Report(asset, seq, tuple(item.sample for item in block), received))
    for again, later in draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 30)), max_size=3)):
        at = again % len(made)
        made.insert(min(len(made), at + 1 + later), made[at])
    sizes = draw(st.lists(st.sampled_from([1, 2, 3, 8, 100]), min_size=1, max_size=4))
    if most_frames is not None:
        sizes = [max(size, -(-len(made) // most_frames)) for size in sizes]
    frames: list[tuple[Report, ...]] = []
    while made:
        size = sizes[len(frames) % len(sizes)]
        frames.append(tuple(made[:size]))
        made = made[size:]
    return Delivery(tuple(frames))
