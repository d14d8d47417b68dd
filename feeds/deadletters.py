"""Refused reports, kept with their reason so that someone can find out why: one SQLite file.

Bounded by count and by bytes, the oldest go first. A dead letter is a copy for people to read, not a
queue: losing the newest second of them in a power cut loses nothing that was promised to a device.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

from streams.opening import alone


class DeadLettersError(Exception):
    """The dead letters' file can't be read or written; the message says why."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused message. ``id`` counts up and is 0 until it is kept; boot and seq as far as known."""

    received_ms: int
    tenant: str
    device: str
    topic: str
    reason: str
    detail: str
    payload: bytes
    boot: str | None = None
    seq: int | None = None
    id: int = 0


_SCHEMA: Final = """
create table if not exists letters (
  id integer primary key autoincrement, received_ms integer not null, tenant text not null,
  device text not null, topic text not null, reason text not null, detail text not null,
  payload blob not null, boot text, seq integer, size integer not null);
create index if not exists letters_by_tenant on letters (tenant, id);
create table if not exists held (one integer primary key check (one = 1), count integer, bytes integer);
insert or ignore into held values (1, 0, 0);
create trigger if not exists letter_in after insert on letters begin
  update held set count = count + 1, bytes = bytes + new.size; end;
create trigger if not exists letter_out after delete on letters begin
  update held set count = count - 1, bytes = bytes - old.size; end;
"""
_FIELDS: Final = "received_ms, tenant, device, topic, reason, detail, payload, boot, seq"
_OVERHEAD: Final = 256  # what a row costs beside its payload


class Letters(Protocol):
    """Where refused messages are put."""

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters. Raises DeadLettersError."""
        ...


class DeadLetters:
    """The file at ``path``; threads may share an object, processes may share the file."""

    def __init__(
        self, path: Path, *, max_count: int = 100_000, max_bytes: int = 256 << 20, read_only: bool = False
    ) -> None:
        self._max_count, self._max_bytes = max_count, max_bytes
        self._lock = Lock()
        try:
            if read_only:
                uri = f"{path.absolute().as_uri()}?mode=ro"
                self._db = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=10)
            else:
                self._db = sqlite3.connect(path, check_same_thread=False, timeout=10, isolation_level=None)
                with alone(path):  # two processes that switch a new file to WAL at once lock each other out
                    self._db.execute("pragma journal_mode = wal")
                    self._db.execute("pragma synchronous = normal")
                    self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise DeadLettersError(f"dead letters not opened: {path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters, then let go of the oldest beyond the bounds. Raises DeadLettersError.

        A letter that has an id keeps it; one whose id is there already is left out.
        """
        rows = [
            (d.id or None, d.received_ms, d.tenant, d.device, d.topic, d.reason, d.detail, d.payload, d.boot,
             d.seq, len(d.payload) + _OVERHEAD)
            for d in letters
        ]  # fmt: skip
        with self._lock:
            try:
                self._db.execute("begin immediate")
                try:
                    self._db.executemany(
                        f"insert or ignore into letters (id, {_FIELDS}, size) values (?,?,?,?,?,?,?,?,?,?,?)",
                        rows,
                    )
                    self._forget_oldest()
                    self._db.execute("commit")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("rollback")
                    raise
            except sqlite3.Error as error:
                raise DeadLettersError(f"dead letters not written: {error}") from error

    def list(
        self,
        after: int = 0,
        limit: int = 100,
        tenant: str | None = None,
        reason: str | None = None,
        device: str | None = None,
    ) -> list[DeadLetter]:
        """Letters with an id above ``after``, oldest first, at most ``limit``; None means any."""
        where, values = _where(tenant=tenant, reason=reason, device=device)
        query = f"select {_FIELDS}, id from letters where id > ? {where} order by id limit ?"
        return [DeadLetter(*row) for row in self._rows(query, [after, *values, limit])]

    def redact(self, devices: Sequence[str], from_ms: int, to_ms: int) -> int:
        """Delete the letters of ``devices`` received in ``from_ms`` <= t < ``to_ms``; returns how many.

        What was deleted is overwritten in the file. Raises DeadLettersError.
        """
        with self._lock:
            try:
                self._db.execute("pragma secure_delete = on")
                count = sum(
                    self._db.execute(
                        "delete from letters where device = ? and received_ms >= ? and received_ms < ?",
                        (device, from_ms, to_ms),
                    ).rowcount
                    for device in devices
                )
                self._db.execute("pragma wal_checkpoint(truncate)")
            except sqlite3.Error as error:
                raise DeadLettersError(f"dead letters not written: {error}") from error
        return count

    def newest(self) -> int:
        """The highest id, 0 when there is no letter."""
        return int(self._rows("select coalesce(max(id), 0) from letters", [])[0][0])

    def count(self, tenant: str | None = None) -> dict[str, int]:
        """How many letters are kept, by reason."""
        where, values = _where(tenant=tenant)
        query = f"select reason, count(*) from letters where 1 {where} group by reason order by reason"
        return dict(self._rows(query, values))

    def _forget_oldest(self) -> None:
        while True:
            count, size = self._db.execute("select count, bytes from held").fetchone()
            excess = max(count - self._max_count, 1 if size > self._max_bytes else 0)
            if not count or not excess:
                return
            self._db.execute(
                "delete from letters where id in (select id from letters order by id limit ?)", (excess,)
            )

    def _rows(self, query: str, values: Sequence[Any]) -> Sequence[Any]:
        with self._lock:
            try:
                with closing(self._db.execute(query, values)) as found:
                    return found.fetchall()
            except sqlite3.Error as error:
                raise DeadLettersError(f"dead letters not read: {error}") from error


def _where(**wanted: str | None) -> tuple[str, list[str]]:
    given = {name: value for name, value in wanted.items() if value is not None}
    return "".join(f" and {name} = ?" for name in given), list(given.values())
