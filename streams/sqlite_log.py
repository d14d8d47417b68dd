"""The embedded log: one SQLite file in WAL mode with full sync, shared by several processes.

Every append is one transaction, so a group of records is there whole or not at all, and it has reached
the disk when ``append`` returns. Each record carries a CRC-32 of its own: a tail that a power loss
damaged is found when the log is opened, set aside and cut off; what was acknowledged before it stays.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from streams.homes import DECIDING
from streams.log import LogCorruptError, LogError, LogFullError
from streams.opening import alone
from streams.records import LogRecord, NewRecord, RecordKind

_FORMAT: Final = 1
_SHIFT: Final = 44  # id = partition << 44 | position: 17 trillion records a partition
_TAIL: Final = 256  # records whose CRC is checked at opening: more than one group commit holds
_BUSY_S: Final = 10.0
_TRIM_RECORDS: Final = 256  # deleted in one transaction: appends wait no longer than for that
_DECIDING: Final = " or ".join(f"substr(body, 1, {len(begin)}) = ?" for begin in DECIDING)
_USED, _LET_GO = "trimmed", "let_go"  # meta: positions that are never given again; what trim let go of
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
        try:
            with alone(path):
                self._adopt()
                self._partitions = self._prepare(partitions)
                self._recover_tail()
        except sqlite3.OperationalError as error:
            raise _translated(error, path) from error

    @property
    def partitions(self) -> int:
        """How many partitions the log was made with."""
        return self._partitions

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        """See Log.append."""
        if not records:
            return []
        self._require_space(sum(len(r.body) for r in records))
        with self._writing() as db:
            return self._insert(db, records)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all or nothing. Raises LogFullError or LogError."""
        db = self._connection()
        try:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back by itself
                    db.execute("rollback")
                raise
        except sqlite3.OperationalError as error:
            raise _translated(error, self.path) from error

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

    def trimmed(self, partition: int) -> int:
        """See Log.trimmed."""
        self._require_partition(partition)
        row = (
            self._connection()
            .execute("select value from meta where name = ?", (f"{_LET_GO}.{partition}",))
            .fetchone()
        )
        return row[0] if row else 0

    def trim(self, partition: int, through: int) -> int:
        """See Log.trim."""
        self._require_partition(partition)
        through = min(through, self.end(partition))
        last, top, gone = partition << _SHIFT, partition << _SHIFT | through, 0
        while last < top:
            with self._writing() as db:
                ids = db.execute(
                    "select id from records where id > ? and id <= ? and kind != ? and not "
                    f"(kind = ? and ({_DECIDING})) order by id limit ?",
                    (last, top, int(RecordKind.COMMAND), int(RecordKind.NOTE), *DECIDING, _TRIM_RECORDS),
                ).fetchall()
                last = ids[-1][0] if len(ids) == _TRIM_RECORDS else top
                db.executemany("delete from records where id = ?", ids)
                self._raise(db, f"{_USED}.{partition}", last & ((1 << _SHIFT) - 1))
                if ids:
                    self._raise(db, f"{_LET_GO}.{partition}", last & ((1 << _SHIFT) - 1))
            gone += len(ids)
        return gone

    def skip(self, partition: int, through: int) -> None:
        """Never give a position up to ``through`` to a new record: a consumer has seen others there."""
        self._require_partition(partition)
        with self._writing() as db:
            self._raise(db, f"{_USED}.{partition}", through)

    @staticmethod
    def _raise(db: sqlite3.Connection, name: str, value: int) -> None:
        db.execute(
            "insert into meta values (?, ?) on conflict do update set value = max(value, excluded.value)",
            (name, value),
        )

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
        except sqlite3.OperationalError as error:
            raise _translated(error, self.path) from error
        except sqlite3.DatabaseError as error:
            raise LogCorruptError(f"{self.path}: not readable: {error}") from error
        finally:
            cursor.close()

    def _end(self, db: sqlite3.Connection, partition: int) -> int:
        top = db.execute(
            "select max(id) from records where id > ? and id < ?",
            (partition << _SHIFT, (partition + 1) << _SHIFT),
        ).fetchone()[0]
        trimmed = db.execute("select value from meta where name = ?", (f"{_USED}.{partition}",)).fetchone()
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
        """Cut off damaged records at the end; their positions are not given out again."""
        try:
            for partition in range(self._partitions):
                self._cut_tail(partition)
        except sqlite3.OperationalError:
            raise  # locked, full, out of files: the log is not at fault
        except (LogCorruptError, sqlite3.DatabaseError) as error:
            self._salvage(str(error))

    def _cut_tail(self, partition: int) -> None:
        start = max(0, self.end(partition) - _TAIL)
        bad = next((r.position for r, intact in self._scan(partition, start) if not intact), None)
        if bad is None:
            return
        end = self.end(partition)
        lost = end - bad + 1
        with self._writing() as db:
            # a consumer that read them before the damage must not go back
            self._raise(db, f"{_USED}.{partition}", end)
            db.execute(
                "delete from records where id >= ? and id < ?",
                (partition << _SHIFT | bad, (partition + 1) << _SHIFT),
            )
        self.recovered = f"cut {lost} damaged records at the end of partition {partition}, from {bad} on"

    def _salvage(self, reason: str) -> None:
        """Save all records before the first damage in a new file; keep the old one beside it.

        The new file gets its own name when it is whole. From there on a crash is made good by ``_adopt``,
        before that the damaged file is still in place.
        """
        self.close()
        self._local = threading.local()
        part = self.path.with_name(self.path.name + ".part")
        for suffix in ("", "-journal"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
        count = _save(self.path, part)
        os.replace(part, self._saved)
        aside = self._adopt()
        self.recovered = f"{reason}; {count} records saved, the damaged file is kept as {aside.name}"

    @property
    def _saved(self) -> Path:
        return self.path.with_name(self.path.name + ".saved")

    def _adopt(self) -> Path:
        """Put what was saved in the place of the damaged file, which goes aside with its WAL."""
        aside = _free_name(self.path)
        if self._saved.exists():
            for suffix in ("", "-wal", "-shm"):  # a WAL must never meet another file than its own
                old = self.path.with_name(self.path.name + suffix)
                if old.exists():
                    os.replace(old, aside.with_name(aside.name + suffix))
            os.replace(self._saved, self.path)
        return aside

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


def _save(damaged: Path, into: Path) -> int:
    """Copy the records before the first damage into a new file; returns how many."""
    source = sqlite3.connect(damaged, isolation_level=None)
    target = sqlite3.connect(into, isolation_level=None)
    try:
        target.execute("pragma page_size = 16384")
        target.executescript(_SCHEMA)
        target.execute("begin")
        target.executemany("insert or replace into meta values (?, ?)", _readable(source, "meta"))
        rows = _readable(source, "records order by id")
        sound = takewhile(lambda row: zlib.crc32(row[5]) == row[4], rows)
        target.executemany("insert into records values (?, ?, ?, ?, ?, ?)", sound)
        count: int = target.execute("select count(*) from records").fetchone()[0]
        target.execute("commit")
    finally:
        source.close()
        target.close()
    return count


def _readable(source: sqlite3.Connection, what: str) -> Iterator[tuple[Any, ...]]:
    """The rows before the damage: what can be saved."""
    try:
        yield from source.execute(f"select * from {what}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:  # that is "no such table": damage as well
            raise
    except sqlite3.DatabaseError:
        return


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _translated(error: sqlite3.OperationalError, path: Path) -> LogError:
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
        return LogFullError(f"{path}: {error}", retry_after=10.0)
    return LogError(f"{path}: {error}")
