"""The store in one DuckDB file: one process writes, reads and rewrites, on as many threads as it likes.

A write is one transaction, durable when it returns. What arrives is kept in order of arrival (little work a
sample) and rewritten sorted by ``compact`` (fast history); ``feeds.store.segments`` says how.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import duckdb
import pyarrow as pa

from feeds.store import periods, quality, queries, segments, serve
from feeds.store.compact import Compactor
from feeds.store.duckfile import BrokenError, connect, transaction, translated
from feeds.store.intake import Intake, catalog
from feeds.store.periods import Span
from feeds.store.port import StoreAwayError
from feeds.store.schema import LATEST, TRACK, WIRE, rows_of, signals_schema
from feeds.store.segments import ARRIVED, DAY_MS, OPEN, Segment
from streams.records import Frame

SEGMENT_ROWS: Final = 250_000  # about 37 MB unsorted: in memory and in the WAL until it is rewritten
_WAL_BYTES: Final = 64 << 20  # a longer WAL is written into the file when little of it is unsorted,
_MOST_WAL_BYTES: Final = 512 << 20  # a longer one at once: it takes seconds to read after a crash
_LOW, _HIGH = -(2**63), 2**63 - 1


class DuckStore:
    """A Store in the folder ``folder`` (file ``samples.duckdb``). Raises StoreError when it can't be opened.

    ``memory_mb`` bounds what DuckDB keeps in memory, ``threads`` what one query uses, and ``segment_rows``
    the size of a step of compaction.
    """

    def __init__(
        self, folder: Path, *, memory_mb: int = 192, threads: int = 1, segment_rows: int = SEGMENT_ROWS
    ) -> None:
        self._path = folder / "samples.duckdb"
        self._settings = (memory_mb, threads)
        self._segment_rows = segment_rows
        self._compact_lock = threading.Lock()  # the compactor; taken before the write lock
        self._write_lock = threading.Lock()  # the intake
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write everything into the file and give it free."""
        with self._compact_lock, self._write_lock, translated():
            self._connection.close()

    def write(self, partition: int, position: int, frames: Sequence[Frame]) -> None:
        """As the port says; one flush to disk."""
        with self._writing():
            if self._intake.open_rows >= self._segment_rows:
                self._intake.roll()
            self._intake.write(partition, position, rows_of(frames, self._intake.names))

    def position(self, partition: int) -> int:
        """As the port says."""
        return self._intake.positions.get(partition, 0)

    def track(self, asset: str, start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As the port says."""
        number = self._intake.names.get(asset)
        if number is None:
            return TRACK.empty_table()
        start_ms, end_ms = self._bounds(start_ms, end_ms)
        with self._reading() as cursor:
            held = catalog(cursor)

            def stored(start_ms: int, end_ms: int) -> pa.Table:
                start_ms, end_ms = self._bounds(start_ms, end_ms)
                sources = _overlapping(held, start_ms, end_ms)
                return cursor.sql(queries.track(sources, number, start_ms, end_ms)).to_arrow_table()

            spans = _spans(cursor, _overlapping(held, start_ms, end_ms), number, start_ms, end_ms)
            return serve.piecewise(
                spans, limit, lambda span: quality.judged(stored, span.start_ms, span.end_ms), serve.track
            )

    def signals(self, asset: str, names: Sequence[str], start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As the port says."""
        names = list(dict.fromkeys(names))
        schema, number = signals_schema(names), self._intake.names.get(asset)
        numbers = {name: self._intake.names.get(name) for name in names if name not in WIRE}
        extras = {name: n for name, n in numbers.items() if n is not None}
        if number is None or not (extras or any(name in WIRE for name in names)):
            return schema.empty_table()
        start_ms, end_ms = self._bounds(start_ms, end_ms)
        with self._reading() as cursor:
            sources = _overlapping(catalog(cursor), start_ms, end_ms)

            def read(span: Span) -> pa.Table:
                query = queries.signals(sources, number, span.start_ms, span.end_ms, names, extras)
                rows = cursor.sql(query).to_arrow_table().rename_columns(["t_ms", "hash", *names])
                return serve.each_once(rows, schema)

            spans = _spans(cursor, sources, number, start_ms, end_ms)
            return serve.piecewise(spans, limit, read, serve.signals)

    def latest(self, assets: Sequence[str]) -> pa.Table:
        """As the port says."""
        text = self._intake.names.text
        numbers = [n for n in map(self._intake.names.get, dict.fromkeys(assets)) if n is not None]
        if not numbers:
            return LATEST.empty_table()
        with self._reading() as cursor:
            unsorted = [s.id for s in catalog(cursor) if s.level <= ARRIVED]
            floor_ms, _ = self._bounds(_LOW, _HIGH)
            found = cursor.sql(queries.latest(unsorted, numbers, floor_ms)).to_arrow_table()
        texts = {
            n: pa.array([text(i) for i in found[n].to_pylist()], pa.string()) for n in ("asset", "device")
        }
        return pa.table([texts.get(n, found[n]) for n in LATEST.names], names=LATEST.names).cast(LATEST)

    def compact(self, now_ms: int, budget_s: float) -> int:
        """Rewrite what is closed, for about ``budget_s`` seconds; returns the steps done, 0: nothing to do.

        A step takes about a second and stops neither writes nor reads. ``now_ms`` says which hours and days
        are over. Raises StoreAwayError, after which nothing is lost.
        """
        done, until = 0, time.monotonic() + budget_s
        with self._compact_lock:
            with self._writing():
                if self._intake.hour_is_over(now_ms):
                    self._intake.roll()
            while (done == 0 or time.monotonic() < until) and self._compact_step(now_ms // DAY_MS):
                done += 1
            self._checkpoint()
        return done

    def drop_before(self, t_ms: int) -> None:
        """As the port says. Frees whole segments at once, and the rest of a day when it is over."""
        with self._compact_lock:
            with self._writing():
                if self._intake.floor_ms is not None and t_ms <= self._intake.floor_ms:
                    return
                self._intake.set_floor(t_ms)
            with self._reading() as cursor:
                found = catalog(cursor)
            self._compactor.drop_before(found, t_ms, t_ms // DAY_MS)

    def _compact_step(self, today: int) -> bool:
        if not self._compactor.busy:
            with self._reading() as cursor:
                work = segments.next_work(catalog(cursor), today)
            if work is None:
                return False
            with self._write_lock:
                into = self._intake.take_id()
            self._compactor.begin(work, into)
        self._compactor.step()
        return True

    def _checkpoint(self) -> None:
        """Writes wait for it, and it takes a second for a million unsorted rows: so when there are few."""
        wal = self._path.with_name(self._path.name + ".wal")
        size = wal.stat().st_size if wal.exists() else 0
        with self._reading() as cursor:
            arrived = any(s.level == ARRIVED for s in catalog(cursor))
        few = not arrived and self._intake.open_rows <= self._segment_rows // 4
        if size < (_WAL_BYTES if few else _MOST_WAL_BYTES):
            return
        busy = suppress(duckdb.TransactionException)  # somebody reads an older state: next time
        with self._writing(), translated(), busy:
            self._intake.cursor.execute("CHECKPOINT")

    def _open(self) -> None:
        self._connection = connect(self._path, *self._settings)
        try:
            with translated():
                self._intake = Intake(self._connection.cursor())
                self._compactor = Compactor(self._connection.cursor(), self._segment_rows)
        except BaseException:
            self._connection.close()
            raise
        self._broken = False

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._write_lock:
            if self._broken:
                self._connection.close()
                self._open()
            try:
                yield
            except BrokenError:
                self._broken = True
                raise

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor that sees one state of the store."""
        if self._broken:
            raise StoreAwayError("store not readable until it is written to again", 1.0)
        with translated(), self._connection.cursor() as cursor, transaction(cursor):
            yield cursor

    def _bounds(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        floor_ms = self._intake.floor_ms
        return max(start_ms, _LOW if floor_ms is None else floor_ms), min(end_ms, _HIGH)


def _overlapping(held: Sequence[Segment], start_ms: int, end_ms: int) -> list[int]:
    return [s.id for s in held if s.level == OPEN or (s.max_ms >= start_ms and s.min_ms < end_ms)]


def _spans(
    cursor: duckdb.DuckDBPyConnection, sources: Sequence[int], asset: int, start_ms: int, end_ms: int
) -> list[Span]:
    """The period in parts, see ``periods.spans``."""
    if periods.short(start_ms, end_ms):
        return [Span(start_ms, end_ms, 0)]
    days = cursor.execute(queries.days(sources, asset, start_ms, end_ms)).fetchall()
    return periods.spans(days, start_ms, end_ms)
