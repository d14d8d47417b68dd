"""The book beside a log: every entry with its contents and salts, found by place, asset and key.

One SQLite file. An append is one transaction, flushed: when it returns, entries, salts, contents and how far
the sources were read are durable together, and the same record appended again is known. Entries stay for
good; contents and salts go when they are redacted.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import cbor2
import orjson

from feeds.ledger.cbor import group_map
from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import LedgerAwayError, LedgerStopError
from feeds.ledger.search import reported

_VERSION: Final = 1
_MOST: Final = 2**63 - 1
_AT_ONCE: Final = 500  # names of a query
_NAMES: Final = 100_000  # kept at hand: devices, their starts, assets
_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE places (source TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE records (
    place INTEGER PRIMARY KEY, kind INTEGER NOT NULL, asset INTEGER NOT NULL, tenant INTEGER NOT NULL,
    t_ms INTEGER NOT NULL, entry BLOB NOT NULL, salts BLOB, groups BLOB
);
CREATE INDEX records_by_asset ON records (asset, place);
CREATE TABLE reports (
    device INTEGER NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
    place INTEGER NOT NULL, PRIMARY KEY (device, boot, seq, hash)
) WITHOUT ROWID;
CREATE TABLE events (
    id TEXT NOT NULL, revision INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (id, revision)
) WITHOUT ROWID;
"""
_STARTS: Final = """
CREATE TABLE IF NOT EXISTS starts (
    device INTEGER NOT NULL, boot INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (device, boot)
) WITHOUT ROWID;
"""
_HELD: Final = """
CREATE INDEX IF NOT EXISTS records_held ON records (t_ms) WHERE groups IS NOT NULL;
"""
_GONE: Final = """
CREATE TABLE IF NOT EXISTS gone (place INTEGER PRIMARY KEY, event TEXT NOT NULL);
"""
_LATER: Final = _STARTS + _HELD + _GONE


class ReportKey(NamedTuple):
    """What makes a report one: ``hash`` is the SHA-256 of its bytes."""

    device: str
    boot: str
    seq: int
    hash: bytes


class EventKey(NamedTuple):
    """What makes a revision of an object one."""

    id: str
    revision: int


@dataclass(slots=True)  # not frozen: of these many are made
class NewEntry:
    """A record to append: its sealed entry, salts and group contents, and how to find it.

    ``groups``: by name, or in a bytearray as ``cbor.group_map`` writes them.
    """

    kind: EntryKind
    key: ReportKey | EventKey
    asset: str
    tenant: str
    t_ms: int
    entry: bytes
    salts: bytes
    groups: Mapping[str, bytes] | bytearray


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as the book holds it; ``salts`` and ``groups`` are None once it is redacted.

    ``event``: the kind of a redacted event, where it was kept.
    """

    place: int
    kind: EntryKind
    asset: str
    tenant: str
    t_ms: int
    entry: bytes
    salts: bytes | None
    groups: dict[str, bytes] | None = field(default=None)
    event: str | None = None


Row: TypeAlias = tuple[int, int, str, str, int, bytes, bytes | None, bytes | None, str | None]
"""The fields of Kept; ``groups`` are as ``cbor.group_map`` writes them."""


class Book:
    """The book in the file ``path``; one writer, any number of readers (each a Book of its own).

    Raises LedgerStopError for a file of another version, LedgerAwayError when the disk takes nothing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        with self._errors():
            self._db.executescript(
                "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                "PRAGMA secure_delete = ON; "
                "PRAGMA cache_size = -32000; PRAGMA mmap_size = 0;"
            )
            self._open(path)
        self._names: dict[str, int] = {}  # some of them

    def _open(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}{_LATER}PRAGMA user_version = {_VERSION};COMMIT;")
        elif version != _VERSION:
            raise LedgerStopError(f"{path.name}: got version {version}, want {_VERSION}")
        else:
            self._db.executescript(_LATER)  # a book of before there were any

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(self._db.execute("SELECT coalesce(max(place) + 1, 0) FROM records").fetchone()[0])

    def place_of(self, source: str) -> int:
        """How far a source was read when the newest entry was appended; 0 at first."""
        row = self._db.execute("SELECT place FROM places WHERE source = ?", (source,)).fetchone()
        return 0 if row is None else int(row[0])

    def mark(self, name: str) -> int:
        """A number that was kept with ``set_mark``; 0 at first."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_mark(self, name: str, value: int) -> None:
        """Keep a number. Raises LedgerAwayError."""
        with self._errors():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def append(
        self,
        entries: Sequence[NewEntry],
        sources: dict[str, int],
        starts: Sequence[tuple[str, str, bytes]] = (),
    ) -> int:
        """Append what is new of ``entries``, in order, and how far the sources are read; all or nothing.

        ``starts``: (device, boot, bytes) of what they changed of ``feeds.completeness``.
        Durable when it returns. Returns how many were new; the same again changes nothing. Raises
        LedgerAwayError.
        """
        with self._errors():
            try:
                with self._transaction():
                    return self._append(entries, sources, starts)
            except sqlite3.IntegrityError:  # something is known already
                with self._transaction():
                    return self._append(self._new(entries), sources, starts)

    def _append(
        self,
        entries: Sequence[NewEntry],
        sources: dict[str, int],
        starts: Sequence[tuple[str, str, bytes]],
    ) -> int:
        """Raises IntegrityError when one is known already."""
        # sqlite3 asks for an adapter of each value that is bytes, not of a bytearray: a fifth of the time
        number, known = self._number, self._names.get
        records, reports, events = [], [], []
        for place, one in enumerate(entries, self.size):
            key, groups = one.key, one.groups
            if isinstance(key, ReportKey):
                device, boot, seq, hash_ = key
                start = known(device) or number(device), known(boot) or number(boot)
                reports.append((*start, seq, bytearray(hash_[:16]), place))
            else:
                events.append((key.id, key.revision, place))
            if not isinstance(groups, bytearray):
                groups = bytearray(group_map(groups))
            asset, tenant = known(one.asset) or number(one.asset), known(one.tenant) or number(one.tenant)
            sealed = bytearray(one.entry), bytearray(one.salts), groups
            records.append((place, int(one.kind), asset, tenant, one.t_ms, *sealed))
        # by key: rows beside each other go into pages beside each other
        self._db.executemany("INSERT INTO reports VALUES (?,?,?,?,?)", sorted(reports))
        self._db.executemany("INSERT INTO events VALUES (?,?,?)", events)
        self._db.executemany("INSERT INTO records VALUES (?,?,?,?,?,?,?,?)", records)
        self._db.executemany("INSERT OR REPLACE INTO places VALUES (?, ?)", sources.items())
        states = sorted((number(device), number(boot), state) for device, boot, state in starts)
        self._db.executemany("INSERT OR REPLACE INTO starts VALUES (?,?,?)", states)
        return len(records)

    def start_of(self, device: str, boot: str) -> bytes | None:
        """What was kept of a start of a device; None for nothing. Raises LedgerAwayError."""
        with self._errors():
            row = self._db.execute(
                "SELECT state FROM starts WHERE device = (SELECT number FROM names WHERE name = ?) "
                "AND boot = (SELECT number FROM names WHERE name = ?)",
                (device, boot),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def starts_of(self, devices: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """What was kept of all starts of some devices, by device and boot. Raises LedgerAwayError."""
        found: dict[str, dict[str, bytes]] = {device: {} for device in devices}
        with self._errors():
            for first in range(0, len(devices), _AT_ONCE):
                some = devices[first : first + _AT_ONCE]
                rows = self._db.execute(
                    "SELECT d.name, b.name, s.state FROM names d JOIN starts s ON s.device = d.number "
                    f"JOIN names b ON b.number = s.boot WHERE d.name IN ({','.join('?' * len(some))})",
                    some,
                )
                for device, boot, state in rows:
                    found[device][boot] = bytes(state)
        return found

    def lacks_starts(self) -> bool:
        """Whether there are reports and nothing was kept of their starts: a book of before there were any."""
        asked = "SELECT EXISTS (SELECT 1 FROM reports) AND NOT EXISTS (SELECT 1 FROM starts)"
        return bool(self._db.execute(asked).fetchone()[0])

    def _new(self, entries: Sequence[NewEntry]) -> list[NewEntry]:
        """Those that are not known, each once."""
        seen: set[ReportKey | EventKey] = set()
        found = []
        for one in entries:
            if one.key not in seen and not self.knows(one.key):
                found.append(one)
            seen.add(one.key)
        return found

    def conflicts(self, key: ReportKey) -> bool:
        """Whether there is a report of this device, boot and number with other bytes."""
        row = self._db.execute(
            "SELECT 1 FROM reports WHERE device = ? AND boot = ? AND seq = ? AND hash <> ? LIMIT 1",
            (self._lookup(key.device), self._lookup(key.boot), key.seq, key.hash[:16]),
        ).fetchone()
        return row is not None

    def highest(self, device: str, boot: str) -> int:
        """The highest number of a device's start, -1 when there is none."""
        row = self._db.execute(
            "SELECT max(seq) FROM reports WHERE device = ? AND boot = ?",
            (self._lookup(device), self._lookup(boot)),
        ).fetchone()
        return -1 if row[0] is None else int(row[0])

    def _number(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            number = self._lookup(name)
            if number is None:
                number = int(self._db.execute("INSERT INTO names (name) VALUES (?)", (name,)).lastrowid or 0)
            if len(self._names) >= _NAMES:
                self._names.clear()
            self._names[name] = number
        return number

    def entries(self, start: int, end: int) -> list[bytes]:
        """The entries at ``start`` to ``end``. Raises LedgerStopError when one is not there."""
        rows = self._db.execute(
            "SELECT entry FROM records WHERE place >= ? AND place < ? ORDER BY place", (start, end)
        ).fetchall()
        if len(rows) != end - start:
            raise LedgerStopError(f"entries {start} to {end}: got {len(rows)}, want {end - start}")
        return [row[0] for row in rows]

    def records(
        self,
        after: int,
        below: int,
        limit: int,
        assets: Iterable[str] | None = None,
        kind: EntryKind | None = None,
    ) -> list[Kept]:
        """Records at places ``after`` to ``below``, of ``assets`` and ``kind`` only unless None, at most
        ``limit``."""
        return [kept(row) for row in self.rows(after, below, limit, assets, kind)]

    def rows(
        self,
        after: int,
        below: int,
        limit: int,
        assets: Iterable[str] | None = None,
        kind: EntryKind | None = None,
    ) -> list[Row]:
        """As ``records``, as they are in the file."""
        sql = (
            "SELECT r.place, r.kind, a.name, t.name, r.t_ms, r.entry, r.salts, r.groups, "
            "CASE WHEN r.groups IS NULL THEN (SELECT event FROM gone WHERE place = r.place) END "
            "FROM records r "
            "JOIN names a ON a.number = r.asset JOIN names t ON t.number = r.tenant "
            "WHERE r.place >= ? AND r.place < ?"
        )
        values: list[Any] = [after, below]
        if assets is not None:
            numbers = [n for one in assets if (n := self._lookup(one)) is not None]
            sql += f" AND r.asset IN ({','.join('?' * len(numbers))})"
            values += numbers
        if kind is not None:
            sql += " AND r.kind = ?"
            values.append(int(kind))
        with self._errors():
            return self._db.execute(f"{sql} ORDER BY r.place LIMIT ?", (*values, limit)).fetchall()

    def _lookup(self, name: str) -> int | None:
        row = self._db.execute("SELECT number FROM names WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def find(self, key: ReportKey | EventKey) -> int | None:
        """The place of a record; None when it is not in the log."""
        place = self._find(key)
        return None if place is None or place < 0 else place

    def knows(self, key: ReportKey | EventKey) -> bool:
        """Whether a record is in this log or in one that it follows."""
        return self._find(key) is not None

    @property
    def ended(self) -> bool:
        """Whether the newest entry is the end of the log."""
        row = self._db.execute("SELECT kind FROM records ORDER BY place DESC LIMIT 1").fetchone()
        return row is not None and row[0] == EntryKind.END

    def carry(self, path: Path) -> None:
        """Into a new book: what the book in ``path`` knows but its entries. Raises LedgerAwayError.

        Records of before are known, at no place of this log.
        """
        with self._errors():
            self._db.execute("ATTACH ? AS old", (str(path),))
            try:
                with self._transaction():
                    for table in ("places", "names", "starts"):
                        self._db.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")
                    gone = "CASE WHEN place < 0 THEN place ELSE -1 - place END"
                    self._db.execute(
                        f"INSERT INTO reports SELECT device, boot, seq, hash, {gone} FROM old.reports"
                    )
                    self._db.execute(f"INSERT INTO events SELECT id, revision, {gone} FROM old.events")
            finally:
                self._db.execute("DETACH old")

    def _find(self, key: ReportKey | EventKey) -> int | None:
        if isinstance(key, ReportKey):
            row = self._db.execute(
                "SELECT place FROM reports WHERE device = ? AND boot = ? AND seq = ? AND hash = ?",
                (self._lookup(key.device), self._lookup(key.boot), key.seq, key.hash[:16]),
            ).fetchone()
        else:
            row = self._db.execute(
                "SELECT place FROM events WHERE id = ? AND revision = ?", (key.id, key.revision)
            ).fetchone()
        return None if row is None else int(row[0])

    def redact(self, places: Sequence[int]) -> int:
        """Delete contents and salts of some records, for good; returns of how many there were any.

        Entries stay, and so does every proof; of an event its kind too. Raises LedgerAwayError.
        """
        with self._errors():
            with self._transaction():
                self._keep_kinds(places)
                count = self._db.executemany(
                    "UPDATE records SET salts = NULL, groups = NULL WHERE place = ? AND groups IS NOT NULL",
                    [(place,) for place in places],
                ).rowcount
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(count, 0)

    def _keep_kinds(self, places: Sequence[int]) -> None:
        asked = "SELECT groups FROM records WHERE place = ? AND kind = ? AND groups IS NOT NULL"
        for place in places:
            row = self._db.execute(asked, (place, int(EntryKind.EVENT))).fetchone()
            if row is not None:
                kind = orjson.loads(cbor2.loads(row[0])["head"])["kind"]
                self._db.execute("INSERT OR REPLACE INTO gone VALUES (?, ?)", (place, kind))

    def held(
        self, kind: EntryKind, from_ms: int, to_ms: int, assets: Iterable[str] | None = None
    ) -> list[Kept]:
        """Records of a kind with ``from_ms`` <= t < ``to_ms`` that have contents, by place, without them."""
        sql = (
            "SELECT r.place, r.kind, a.name, t.name, r.t_ms, r.entry, NULL, NULL, NULL FROM records r "
            "JOIN names a ON a.number = r.asset JOIN names t ON t.number = r.tenant "
            "WHERE r.groups IS NOT NULL AND r.kind = ? AND r.t_ms >= ? AND r.t_ms < ?"
        )
        values: list[Any] = [int(kind), from_ms, to_ms]
        if assets is not None:
            numbers = [n for one in assets if (n := self._lookup(one)) is not None]
            sql += f" AND r.asset IN ({','.join('?' * len(numbers))})"
            values += numbers
        with self._errors():
            return [kept(row) for row in self._db.execute(f"{sql} ORDER BY r.place", values)]

    def reported(
        self, device: str, boot: str, asset: str, from_ms: int, to_ms: int, below: int | None = None
    ) -> bool:
        """Whether a start has a report of an asset at ``from_ms`` <= t < ``to_ms``, in a place ``below``."""
        with self._errors():
            names = [self._lookup(one) for one in (device, boot, asset)]
            known = [one for one in names if one is not None]
            if len(known) < len(names):
                return False
            end = _MOST if below is None else below
            return reported(self._db, (known[0], known[1]), known[2], from_ms, to_ms, end)

    def places_of(self, ids: Iterable[str]) -> list[int]:
        """Where all revisions of some objects are."""
        with self._errors():
            found = [
                self._db.execute("SELECT place FROM events WHERE id = ? AND place >= 0", (one,))
                for one in ids
            ]
            return sorted(int(row[0]) for rows in found for row in rows)

    def redact_before(self, t_ms: int, limit: int) -> int:
        """Delete contents and salts of at most ``limit`` records from before ``t_ms``, the oldest first.

        Returns how many; as ``redact``.
        """
        with self._errors():
            rows = self._db.execute(
                "SELECT place FROM records WHERE groups IS NOT NULL AND t_ms < ? AND kind <> ? "
                "ORDER BY t_ms LIMIT ?",
                (t_ms, int(EntryKind.END), limit),
            ).fetchall()
        return self.redact([row[0] for row in rows]) if rows else 0

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self._names.clear()
            raise

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise LedgerAwayError(f"the ledger's book can't be written or read: {error}") from error


def kept(row: Row) -> Kept:
    """The record in a row of the book."""
    place, kind, asset, tenant, t_ms, entry, salts, groups, event = row
    contents = None if groups is None else cbor2.loads(groups)
    return Kept(place, EntryKind(kind), asset, tenant, t_ms, entry, salts, contents, event)
