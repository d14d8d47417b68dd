"""What the single window keeps, in SQLite: messages as they came, requests, decisions in their order."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    authority TEXT NOT NULL, id TEXT NOT NULL, purpose TEXT NOT NULL, case_id TEXT NOT NULL,
    reference TEXT, vin TEXT, body TEXT NOT NULL, received_ms INTEGER NOT NULL, came INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (authority, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_case ON messages (authority, case_id, n);
CREATE TABLE IF NOT EXISTS requests (
    authority TEXT NOT NULL, id TEXT NOT NULL, case_id TEXT NOT NULL, reference TEXT, vin TEXT,
    asked_ms INTEGER NOT NULL, decided TEXT, corrected INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (authority, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, authority TEXT NOT NULL, message TEXT NOT NULL,
    case_id TEXT NOT NULL, request TEXT, decision TEXT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL,
    due_ms INTEGER NOT NULL, pushed INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS decisions_by_authority ON decisions (authority, seq);
"""


class Database:
    """The file ``path``. Every call is one transaction; safe from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)

    def run(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """One statement; its rows."""
        with self._lock:
            return [dict(row) for row in self._db.execute(text, values).fetchall()]

    def message(self, authority: str, id_: str) -> dict[str, Any] | None:
        """One message as it was kept."""
        found = self.run("SELECT * FROM messages WHERE authority = ? AND id = ?", authority, id_)
        return found[0] if found else None

    def messages(self, authority: str, case: str | None = None) -> list[dict[str, Any]]:
        """Messages in the order in which they came first, ``body`` as JSON values."""
        where, values = ("AND case_id = ?", (case,)) if case else ("", ())
        rows = self.run(f"SELECT * FROM messages WHERE authority = ? {where} ORDER BY n", authority, *values)
        return [row | {"body": json.loads(row["body"])} for row in rows]

    def keep(self, row: dict[str, Any]) -> None:
        """A message that came for the first time."""
        names = ("authority", "id", "purpose", "case_id", "reference", "vin", "body", "received_ms")
        self.run(
            f"INSERT INTO messages ({', '.join(names)}, came, state, reason, n) "
            f"VALUES ({', '.join('?' * len(names))}, 1, ?, ?, (SELECT count(*) + 1 FROM messages))",
            *(row[name] for name in names),
            row["state"],
            row["reason"],
        )

    def decide(
        self, authority: str, case: str, request: str | None, decision: str, reason: str, by: str, due_ms: int
    ) -> int:
        """A decision that is known from ``due_ms`` on; returns its number."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                cursor = self._db.execute(
                    "INSERT INTO decisions "
                    "(authority, message, case_id, request, decision, reason, by, due_ms) "
                    "VALUES (?, '', ?, ?, ?, ?, ?, ?)",
                    (authority, case, request, decision, reason, by, due_ms),
                )
                seq = int(cursor.lastrowid or 0)
                self._db.execute(
                    "UPDATE decisions SET message = ? WHERE seq = ?", (f"{authority}-{seq:08d}", seq)
                )
                self._db.execute(
                    "UPDATE requests SET decided = ? WHERE authority = ? AND id = ?",
                    (decision, authority, request),
                )
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return seq

    def decisions(self, authority: str, after: int, now_ms: int, limit: int) -> list[dict[str, Any]]:
        """Decisions above number ``after`` up to the first that is not due yet."""
        rows = self.run(
            "SELECT * FROM decisions WHERE authority = ? AND seq > ? ORDER BY seq LIMIT ?",
            authority,
            after,
            limit,
        )
        found = []
        for row in rows:
            if row["due_ms"] > now_ms:
                break
            found.append(row)
        return found

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
