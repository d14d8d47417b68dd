"""What it costs the ledger's writer to say what came of every device, beside all else that it does.

CPU time of one thread: the whole step of the writer (read, groups, commitments, append) over chained
reports, then in the same run only the judging of the same reports and keeping what it made of their
starts. Then what one asks: a device's statement out of its book, and the chain at each report of a page.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.ledger import NoEvents
from bench.report import Row, parser, tell
from feeds.completeness import History, Starts, unpack
from feeds.ledger.arrivals import Arrivals
from feeds.ledger.book import Book
from feeds.ledger.framed import FrameReports, sound
from feeds.ledger.writer import LedgerWriter
from streams.codec import decode_frame, encode_frame
from streams.memory_log import MemoryLog
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, NewRecord, RecordKind

SAMPLES_EACH = 10
REPORTS_EACH = 200
BYTES = 930
STEP = 40
DEVICES = (200, 2_000)
PAGE = 10_000
T0 = 1_795_330_800_000
MEASURED = ("lon_e7", "lat_e7", "speed_ckmh", "heading_cdeg", "odometer_mm", "fix", "engine_rpm")


class Fleet:
    """So many devices in turn, each naming its report before."""

    def __init__(self, devices: int) -> None:
        self._devices, self._last = devices, dict.fromkeys(range(devices), bytes(32))

    def frame(self, first: int) -> bytes:
        """A frame of 200 reports, report ``first`` on."""
        count, rows = REPORTS_EACH, REPORTS_EACH * SAMPLES_EACH
        numbers = np.arange(first, first + count)
        raws = [os.urandom(BYTES) for _ in range(count)]
        hashes = [sha256(raw).digest() for raw in raws]
        prevs = []
        for number, own in zip((numbers % self._devices).tolist(), hashes, strict=True):
            prevs.append(self._last[number])
            self._last[number] = own
        seqs = numbers // self._devices
        t_ms = T0 + np.repeat(seqs, SAMPLES_EACH) * 10_000 + np.tile(np.arange(SAMPLES_EACH), count) * 1_000
        named = {
            "device": [f"unit-{n % self._devices}" for n in numbers.tolist()],
            "asset": [f"asset_{n % self._devices:024x}" for n in numbers.tolist()],
            "tenant": ["main"] * count,
            "boot": ["k3xq"] * count,
        }
        plain = {
            "boot_n": np.full(count, 3),
            "seq": seqs,
            "hash": hashes,
            "prev": prevs,
            "received_ms": T0 + seqs * 10_000 + 11_000,
            "form": np.full(count, Form.CBOR),
            "samples": np.full(count, SAMPLES_EACH),
            "dropped": np.zeros(count, np.int32),
            "raw": raws,
        }
        measured = {name: np.arange(rows) * 7 + 1_016_000_000 for name in MEASURED} | {
            "fix": np.full(rows, 3)
        }
        samples = {"report": np.repeat(np.arange(count), SAMPLES_EACH), "t_ms": t_ms, **measured}
        words = {name: pa.array(values).dictionary_encode() for name, values in named.items()}
        tables = ((plain, REPORTS, count), (samples, SAMPLES, rows))
        made = [
            pa.RecordBatch.from_arrays(
                [
                    words[field.name]
                    if field.name in words and schema is REPORTS
                    else pa.array(values[field.name]).cast(field.type, safe=False)
                    if field.name in values
                    else pa.nulls(size, field.type)
                    for field in schema
                ],
                schema=schema,
            )
            for values, schema, size in tables
        ]
        return encode_frame(Frame(made[0], made[1], pa.RecordBatch.from_pylist([], schema=EXTRAS)))


@contextmanager
def cpu(spent: dict[str, float], what: str) -> Iterator[None]:
    """Add the thread's CPU time of the block."""
    begin = time.thread_time()
    yield
    spent[what] = spent.get(what, 0.0) + time.thread_time() - begin


def written(folder: Path, bodies: list[bytes], spent: dict[str, float], name: str) -> Book:
    """The reports by the whole writer."""
    log, book = MemoryLog(1), Book(folder / "book.db")
    log.append([NewRecord(0, RecordKind.FRAME, 1, "", body) for body in bodies])
    writer, read = LedgerWriter(log, NoEvents(), book, 0), 1
    while read:
        with cpu(spent, name):
            read = writer.step()
    return book


def judged(folder: Path, bodies: list[bytes], spent: dict[str, float], name: str) -> None:
    """The same judged only, kept every STEP frames."""
    book = Book(folder / "alone.db")
    arrivals = Arrivals(book)
    for first in range(0, len(bodies), STEP):
        frames = [decode_frame(body) for body in bodies[first : first + STEP]]
        rows = [FrameReports([sound(frame, 1)]).rows for frame in frames]
        with cpu(spent, name):
            for some in rows:
                for row in some:
                    arrivals.judge(row)
            book.append([], {}, arrivals.changed())
            arrivals.kept()
    book.close()


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 10)
    made.add_argument("--reports", type=int, default=60_000, metavar="N")
    options = made.parse_args()
    count = max(PAGE, options.reports // REPORTS_EACH * REPORTS_EACH)
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for devices in DEVICES:
            folder, fleet = Path(name) / str(devices), Fleet(devices)
            bodies = [fleet.frame(first) for first in range(0, count, REPORTS_EACH)]
            book = written(folder, bodies, spent, f"{devices}")
            judged(folder, bodies, spent, f"{devices} alone")
            with cpu(spent, "statement"):
                for number in range(200):
                    held = {
                        boot: unpack(data)
                        for boot, data in book.starts_of([f"unit-{number}"])[f"unit-{number}"].items()
                    }
                    History(held).statement(f"unit-{number}", "k3xq")
            size = len(book.starts_of(["unit-0"])["unit-0"]["k3xq"])
            book.close()
        starts = Starts()
        for seq in range(PAGE):
            starts.add("unit-0", "k3xq", 3, seq, b"%032d" % seq, b"%032d" % (seq - 1))
        history = History(starts.of("unit-0"))
        with cpu(spent, "page"):
            for seq in range(PAGE):
                history.chain("k3xq", seq)
    rows = []
    for devices in DEVICES:
        whole, alone = spent[f"{devices}"], spent[f"{devices} alone"]
        rows.append(Row(f"{devices} devices: the whole writer", 1e6 * whole / count, "us/report"))
        rows.append(
            Row(f"{devices} devices: starts", 1e6 * alone / count, "us/report", "the writer", alone / whole)
        )
    rows += [
        Row("a device's statement, from its book", 1e6 * spent["statement"] / (200 * len(DEVICES)), "us"),
        Row(f"the chain at {PAGE} reports", 1e3 * spent["page"], "ms"),
        Row("kept of a start", size, "bytes"),
    ]
    tell("completeness", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
