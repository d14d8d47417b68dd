"""However the reports of a device come, the book tells the same of its starts, and only of what it took."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cbor2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.completeness import History, Starts, unpack
from feeds.ledger.book import Book
from feeds.ledger.reports import PLACE
from feeds.ledger.writer import LedgerWriter
from streams.codec import encode_frame
from streams.memory_log import MemoryLog
from streams.records import NewRecord, RecordKind
from tests.unit.feeds.ledger.test_writer import Told, frame

T0 = 1_799_990_000_000
BOOTS = {"b1": 1, "b2": 2, "b3": 2}


def report(boot: str, seq: int, variant: int) -> dict[str, Any]:
    """A report that names the first variant of the one before; every third one is silent for a while."""
    raw = f"{boot} {seq} {variant}".encode()
    prev = sha256(f"{boot} {seq - 1} 0".encode()).digest() if seq else None
    times = [{"t_ms": T0 + seq * 400_000 + n * 1_000} for n in range(2)] if seq % 3 else []
    named = {"boot": boot, "boot_n": BOOTS[boot], "seq": seq, "prev": prev, "raw": raw}
    return {**named, "hash": sha256(raw).digest(), "samples": times}


def kept(reports: list[dict[str, Any]], cuts: list[int], restarts: list[bool]) -> tuple[Any, ...]:
    """Statements, places of conflicts and how many entries, of reports in frames ending at ``cuts``."""
    log = MemoryLog(1)
    ends = sorted({*cuts, len(reports)})
    with TemporaryDirectory() as name:
        book = Book(Path(name) / "book.db")
        writer = LedgerWriter(log, Told(), book, 0)
        for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
            if begin == end:
                continue
            body = encode_frame(frame(*reports[begin:end]))
            log.append([NewRecord(0, RecordKind.FRAME, 5, "", body)])
            if restarts[number % len(restarts)]:
                writer = LedgerWriter(log, Told(), book, 0)
                writer.step()
        writer.step()
        starts = {boot: unpack(data) for boot, data in book.starts_of(["unit-1"])["unit-1"].items()}
        read, verdicts = Starts(), []
        for one in book.records(0, 999, 999):
            assert one.groups is not None
            head = cbor2.loads(one.groups["head"])
            verdicts.append(head["verdict"])
            read.add_head(head, (), np.frombuffer(one.groups.get("place", b""), PLACE)["t_ms"])
        size = book.size
        book.close()
    history = History(starts)
    told = {boot: history.statement("unit-1", boot) for boot in starts}
    for boot, made in told.items():  # who has the records alone says the same
        assert read.statement("unit-1", boot) | {"doubled": made["doubled"]} == made
    return told, verdicts.count("conflict"), size


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_order_frames_steps_and_restarts_change_nothing(data: st.DataObject) -> None:
    one = st.builds(report, st.sampled_from(sorted(BOOTS)), st.integers(0, 6), st.sampled_from((0, 0, 0, 1)))
    reports = data.draw(st.lists(one, min_size=1, max_size=16))
    places = st.lists(st.integers(1, len(reports)), max_size=5)
    flags = st.lists(st.booleans(), min_size=1, max_size=4)
    first = kept(reports, data.draw(places), data.draw(flags))
    again = kept(data.draw(st.permutations(reports)), data.draw(places), data.draw(flags))
    assert first == again
    told, conflicts, size = first
    distinct = {(one["boot"], one["seq"], one["hash"]) for one in reports}
    numbers = {(boot, seq) for boot, seq, _ in distinct}
    assert size == len(distinct)
    assert conflicts == len(distinct) - len(numbers) == sum(one["conflicts"] for one in told.values())
    assert sum(one["doubled"] for one in told.values()) == len(reports) - len(distinct)
