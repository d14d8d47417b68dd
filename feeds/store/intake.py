"""What a DuckDB store is writing: its dictionary, the covered positions, and the segment that is open.

One transaction a batch holds its samples, new names and the log position, so whatever survives a crash is
consistent. Not for several threads at once; texts and positions may be read by others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from feeds.store import segments
from feeds.store.duckfile import transaction
from feeds.store.names import Names
from feeds.store.port import StoreError
from feeds.store.schema import Rows
from feeds.store.segments import ARRIVED, DAY_MS, HOUR_MS, OPEN, Segment


class Intake:
    """The writing side on ``cursor``; makes the catalog when there is none. Raises StoreError."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        tables = {name for (name,) in self._fetch("SELECT table_name FROM duckdb_tables()")}
        if "meta" not in tables:
            with transaction(cursor):
                for statement in segments.catalog():
                    cursor.execute(statement)
                self._add_open(0)
        ((version, floor_ms),) = self._fetch("SELECT format, floor_ms FROM meta")
        if version != segments.FORMAT:
            raise StoreError(f"store of another format: got {version}, want {segments.FORMAT}")
        self.floor_ms: int | None = floor_ms
        self._drop_orphans(tables)
        self.names = Names(name for (name,) in self._fetch("SELECT name FROM names ORDER BY id"))
        self.positions: dict[int, int] = dict(self._fetch("SELECT partition, position FROM positions"))
        ((self.open_id,),) = self._fetch(f"SELECT id FROM segments WHERE level = {OPEN}")
        self._next_id: int = self._fetch("SELECT max(id) + 1 FROM segments")[0][0]
        span = f"SELECT count(*), min(received_ms), max(received_ms) FROM s_{self.open_id}"
        ((self.open_rows, since_ms, newest_ms),) = self._fetch(span)
        self._since_ms, self._newest_ms = since_ms or 0, newest_ms or 0

    def write(self, partition: int, position: int, rows: Rows) -> None:
        """Commit ``rows``, the names they brought and ``position``. On an error nothing has changed."""
        position = max(position, self.positions.get(partition, 0))
        try:
            with transaction(self.cursor):
                self._insert("names", _table(self.names.new))
                self._insert(f"s_{self.open_id}", rows.samples)
                self._insert(f"x_{self.open_id}", rows.extras)
                self._cover(partition, position)
        except BaseException:
            self.names.forget()
            raise
        self.names.keep()
        self.positions[partition] = position
        if rows.samples.num_rows:
            self._since_ms = self._since_ms if self.open_rows else rows.received_ms
            self._newest_ms = max(self._newest_ms, rows.received_ms) if self.open_rows else rows.received_ms
            self.open_rows += rows.samples.num_rows

    def hour_is_over(self, now_ms: int) -> bool:
        """The open segment holds something that arrived in an hour before that of ``now_ms``."""
        return self.open_rows > 0 and now_ms // HOUR_MS > self._since_ms // HOUR_MS

    def roll(self) -> None:
        """Leave the open segment as arrived and open another."""
        into = self.take_id()
        ((low, high),) = self._fetch(f"SELECT min(t_ms), max(t_ms) FROM s_{self.open_id}")
        with transaction(self.cursor):
            self.cursor.execute(
                "UPDATE segments SET level = ?, day = ?, min_ms = ?, max_ms = ? WHERE id = ?",
                [ARRIVED, self._newest_ms // DAY_MS, low, high, self.open_id],
            )
            self._add_open(into)
        self.open_id, self.open_rows = into, 0

    def take_id(self) -> int:
        """A number for a new segment."""
        self._next_id += 1
        return self._next_id - 1

    def set_floor(self, t_ms: int) -> None:
        """Nothing before ``t_ms`` is to be served any more."""
        with transaction(self.cursor):
            self.cursor.execute("UPDATE meta SET floor_ms = ?", [t_ms])
        self.floor_ms = t_ms

    def _insert(self, into: str, table: pa.Table) -> None:
        if table.num_rows:
            self.cursor.register("arriving", table)
            self.cursor.execute(f"INSERT INTO {into} SELECT * FROM arriving")
            self.cursor.unregister("arriving")

    def _cover(self, partition: int, position: int) -> None:
        row = [position, partition]
        if partition in self.positions:
            self.cursor.execute("UPDATE positions SET position = ? WHERE partition = ?", row)
        else:
            self.cursor.execute("INSERT INTO positions (position, partition) VALUES (?, ?)", row)

    def _add_open(self, ident: int) -> None:
        self.cursor.execute(segments.create("s", ident))
        self.cursor.execute(segments.create("x", ident))
        self.cursor.execute(f"INSERT INTO segments VALUES ({ident}, {OPEN}, 0, NULL, NULL)")

    def _drop_orphans(self, tables: set[str]) -> None:
        """Tables of rewrites that were cut off."""
        kept = {f"{prefix}_{i}" for (i,) in self._fetch("SELECT id FROM segments") for prefix in "sx"}
        for name in {t for t in tables if t[:2] in ("s_", "x_")} - kept:
            self.cursor.execute(f"DROP TABLE {name}")

    def _fetch(self, query: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(query).fetchall()


def _table(names: Sequence[tuple[int, str]]) -> pa.Table:
    numbers, texts = pa.array([n for n, _ in names], pa.int32()), pa.array([t for _, t in names], pa.string())
    return pa.table({"id": numbers, "name": texts})


def catalog(cursor: duckdb.DuckDBPyConnection) -> list[Segment]:
    """All segments."""
    cursor.execute(
        "SELECT id, level, day, coalesce(min_ms, 0), coalesce(max_ms, 0) FROM segments ORDER BY min_ms"
    )
    return [Segment(*row) for row in cursor.fetchall()]
