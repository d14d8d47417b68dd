"""Reading a log that another thread or process writes: its public files, its records and their proofs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from feeds.ledger import merkle
from feeds.ledger.book import Book, EventKey, Kept, ReportKey
from feeds.ledger.checkpoint import read
from feeds.ledger.entry import commitment, decode, salts_of
from feeds.ledger.errors import LedgerError
from feeds.ledger.files import CHECKPOINT, LogFiles
from feeds.ledger.note import parse
from feeds.ledger.proof import Proof
from feeds.ledger.tree import TileNodes

BOOK: Final = "book.db"


@dataclass(frozen=True, slots=True)
class Proved:
    """A record and the proof of its entry."""

    kept: Kept
    proof: Proof


class LedgerReader:
    """The log in ``folder`` (files beside its book); may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: LogFiles | None = None
        self._book: Book | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            if self._book is not None:
                self._book.close()
                self._book = None

    def served(self, path: str) -> bytes:
        """The file of a path of the log. Raises FormatError for a path that is none, LedgerError."""
        return self._opened_files().served(path)

    def find(self, key: ReportKey | EventKey) -> Kept | None:
        """The record of a key; None when the log has none, signed or not."""
        with self._lock:
            book = self._opened_book()
            place = book.find(key)
            return None if place is None else book.records(place, place + 1, 1)[0]

    def prove(self, kept: Kept) -> Proved | None:
        """The proof of a record by the checkpoint that is served; None while it stands above it.

        Raises LedgerError.
        """
        note = self.served(CHECKPOINT).decode()
        head = read(parse(note).text)
        if kept.place >= head.size:
            return None
        nodes = TileNodes(self._opened_files().read, head.size)
        hashes = merkle.inclusion_proof(kept.place, head.size, nodes)
        return Proved(kept, Proof(kept.place, tuple(hashes), note))

    def _opened_files(self) -> LogFiles:
        if self._files is None:
            if not self._folder.exists():
                raise LedgerError("there is no such log")
            self._files = LogFiles(self._folder)
        return self._files

    def _opened_book(self) -> Book:
        if self._book is None:
            if not (self._folder / BOOK).exists():
                raise LedgerError("there is no such log")
            self._book = Book(self._folder / BOOK)
        return self._book


def opening(kept: Kept, names: frozenset[str] | None = None) -> dict[str, Any]:
    """What opens an entry, as plain values: of the groups ``names`` (None: all) salt and content, of others
    the commitment. Of a redacted record nothing but that it is."""
    entry = decode(kept.entry)
    place = {"kind": entry.kind.name.lower(), "partition": entry.partition, "position": entry.position}
    told: dict[str, Any] = {"place": kept.place, "number": entry.number, "entry": kept.entry, **place}
    if kept.groups is None or kept.salts is None:
        return {**told, "redacted": True, "groups": {}}
    salts = salts_of(list(kept.groups), kept.salts)
    groups: dict[str, Any] = {}
    for name, content in sorted(kept.groups.items()):
        if names is None or name in names:
            groups[name] = {"salt": salts[name], "content": content}
        else:
            groups[name] = {"commitment": commitment(name, salts[name], content)}
    return {**told, "redacted": False, "groups": groups}
