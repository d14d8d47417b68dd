"""What is durable of deliveries, in a SQLite file of one process."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path


class FileNotes:
    """Notes (see ``lane``) in a SQLite file, for one process."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS notes (partition INTEGER, name TEXT, value BLOB NOT NULL, "
            "PRIMARY KEY (partition, name)) WITHOUT ROWID"
        )

    def load(self, partition: int) -> dict[str, bytes]:
        """See Notes.load."""
        with self._lock:
            found = self._db.execute("SELECT name, value FROM notes WHERE partition = ?", (partition,))
            return dict(found.fetchall())

    def partitions(self) -> list[int]:
        """The partitions of which anything is kept."""
        with self._lock:
            found = self._db.execute("SELECT DISTINCT partition FROM notes ORDER BY partition").fetchall()
            return [row[0] for row in found]

    def asks(self, partition: int) -> dict[str, bytes]:
        """See AskNotes.asks."""
        with self._lock:
            found = self._db.execute(
                "SELECT name, value FROM notes WHERE partition = ? AND name >= '?/' AND name < '?0'",
                (partition,),
            )
            return dict(found.fetchall())

    def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
        """See Notes.put."""
        gone = [(partition, name) for name, value in values.items() if value is None]
        kept = [(partition, name, value) for name, value in values.items() if value is not None]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("DELETE FROM notes WHERE partition = ? AND name = ?", gone)
                self._db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", kept)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
