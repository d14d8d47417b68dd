"""The ledger on one core: reports of 10 samples become salted entries, are appended durably and signed.

CPU time of the thread that does it, signed every 50,000 entries (a second's worth), machine code loaded, the
garbage collector set as the hub has it. Beside it in the same run: the same reports appended to a bare
SQLite table, one row each, and nothing proved.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.report import Row, parser, tell
from feeds.ledger import merkle
from feeds.ledger.book import Book, EventKey, NewEntry
from feeds.ledger.entry import EntryKind, seal
from feeds.ledger.files import LogFiles
from feeds.ledger.framed import FrameReports, sound
from feeds.ledger.hashes import complete_root, leaf_hashes
from feeds.ledger.note import Signer
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.tree import TileNodes
from feeds.ledger.writer import LedgerWriter
from streams.codec import decode_frame, encode_frame
from streams.events import Event
from streams.memory_log import MemoryLog
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, NewRecord, RecordKind

SAMPLES_EACH = 10
REPORTS_EACH = 200
AT_ONCE = 50_000
DEVICES = 1_000
MEASURED = ("lon_e7", "lat_e7", "speed_ckmh", "heading_cdeg", "odometer_mm", "fix", "engine_rpm")
SIGNER = Signer("log.example/bench", bytes(32))


class NoEvents:
    """A read model without events."""

    def partition_after(self, *_: object) -> list[Event]:
        """None."""
        return []

    def last_number(self, _: int) -> int:
        """None."""
        return 0


def frame(first: int) -> bytes:
    """A frame of 200 reports by as many devices, 930 bytes each as published; report ``first`` on."""
    count, rows = REPORTS_EACH, REPORTS_EACH * SAMPLES_EACH
    raws = [os.urandom(930) for _ in range(count)]
    numbers = np.arange(first, first + count)
    reports: dict[str, pa.Array] = {
        "device": pa.array([f"unit-{n % DEVICES}" for n in numbers.tolist()]).dictionary_encode(),
        "asset": pa.array([f"asset_{n % DEVICES:024x}" for n in numbers.tolist()]).dictionary_encode(),
        "tenant": pa.array(["main"] * count).dictionary_encode(),
        "boot": pa.array(["k3xq"] * count).dictionary_encode(),
        "boot_n": pa.array(np.full(count, 3, np.int32)),
        "seq": pa.array(numbers // DEVICES),
        "hash": pa.array([sha256(raw).digest() for raw in raws], pa.binary(32)),
        "prev": pa.array([os.urandom(32) for _ in raws], pa.binary(32)),
        "received_ms": pa.array(np.full(count, 1_795_330_800_000)),
        "form": pa.array(np.full(count, Form.CBOR, np.uint8)),
        "samples": pa.array(np.full(count, SAMPLES_EACH, np.int32)),
        "dropped": pa.array(np.zeros(count, np.int32)),
        "facts": pa.nulls(count, pa.string()),
        "raw": pa.array(raws, pa.binary()),
        "signature": pa.array(np.zeros(count, np.uint8)),
        "key": pa.nulls(count, pa.string()),
    }
    t_ms = 1_795_330_800_000 - np.tile(np.arange(SAMPLES_EACH)[::-1] * 1000, count)
    samples: dict[str, pa.Array] = {
        "report": pa.array(np.repeat(np.arange(count, dtype=np.int32), SAMPLES_EACH)),
        "t_ms": pa.array(t_ms),
    }
    for field in SAMPLES:
        if field.name in MEASURED:
            values = np.arange(rows) * 7 + 1_016_000_000 if field.name != "fix" else np.full(rows, 3)
            samples[field.name] = pa.array(values).cast(field.type, safe=False)
        elif field.name not in samples:
            samples[field.name] = pa.nulls(rows, field.type)
    empty = pa.RecordBatch.from_pylist([], schema=EXTRAS)
    held = ((reports, REPORTS), (samples, SAMPLES))
    made = [pa.RecordBatch.from_arrays([of[f.name] for f in schema], schema=schema) for of, schema in held]
    return encode_frame(Frame(made[0], made[1], empty))


@contextmanager
def cpu(spent: dict[str, float], what: str) -> Iterator[None]:
    """Add the thread's CPU time of the block."""
    begin = time.thread_time()
    yield
    spent[what] = spent.get(what, 0.0) + time.thread_time() - begin


def whole(folder: Path, frames: list[bytes], spent: dict[str, float]) -> Sequencer:
    """The writer and the sequencer over some frames, as the hub runs them."""
    log = MemoryLog(1)
    log.append([NewRecord(0, RecordKind.FRAME, 1, "", body) for body in frames])
    book = Book(folder / "book.db")
    sequencer = Sequencer(book, LogFiles(folder / "log"), SIGNER)
    writer = LedgerWriter(log, NoEvents(), book, 0)
    signed = 0
    while True:
        with cpu(spent, "write"):
            read = writer.step()
        if not read or book.size - signed >= AT_ONCE:
            with cpu(spent, "sign"):
                sequencer.publish()
            signed = book.size
        if not read:
            return sequencer


def small(folder: Path, count: int, spent: dict[str, float]) -> None:
    """Entries of one group of 100 bytes: what a small event costs, without making it."""
    book = Book(folder / "book.db")
    sequencer = Sequencer(book, LogFiles(folder / "log"), SIGNER)
    for first in range(0, count, AT_ONCE):
        with cpu(spent, "seal"):
            entries = []
            for n in range(first, min(first + AT_ONCE, count)):
                salts, groups = os.urandom(16), {"whole": b"%100d" % n}
                entry = seal(EntryKind.EVENT, 0, n, n, groups, salts).entry
                key = EventKey(f"visit_{n:024x}", 1)
                entries.append(NewEntry(EntryKind.EVENT, key, "asset", "main", n, entry, salts, groups))
        with cpu(spent, "append"):
            book.append(entries, {})
        with cpu(spent, "small sign"):
            sequencer.publish()
    book.close()


def bare(path: Path, frames: list[bytes], spent: dict[str, float]) -> None:
    """The peer: reports read from their frames and put into a table."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE r (raw BLOB);")
    with cpu(spent, "bare"):
        for at in range(0, len(frames), 20):
            rows = [
                raw for body in frames[at : at + 20] for raw in decode_frame(body).reports["raw"].to_pylist()
            ]
            db.execute("BEGIN")
            db.executemany("INSERT INTO r VALUES (?)", [(raw,) for raw in rows])
            db.execute("COMMIT")
    db.close()


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 10)
    made.add_argument("--entries", type=int, default=100_000, metavar="N")
    options = made.parse_args()
    count = max(REPORTS_EACH, options.entries)
    frames = [frame(first) for first in range(0, count, REPORTS_EACH)]
    FrameReports([sound(decode_frame(frames[0]), 1)]).seal([0], [False], 0, os.urandom)
    complete_root([bytes(32)] * 2)
    leaf_hashes([b""] * 64)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    count = len(frames) * REPORTS_EACH
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sequencer = whole(folder / "whole", frames, spent)
        with cpu(spent, "groups"):
            found = [FrameReports([sound(decode_frame(body), 1) for body in frames[:50]])]
        with cpu(spent, "commit"):
            for one in found:
                one.seal(range(len(one.rows)), [False] * len(one.rows), 0, os.urandom)
        size = sequencer.head.size if sequencer.head is not None else 0
        asked = list(range(0, size, max(1, size // 500)))
        with cpu(spent, "prove"):
            for at in asked:  # nothing is kept between two
                merkle.inclusion_proof(at, size, TileNodes(sequencer.files.read, size))
        disk = sum(path.stat().st_size for path in (folder / "whole").rglob("*") if path.is_file())
        sequencer.book.close()
        bare(folder / "bare.db", frames, spent)
        small(folder / "small", count, spent)
    some = sum(len(one.rows) for one in found)
    each = count / (spent["write"] + spent["sign"])
    plain = count / spent["bare"]
    little = count / (spent["seal"] + spent["append"] + spent["small sign"])
    tell(
        "ledger",
        [
            Row(
                "reports of 10 samples: appended and signed", each, "entries/s", "a bare table", each / plain
            ),
            Row("the same in samples", each * SAMPLES_EACH, "samples/s"),
            Row("of these: frames read", some / spent["groups"], "entries/s"),
            Row("of these: groups and commitments", some / spent["commit"], "entries/s"),
            Row("of these: tiles and signature", count / spent["sign"], "entries/s"),
            Row("small entries: sealed, appended, signed", little, "entries/s"),
            Row("a proof from tiles", 1e3 * spent["prove"] / len(asked), "ms"),
            Row("on disk", disk / count, "bytes/entry"),
        ],
        options.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
