"""Reading a log that another thread or process writes: its public files, its records and their proofs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from feeds.completeness import Start, unpack
from feeds.ledger import merkle
from feeds.ledger.book import Book, EventKey, Kept, ReportKey, Row
from feeds.ledger.checkpoint import Checkpoint, read
from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import LedgerError
from feeds.ledger.files import CHECKPOINT, END, PUBLIC, LogFiles
from feeds.ledger.note import parse
from feeds.ledger.opened import opening_of, pack
from feeds.ledger.proof import Proof
from feeds.ledger.tree import TileNodes

BOOK: Final = "book.db"
PUBLIC_KEY: Final = "key.pub"
"""The text of the key that verifies the log's heads, for who has not the key that signs."""


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

    def head(self) -> tuple[Checkpoint, str]:
        """The checkpoint that is served, and its note. Raises LedgerError when there is none yet."""
        note = self.served(CHECKPOINT).decode()
        return read(parse(note).text), note

    def key(self) -> str:
        """The log's public key as text. Raises LedgerError when it was not written down yet."""
        try:
            return (self._folder / PUBLIC_KEY).read_text("utf-8").strip()
        except OSError:
            raise LedgerError("the log's public key is not written down yet: its writer never ran") from None

    def records(
        self,
        after: int,
        below: int,
        limit: int,
        assets: Iterable[str] | None = None,
        kind: EntryKind | None = None,
    ) -> list[Kept]:
        """As Book.records. Raises LedgerError."""
        with self._lock:
            return self._opened_book().records(after, below, limit, assets, kind)

    def rows(
        self,
        after: int,
        below: int,
        limit: int,
        assets: Iterable[str] | None = None,
        kind: EntryKind | None = None,
    ) -> list[Row]:
        """As Book.rows. Raises LedgerError."""
        with self._lock:
            return self._opened_book().rows(after, below, limit, assets, kind)

    def starts(self, device: str, tenant: str | None = None) -> dict[str, Start]:
        """What came of each start of a device, by boot; as ``starts_of``."""
        return self.starts_of([device], tenant)[device]

    def starts_of(self, devices: Sequence[str], tenant: str | None = None) -> dict[str, dict[str, Start]]:
        """What came of each start of some devices (``feeds.completeness``), by device and boot; signed or
        not.

        ``tenant``: only starts that were its last; None: all. Nothing where the log was never written, and
        of a log that has ended: the one that follows it goes on with them.
        """
        if not (self._folder / BOOK).exists() or (self._folder / PUBLIC / END).exists():
            return {device: {} for device in devices}
        with self._lock:
            held = self._opened_book().starts_of(devices)
        found = {
            device: {boot: unpack(data) for boot, data in starts.items()} for device, starts in held.items()
        }
        return {
            device: {boot: one for boot, one in starts.items() if tenant is None or one.tenant == tenant}
            for device, starts in found.items()
        }

    def reported(
        self, device: str, boot: str, asset: str, from_ms: int, to_ms: int, below: int | None = None
    ) -> bool:
        """As Book.reported; no log that was never written has any. Raises LedgerError."""
        if not (self._folder / BOOK).exists():
            return False
        with self._lock:
            return self._opened_book().reported(device, boot, asset, from_ms, to_ms, below)

    def prove(self, kept: Kept, groups: Collection[str] | None = None) -> Proof | None:
        """The proof of a record by the checkpoint that is served, with what opens ``groups`` (None: all).

        None while the record stands above the checkpoint. Raises LedgerError.
        """
        head, note = self.head()
        if kept.place >= head.size:
            return None
        nodes = TileNodes(self._opened_files().read, head.size)
        hashes = merkle.inclusion_proof(kept.place, head.size, nodes)
        return Proof(kept.place, tuple(hashes), note, pack(kept.entry, opening_of(kept, groups)))

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
