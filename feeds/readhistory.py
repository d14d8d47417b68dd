"""The read model's file as history: all events in order, and the file as it was at an earlier log position.

For the time when no system runs on the file. The served tables are only read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from feeds import readsql
from feeds.readfile import ReadModelError, meta, transaction
from streams.events import Event

_PAGE = 2_000


def events(path: Path, partition: int, after: int) -> Iterator[Event]:
    """All events of a partition, of all tenants, of log positions above ``after``, by number.

    Raises ReadModelError.
    """
    try:
        with closing(_open(path)) as db:
            number = 0
            while True:
                rows = db.execute(
                    f"SELECT {readsql.EVENT_COLUMNS} FROM events WHERE partition = ? AND number > ? "
                    "ORDER BY number LIMIT ?",
                    (partition, number, _PAGE),
                ).fetchall()
                found = [readsql.event_of(row) for row in rows]
                yield from (event for event in found if event.position > after)
                if len(rows) < _PAGE:
                    return
                number = found[-1].number
    except sqlite3.Error as error:
        raise ReadModelError(f"read model can't be read: {path}: {error}") from error


def trimmed(path: Path, partition: int) -> int:
    """The number of the newest event that retention deleted, 0 when none was. Raises ReadModelError."""
    try:
        with closing(_open(path)) as db:
            row = db.execute("SELECT max(number) FROM trimmed WHERE partition = ?", (partition,)).fetchone()
    except sqlite3.Error as error:
        raise ReadModelError(f"read model can't be read: {path}: {error}") from error
    return row[0] or 0


def last_number(path: Path, partition: int, position: int) -> int:
    """The number of the last event of log positions up to ``position``, as far as is known; 0 when there was
    none. Raises ReadModelError."""
    try:
        with closing(_open(path)) as db:
            later = db.execute(
                "SELECT min(number) FROM events WHERE partition = ? AND position > ?", (partition, position)
            ).fetchone()[0]
            if later is not None:
                return int(later) - 1
            row = db.execute("SELECT number FROM positions WHERE partition = ?", (partition,)).fetchone()
    except sqlite3.Error as error:
        raise ReadModelError(f"read model can't be read: {path}: {error}") from error
    return row[0] if row else 0


def settle(path: Path) -> None:
    """Put all into the one file, so that it can be moved; nobody else has it open. Raises ReadModelError."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        raise ReadModelError(f"read model can't be settled: {path}: {error}") from error
    if busy:
        raise ReadModelError(f"read model is in use: {path}")


def rewind(path: Path, into: Path, partition: int, position: int) -> None:
    """Copy the file as it was when the log was covered up to ``position`` into the new file ``into``.

    What was said later of an object is forgotten; its newest revision is then the newest that is kept, and
    an object of which retention kept none is not there. Raises ReadModelError.
    """
    try:
        with closing(_open(path)) as source, closing(sqlite3.connect(into, isolation_level=None)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = WAL")
            with transaction(target):
                _forget(target, partition, position)
    except sqlite3.Error as error:
        raise ReadModelError(f"read model can't be copied: {path}: {error}") from error


def _forget(db: sqlite3.Connection, partition: int, position: int) -> None:
    later = (partition, position)
    ids = db.execute(
        "SELECT DISTINCT kind, id FROM events WHERE partition = ? AND position > ?", later
    ).fetchall()
    first = db.execute(
        "SELECT min(number) FROM events WHERE partition = ? AND position > ?", later
    ).fetchone()[0]
    db.execute("DELETE FROM events WHERE partition = ? AND position > ?", later)
    touched = meta(db, "touched")
    db.execute("CREATE TEMP TABLE changed (kind TEXT, id TEXT, PRIMARY KEY (kind, id))")
    db.executemany("INSERT INTO changed VALUES (?, ?)", ids)
    db.execute("DELETE FROM objects WHERE (kind, id) IN (SELECT kind, id FROM changed)")
    rows = db.execute(
        f"SELECT {readsql.EVENT_COLUMNS} FROM events WHERE partition = ? AND kind <> 'command' "
        "AND (kind, id) IN (SELECT kind, id FROM changed) ORDER BY number",
        (partition,),
    )
    for row in rows.fetchall():
        touched += 1
        db.execute(readsql.PUT_OBJECT, readsql.object_row(readsql.event_of(row), touched))
    db.execute("UPDATE meta SET value = ? WHERE name = 'touched'", (touched,))
    db.execute(
        "UPDATE positions SET position = min(position, ?), number = coalesce(? - 1, number) "
        "WHERE partition = ?",
        (position, first, partition),
    )


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
