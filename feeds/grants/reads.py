"""Who read what of a feed, and when: one row a page, kept for the fleet that granted it.

One SQLite file of the process that serves; a page is told before it is sent, so what was read is never
missing here, though a reader that went away may not have got it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streams.codec import dump_json, load_json

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS reads (
    number INTEGER PRIMARY KEY, feed TEXT NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL,
    tenant TEXT NOT NULL, role TEXT NOT NULL, how TEXT NOT NULL, after TEXT, next TEXT NOT NULL,
    sent BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS reads_by_feed ON reads (feed, number);
"""


class ReadsError(Exception):
    """Who read can't be written down or looked up now; nothing is served then."""

    retry_after = 1.0


@dataclass(frozen=True, slots=True)
class FeedRead:
    """One page. ``who``, ``tenant``, ``role``: of the key; ``how``: the format; ``sent``: counts."""

    feed: str
    at_ms: int
    who: str
    tenant: str
    role: str
    how: str
    after: str | None
    next: str
    sent: Mapping[str, int]
    number: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "number": self.number,
            "at_ms": self.at_ms,
            "by": self.who,
            "tenant": self.tenant,
            "role": self.role,
            "how": self.how,
            "after": self.after,
            "next": self.next,
            "sent": dict(self.sent),
        }


class FeedReads:
    """The reads in the file ``path``, made at the first; threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def add(self, read: FeedRead) -> None:
        """Keep one; the loss of power may take the last. Raises ReadsError."""
        row = (read.feed, read.at_ms, read.who, read.tenant, read.role, read.how, read.after, read.next)
        with self._lock:
            try:
                self._opened().execute(
                    "INSERT INTO reads (feed, at_ms, who, tenant, role, how, after, next, sent) "
                    "VALUES (?,?,?,?,?,?,?,?,?)",
                    (*row, dump_json(dict(read.sent))),
                )
            except sqlite3.Error as error:
                raise ReadsError(f"who reads can't be written down now: {error}") from error

    def list(self, feed: str, before: int | None = None, limit: int = 100) -> list[FeedRead]:
        """The reads of a feed below number ``before``, the newest first. Raises ReadsError."""
        with self._lock:
            try:
                rows = (
                    self._opened()
                    .execute(
                        "SELECT feed, at_ms, who, tenant, role, how, after, next, sent, number FROM reads "
                        "WHERE feed = ? AND (? IS NULL OR number < ?) ORDER BY number DESC LIMIT ?",
                        (feed, before, before, limit),
                    )
                    .fetchall()
                )
            except sqlite3.Error as error:
                raise ReadsError(f"who read can't be looked up now: {error}") from error
        return [_read(row) for row in rows]

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
            self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")
        return self._db


def _read(row: tuple[Any, ...]) -> FeedRead:
    feed, at_ms, who, tenant, role, how, after, next_, sent, number = row
    return FeedRead(feed, at_ms, who, tenant, role, how, after, next_, load_json(sent), number)
