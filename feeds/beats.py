"""When the system ran: a span a start, its end moved on while it is well. For the report's uptime.

One process beats, any number read. A power failure costs the last beats, never an earlier span.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from feeds.clearance.uptime import uptime

_MOST = 100_000


class Beats:
    """The spans in the file ``path``; made at the first beat."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun: int | None = None

    def beat(self, now_ms: int) -> None:
        """The system is well at ``now_ms``. Raises sqlite3.Error when it can't be written."""
        with closing(sqlite3.connect(self._path)) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS span (begin INTEGER PRIMARY KEY, last INTEGER NOT NULL)")
            if self._begun is None:
                self._begun = now_ms
                db.execute("INSERT OR IGNORE INTO span VALUES (?, ?)", (now_ms, now_ms))
            db.execute("UPDATE span SET last = max(last, ?) WHERE begin = ?", (now_ms, self._begun))

    def miss(self) -> None:
        """The system is not well: the next beat begins a new span."""
        self._begun = None

    def uptime(self, from_ms: int, until_ms: int) -> dict[str, Any] | None:
        """Uptime in [from, until), from the first beat ever on; None when there was none until then."""
        try:
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                spans = db.execute("SELECT begin, last FROM span ORDER BY begin LIMIT ?", (_MOST,)).fetchall()
        except sqlite3.Error:
            return None
        if not spans or spans[0][0] >= until_ms:
            return None
        return uptime(spans, max(from_ms, spans[0][0]), until_ms)
