"""A witness (C2SP tlog-witness): cosigns a log's head when it extends the head that it cosigned last.

To compare and to store is one transaction, flushed before anybody gets the cosignature: whatever the log
shows, two heads that do not extend each other never both bear it.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from feeds.ledger import merkle
from feeds.ledger.checkpoint import Checkpoint, read
from feeds.ledger.errors import FormatError, LedgerAwayError, LedgerStopError, ProofError
from feeds.ledger.note import COSIGNATURE, Note, Signature, Signer, Verifier, parse, unbase64, verified

MOST_BYTES: Final = 100_000
_TEXT: Final = "text/plain; charset=utf-8"
_SIZE: Final = "text/x.tlog.size"
_MOST_HASHES: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_VERSION: Final = 1
_SCHEMA: Final = f"""
BEGIN;
CREATE TABLE heads (
    id TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a request."""

    status: int
    body: str
    media_type: str = _TEXT


@dataclass(frozen=True, slots=True)
class Request:
    """The body of add-checkpoint, read but not verified."""

    old: int
    hashes: tuple[bytes, ...]
    note: Note


def parse_request(body: bytes) -> Request:
    """Raises FormatError."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"request is not UTF-8: at byte {error.start}") from None
    head, empty, note = text.partition("\n\n")
    if not empty:
        raise FormatError("request: want an empty line before the checkpoint")
    first, *rows = head.split("\n")
    match = _OLD.fullmatch(first)
    if match is None:
        raise FormatError(f"request: got {first[:60]!r}, want old <size>")
    if len(rows) > _MOST_HASHES:
        raise FormatError(f"consistency proof: got {len(rows)} hashes, want at most {_MOST_HASHES}")
    hashes = tuple(unbase64(row, "consistency hash") for row in rows)
    if any(len(one) != merkle.HASH_BYTES for one in hashes):
        raise FormatError(f"consistency hash: want {merkle.HASH_BYTES} bytes")
    return Request(int(match[1]), hashes, parse(note))


class Witness:
    """A witness with its heads in the file ``path``; may be called from any thread.

    ``logs``: the keys that are trusted; a log may have several of its origin's name. ``now_s``: POSIX
    seconds. Raises LedgerStopError for a file of another version.
    """

    def __init__(
        self,
        path: Path,
        signer: Signer,
        logs: Sequence[Verifier],
        now_s: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        if signer.verifier.kind != COSIGNATURE:
            raise LedgerStopError(
                f"key of {signer.name}: got type {signer.verifier.kind}, want {COSIGNATURE}"
            )
        self._signer, self._now_s = signer, now_s
        self._keys: dict[str, list[Verifier]] = {}
        for key in logs:
            self._keys.setdefault(key.name, []).append(key)
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise LedgerAwayError(f"the heads of the witness can't be opened: {error}") from error
        if version not in (0, _VERSION):
            raise LedgerStopError(f"{path.name}: got version {version}, want {_VERSION}")

    @property
    def key(self) -> Verifier:
        """The public key to give to those who trust this witness."""
        return self._signer.verifier

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def head(self, origin_hash: str) -> str | None:
        """The checkpoint that was cosigned last, by the hash of its origin; None when never."""
        with self._lock:
            row = self._db.execute("SELECT note FROM heads WHERE id = ?", (origin_hash,)).fetchone()
        return None if row is None else str(row[0])

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to a request. 503 when the disk takes nothing: nothing was cosigned then."""
        try:
            request = parse_request(body)
        except FormatError as error:
            return Answer(400, f"{error}\n")
        origin = request.note.text.split("\n", 1)[0]
        keys = self._keys.get(origin)
        if keys is None:
            return Answer(404, "origin not known\n")
        try:
            trusted = verified(request.note, keys)
        except ProofError as error:
            return Answer(403, f"{error}\n")
        try:
            head = read(request.note.text)
        except FormatError as error:
            return Answer(400, f"{error}\n")
        except ProofError as error:
            return Answer(422, f"{error}\n")
        if request.old > head.size:
            return Answer(400, f"old size: got {request.old}, want at most {head.size}\n")
        lines = [one for one in request.note.signatures if any(key.signed(one) for key in trusted)]
        try:
            return self._compare_and_store(request, head, lines)
        except sqlite3.Error:
            return Answer(503, "the witness can't store now\n")

    def _compare_and_store(self, request: Request, head: Checkpoint, lines: list[Signature]) -> Answer:
        id_ = sha256(head.origin.encode()).hexdigest()
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                row = self._db.execute("SELECT size, root FROM heads WHERE id = ?", (id_,)).fetchone()
                size, root = (0, merkle.EMPTY_ROOT) if row is None else row
                if request.old != size:
                    return Answer(409, f"{size}\n", _SIZE)
                try:
                    _extends(request, head, size, root)
                except ProofError as error:
                    return Answer(422, f"{error}\n")
                line = self._signer.cosign(request.note.text, self._now_s())
                note = Note(request.note.text, (*lines, line)).format()
                values = (id_, head.size, head.root, note)
                self._db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?)", values)
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        return Answer(200, line.line())


def _extends(request: Request, head: Checkpoint, size: int, root: bytes) -> None:
    """Raises ProofError unless the head extends the tree of ``size``."""
    if size == 0:
        if request.hashes:
            raise ProofError(f"consistency with the empty tree needs no hashes: got {len(request.hashes)}")
        return
    merkle.verify_consistency(size, head.size, request.hashes, root, head.root)
