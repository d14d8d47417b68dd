"""The embedded log: one SQLite file in WAL mode with full sync, shared by several processes.

Every append is one transaction, so a group of records is there whole or not at all, and it has reached
the disk when ``append`` returns. Each record carries a CRC-32 of its own: a tail that a power loss
damaged is found when the log is opened, set aside and cut off; what was acknowledged before it stays.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from streams.log import LogCorruptError, LogError, LogFullError
from streams.records import LogRecord, NewRecord, RecordKind

_FORMAT: Final = 1
_SHIFT: Final = 44  # id = partition << 44 | position: 17 trillion records a partition
_TAIL: Final = 256  # records whose CRC is checked at opening: more than one group commit holds
_BUSY_S: Final = 10.0
_SCHEMA: Final = """
create table if not exists meta (name text primary key, value integer not null) without rowid;
create table if not exists records (
  id integer primary key, kind integer not null, received_ms integer not null,
  key text not null, crc integer not null, body blob not null);
"""


class SqliteLog:
    """A Log (see ``streams.log``) in the file ``path``; threads and processes may share it.

    ``min_free_bytes``: append refuses (LogFullError) while the disk has less than this left, so that
    SQLite itself never meets a full disk in the middle of a checkpoint.
    """

    def __init__(self, path: Path, partitions: int = 1, min_free_bytes: int = 64 << 20) -> None:
        self.path = path
        self.min_free_bytes = min_free_bytes
        self.recovered: str | None = None
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._partitions = self._prepare(partitions)
        self._recover_tail()

    @property
    def partitions(self) -> int:
        """How many partitions the log was made with."""
        return self._partitions

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        """See Log.append."""
        if not records:
            return []
        self._require_space(sum(len(r.body) for r in records))
        db = self._connection()
        try:
            db.execute("begin immediate")
            try:
                positions = self._insert(db, records)
                db.execute("commit")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back by itself
                    db.execute("rollback")
                raise
        except sqlite3.OperationalError as error:
            raise _translated(error, self.path) from error
        return positions

    def _insert(self, db: sqlite3.Connection, records: Sequence[NewRecord]) -> list[int]:
        ends: dict[int, int] = {}
        rows, positions = [], []
        for record in records:
            self._require_partition(record.partition)
            end = ends.get(record.partition)
            position = (self._end(db, record.partition) if end is None else end) + 1
            ends[record.partition] = position
            positions.append(position)
            rows.append(
                (
                    record.partition << _SHIFT | position,
                    int(record.kind),
                    record.received_ms,
                    record.key,
                    zlib.crc32(record.body),
                    record.body,
                )
            )
        db.executemany("insert into records values (?, ?, ?, ?, ?, ?)", rows)
        return positions

    def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
        """See Log.read. Raises LogCorruptError where a record is not what was written."""
        self._require_partition(partition)
        records: list[LogRecord] = []
        size = 0
        for record, intact in self._scan(partition, after):
            if not intact:
                raise LogCorruptError(f"{self.path}: record {partition}/{record.position} fails its checksum")
            size += len(record.body)
            if records and size > max_bytes:
                break
            records.append(record)
        return records

    def end(self, partition: int) -> int:
        """See Log.end."""
        self._require_partition(partition)
        return self._end(self._connection(), partition)

    def trim(self, partition: int, through: int) -> int:
        """See Log.trim."""
        self._require_partition(partition)
        db = self._connection()
        through = min(through, self.end(partition))
        db.execute("begin immediate")
        db.execute(
            "insert into meta values (?, ?) on conflict do update set value = max(value, excluded.value)",
            (f"trimmed.{partition}", through),
        )
        gone = db.execute(
            "delete from records where id > ? and id <= ? and kind != ?",
            (partition << _SHIFT, partition << _SHIFT | through, int(RecordKind.COMMAND)),
        ).rowcount
        db.execute("commit")
        return gone

    def position_before(self, partition: int, received_ms: int, limit: int) -> int:
        """The last position up to ``limit`` before which everything was received before ``received_ms``.

        0 when there is none. Records are in the order of receipt but for clock corrections.
        """
        self._require_partition(partition)
        row = (
            self._connection()
            .execute(
                "select min(id) from records where id > ? and id <= ? and received_ms >= ? and kind != ?",
                (partition << _SHIFT, partition << _SHIFT | limit, received_ms, int(RecordKind.COMMAND)),
            )
            .fetchone()
        )
        return limit if row[0] is None else (row[0] & ((1 << _SHIFT) - 1)) - 1

    def close(self) -> None:
        """Close every thread's connection; the log can't be used after it."""
        with self._lock:
            for db in self._open:
                db.close()
            self._open.clear()

    def _scan(self, partition: int, after: int) -> Iterator[tuple[LogRecord, bool]]:
        cursor = self._connection().execute(
            "select id, kind, received_ms, key, crc, body from records where id > ? and id < ? order by id",
            (partition << _SHIFT | after, (partition + 1) << _SHIFT),
        )
        mask = (1 << _SHIFT) - 1
        try:
            for id_, kind, received_ms, key, crc, body in cursor:
                record = LogRecord(partition, id_ & mask, RecordKind(kind), received_ms, key, body)
                yield record, zlib.crc32(body) == crc
        except sqlite3.DatabaseError as error:
            raise LogCorruptError(f"{self.path}: not readable: {error}") from error
        finally:
            cursor.close()

    def _end(self, db: sqlite3.Connection, partition: int) -> int:
        top = db.execute(
            "select max(id) from records where id > ? and id < ?",
            (partition << _SHIFT, (partition + 1) << _SHIFT),
        ).fetchone()[0]
        trimmed = db.execute("select value from meta where name = ?", (f"trimmed.{partition}",)).fetchone()
        return max(top & ((1 << _SHIFT) - 1) if top else 0, trimmed[0] if trimmed else 0)

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            db.execute("pragma page_size = 16384")  # frames are tens of kilobytes: few overflow pages
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = full")
            db.execute("pragma wal_autocheckpoint = 2000")  # 32 MB between checkpoints
            db.execute("pragma journal_size_limit = 67108864")
            self._local.db = db
            with self._lock:
                self._open.append(db)
        return db

    def _prepare(self, partitions: int) -> int:
        if not 1 <= partitions < 1 << 15:
            raise LogError(f"impossible number of partitions: got {partitions}, want 1 to {(1 << 15) - 1}")
        try:
            return self._create(partitions)
        except sqlite3.OperationalError as error:
            raise _translated(error, self.path) from error
        except sqlite3.DatabaseError:
            self._salvage("the file is not a readable database")
            return self._create(partitions)

    def _create(self, partitions: int) -> int:
        db = self._connection()
        db.executescript(_SCHEMA)
        db.execute(
            "insert or ignore into meta values ('format', ?), ('partitions', ?)", (_FORMAT, partitions)
        )
        held = dict(db.execute("select name, value from meta"))
        if held["format"] != _FORMAT:
            raise LogError(f"{self.path}: got a log of format {held['format']}, want {_FORMAT}")
        if held["partitions"] != partitions:
            raise LogError(
                f"{self.path}: the log has {held['partitions']} partitions, asked for {partitions}"
            )
        return partitions

    def _recover_tail(self) -> None:
        """Cut off damaged records at the end: no consumer may have seen what never was readable."""
        try:
            for partition in range(self._partitions):
                self._cut_tail(partition)
        except (LogCorruptError, sqlite3.DatabaseError) as error:
            self._salvage(str(error))

    def _cut_tail(self, partition: int) -> None:
        start = max(0, self.end(partition) - _TAIL)
        bad = next((r.position for r, intact in self._scan(partition, start) if not intact), None)
        if bad is None:
            return
        lost = self.end(partition) - bad + 1
        self._connection().execute(
            "delete from records where id >= ? and id < ?",
            (partition << _SHIFT | bad, (partition + 1) << _SHIFT),
        )
        self.recovered = f"cut {lost} damaged records at the end of partition {partition}, from {bad} on"

    def _salvage(self, reason: str) -> None:
        """Copy all records before the first damage into a new file; keep the old one beside it."""
        self.close()
        self._local = threading.local()
        aside = _free_name(self.path)
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                shutil.copy2(part, aside.with_name(aside.name + suffix))
        meta, rows = _readable(aside)
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        db = self._connection()
        db.executescript(_SCHEMA)
        db.execute("begin")
        db.executemany("insert into meta values (?, ?)", meta)
        db.executemany("insert into records values (?, ?, ?, ?, ?, ?)", rows)
        db.execute("commit")
        self.recovered = f"{reason}; {len(rows)} records saved, the damaged file is kept as {aside.name}"

    def _require_partition(self, partition: int) -> None:
        if not 0 <= partition < self._partitions:
            raise LogError(f"no such partition: got {partition}, want 0 to {self._partitions - 1}")

    def _require_space(self, size: int) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if free < self.min_free_bytes + size:
            raise LogFullError(
                f"disk nearly full: got {free} bytes free, want at least {self.min_free_bytes + size}",
                retry_after=10.0,
            )


def _readable(path: Path) -> tuple[list[tuple[str, int]], list[tuple[int, int, int, str, int, bytes]]]:
    meta: list[tuple[str, int]] = []
    rows: list[tuple[int, int, int, str, int, bytes]] = []
    db = sqlite3.connect(path, isolation_level=None)
    try:
        meta = list(db.execute("select name, value from meta"))
        for row in db.execute("select * from records order by id"):
            if zlib.crc32(row[5]) != row[4]:
                break
            rows.append(row)
    except sqlite3.DatabaseError:
        pass  # the rows before the damage are what can be saved
    finally:
        db.close()
    return meta, rows


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _translated(error: sqlite3.OperationalError, path: Path) -> LogError:
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
        return LogFullError(f"{path}: {error}", retry_after=10.0)
    return LogError(f"{path}: {error}")
