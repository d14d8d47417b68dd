"""Rewriting of segments, sorted and without duplicates, in steps of bounded size.

A rewrite reads and writes in transactions of its own beside those that write and read samples, and holds no
lock. A step that dies leaves tables that the catalog does not name: they are dropped when the store is
opened, and the sources, which are untouched until the last step, are rewritten again.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from feeds.store.duckfile import transaction
from feeds.store.periods import cut
from feeds.store.segments import ARRIVED, EXTRA_KEY, KEY, PLACED, Segment, Work, create, newest, union


@dataclass(slots=True)
class _Rewrite:
    work: Work
    into: int
    ranges: list[tuple[int, int, int]]  # of assets: first, last, rows; still to do


class Compactor:
    """Does one ``Work`` at a time on a cursor of its own. Not for several threads at once."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, step_rows: int) -> None:
        self._cursor = cursor
        self._step_rows = step_rows
        self._rewrite: _Rewrite | None = None

    @property
    def busy(self) -> bool:
        """A rewrite has begun and is not done."""
        return self._rewrite is not None

    def begin(self, work: Work, into: int) -> None:
        """Start ``work`` into the new segment ``into``."""
        with transaction(self._cursor):
            ranges = [] if work.level == 1 else cut(self._counts(work), self._step_rows)
            self._cursor.execute(create("s", into))
            self._cursor.execute(create("x", into))
        self._rewrite = _Rewrite(work, into, ranges)

    def step(self) -> None:
        """One range of assets, or when none is left the change of the catalog."""
        rewrite = self._rewrite
        if rewrite is None:
            return
        if rewrite.ranges:
            first, last, _ = rewrite.ranges[0]
            with transaction(self._cursor):
                self._copy(rewrite, f"WHERE asset BETWEEN {first} AND {last}")
            rewrite.ranges.pop(0)
            return
        with transaction(self._cursor):
            if rewrite.work.level == 1:  # unsorted: every range of assets would have read all of it
                self._copy(rewrite, "")
                self._remember_latest(rewrite.work.sources[0])
            self._swap(rewrite)
        self._rewrite = None

    def abandon(self) -> None:
        """Forget the rewrite that has begun, if any."""
        rewrite, self._rewrite = self._rewrite, None
        if rewrite is not None:
            with transaction(self._cursor):
                self._drop(rewrite.into)

    def drop_before(self, segments: list[Segment], t_ms: int, day: int) -> None:
        """Free segments that hold nothing since ``t_ms``; purge those that arrived before ``day``."""
        self.abandon()
        with transaction(self._cursor):
            for segment in segments:
                if segment.level > ARRIVED and segment.max_ms < t_ms:
                    self._cursor.execute("DELETE FROM segments WHERE id = ?", [segment.id])
                    self._drop(segment.id)
                elif segment.level > ARRIVED and segment.day < day and segment.min_ms < t_ms:
                    for prefix in "sx":
                        self._cursor.execute(f"DELETE FROM {prefix}_{segment.id} WHERE t_ms < ?", [t_ms])
                    self._cursor.execute("UPDATE segments SET min_ms = ? WHERE id = ?", [t_ms, segment.id])
            self._cursor.execute("DELETE FROM latest WHERE t_ms < ?", [t_ms])

    def _counts(self, work: Work) -> list[tuple[int, int]]:
        assets = union([f"SELECT asset FROM s_{s.id}" for s in work.sources])
        self._cursor.execute(f"SELECT asset, count(*) FROM ({assets}) GROUP BY asset ORDER BY asset")
        return self._cursor.fetchall()

    def _copy(self, rewrite: _Rewrite, where: str) -> None:
        """Sort the rows of the sources into the new tables; of a duplicate the one received first stays."""
        for prefix, key, first in (("s", KEY, "received_ms, "), ("x", EXTRA_KEY, "")):
            froms = [(s.id, f"rowid AS nth FROM {prefix}_{s.id} {where}") for s in rewrite.work.sources]
            # Keys alone are told apart: DISTINCT ON holds whole rows in memory, more than a store may have.
            keys = union([f"SELECT {key}, {first}{ident} AS source, {rest}" for ident, rest in froms])
            doubled = f"SELECT {key} FROM ({keys}) GROUP BY {key} HAVING count(*) > 1"
            nth = f"row_number() OVER (PARTITION BY {key} ORDER BY {first}source, nth)"
            self._cursor.execute(
                "CREATE OR REPLACE TEMP TABLE doubles AS SELECT source, nth "
                f"FROM ({keys}) SEMI JOIN ({doubled}) USING ({key}) QUALIFY {nth} > 1"
            )
            rows = union([f"SELECT *, {ident} AS source, {rest}" for ident, rest in froms])
            self._cursor.execute(
                f"INSERT INTO {prefix}_{rewrite.into} SELECT * EXCLUDE (source, nth) "
                f"FROM ({rows}) ANTI JOIN doubles USING (source, nth) ORDER BY {key}"
            )
            self._cursor.execute("DROP TABLE doubles")

    def _remember_latest(self, source: Segment) -> None:
        rows = union(["SELECT * FROM latest", f"SELECT * FROM s_{source.id} WHERE {PLACED}"])
        self._cursor.execute(f"CREATE OR REPLACE TEMP TABLE newer AS {newest(rows)}")
        self._cursor.execute("DELETE FROM latest")
        self._cursor.execute("INSERT INTO latest SELECT * FROM newer")
        self._cursor.execute("DROP TABLE newer")

    def _swap(self, rewrite: _Rewrite) -> None:
        day = max(s.day for s in rewrite.work.sources)
        low, high = min(s.min_ms for s in rewrite.work.sources), max(s.max_ms for s in rewrite.work.sources)
        for source in rewrite.work.sources:
            self._cursor.execute("DELETE FROM segments WHERE id = ?", [source.id])
            self._drop(source.id)
        row = [rewrite.into, rewrite.work.level, day, low, high]
        self._cursor.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?)", row)

    def _drop(self, ident: int) -> None:
        for prefix in "sx":
            self._cursor.execute(f"DROP TABLE {prefix}_{ident}")
