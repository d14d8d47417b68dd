"""The read model's file: who may open it how, its making, and its connections.

One connection writes; readers take turns with a few that only read, each in whatever thread asks. A file
that was replaced (rebuilt from the log) is noticed at the next query.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from feeds import readsql

_BUSY_S: Final = 10.0
_MAX_POOLED: Final = 8
_CACHE_KIB: Final = 16_384  # of the writer: with less, filings in bulk read their indices' pages again


class ReadModelError(Exception):
    """The read model can't be used as asked; the message names what was got and wanted."""


class ReadModelAwayError(ReadModelError):
    """The file can't be opened now (not made yet, or being replaced); try after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ReadFile:
    """The file ``path``; arguments and errors as of ReadModel."""

    def __init__(self, path: Path, partitions: int | None, read_only: bool) -> None:
        self._path = path
        self._lock = Lock()
        self._pool: deque[tuple[tuple[int, int], sqlite3.Connection]] = deque()
        self._closed = False
        self._partitions = partitions
        self._writer = None if read_only else self._open_writer(partitions)

    @property
    def partitions(self) -> int:
        """How many partitions the file was made for."""
        if self._partitions is None:
            with self.reading() as db:
                self._partitions = meta(db, "partitions")
        return self._partitions

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        if self._writer is not None:
            with self._lock:
                self._writer.close()
        while self._pool:
            self._pool.pop()[1].close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection, for one thread at a time."""
        if self._writer is None or self._closed:
            raise ReadModelError("read model can't be written: it is closed or opened to read only")
        with self._lock:
            try:
                yield self._writer
            except sqlite3.Error as error:
                raise ReadModelError(f"read model can't be written: {self._path}: {error}") from error

    def _open_writer(self, partitions: int | None) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        except (OSError, sqlite3.Error) as error:
            raise ReadModelError(f"read model can't be opened: {self._path}: {error}") from error
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA journal_size_limit = 67108864")
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            with transaction(db):
                if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                    _create(db, partitions)
            self._partitions = self._checked(db, partitions)
        except sqlite3.Error as error:
            db.close()
            raise ReadModelError(f"read model can't be used: {self._path}: {error}") from error
        except ReadModelError:
            db.close()
            raise
        return db

    def _checked(self, db: sqlite3.Connection, partitions: int | None) -> int:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != readsql.SCHEMA_VERSION:
            raise ReadModelError(
                f"read model of another version: {self._path}: got {version}, want {readsql.SCHEMA_VERSION}; "
                "delete it and it is rebuilt from the log"
            )
        made_for = meta(db, "partitions")
        if partitions is not None and made_for != partitions:
            raise ReadModelError(
                f"read model of another partition count: {self._path}: got {made_for}, want {partitions}"
            )
        return made_for

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of the pool; one whose file was replaced since is not used again."""
        if self._closed:
            raise ReadModelError("read model is closed")
        identity = self._identity()
        db: sqlite3.Connection | None = None
        while self._pool and db is None:
            try:
                opened, db = self._pool.pop()
            except IndexError:
                break
            if opened != identity:
                db.close()
                db = None
        if db is None:
            db = self._open_reader()
        try:
            yield db
        except sqlite3.OperationalError as error:
            db.close()
            raise ReadModelAwayError(f"read model can't be read now: {self._path}: {error}") from error
        except BaseException:
            db.close()
            raise
        if self._closed or len(self._pool) >= _MAX_POOLED:
            db.close()
        else:
            self._pool.append((identity, db))

    def _identity(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise ReadModelAwayError(f"read model is not there yet: {self._path}") from error
        return status.st_dev, status.st_ino

    def _open_reader(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=_BUSY_S,
            )
        except sqlite3.Error as error:
            raise ReadModelAwayError(f"read model can't be opened: {self._path}: {error}") from error
        try:
            self._checked(db, self._partitions)
        except sqlite3.Error as error:
            db.close()
            raise ReadModelAwayError(f"read model can't be opened: {self._path}: {error}") from error
        except ReadModelError:
            db.close()
            raise
        return db


def _create(db: sqlite3.Connection, partitions: int | None) -> None:
    if partitions is None:
        raise ReadModelError("read model is new: got no partition count, want one")
    for statement in readsql.SCHEMA.split(";"):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES ('partitions', ?), ('touched', 0)", (partitions,))
    db.execute(f"PRAGMA user_version = {readsql.SCHEMA_VERSION}")


def meta(db: sqlite3.Connection, name: str) -> int:
    """A number kept with the file: "partitions" or "touched"."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return int(row[0])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """Several queries see the same state."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")
