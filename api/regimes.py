"""Regimes as the API knows them: those that ship, and those that were published. Everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any

from api.times import format_instant
from feeds.readmodel import ReadModel
from streams.clearance.regime import Regime, RegimeBook
from streams.events import Kind
from streams.regimes import shipped

_ALL = 10_000
_texts = cache(shipped)


class Shelf:
    """All versions of all regimes, kept up by the read model's changes. Threads may share it."""

    def __init__(self, read: ReadModel) -> None:
        self._read = read
        self._lock = Lock()
        self._since = 0
        self._book: RegimeBook | None = None
        self._texts: Sequence[str] | None = None

    def ship(self, *texts: str) -> None:
        """Let these be the regimes that hold before any is published, in place of those that ship."""
        self._texts, self._book = texts, None

    def book(self) -> RegimeBook:
        """The book as of now; the caller only reads it. Raises ReadModelAwayError."""
        with self._lock:
            rows, change = self._read.changed(Kind.REGIME, self._since)
            if self._book is not None and not rows and change >= self._since:
                self._since = change
                return self._book
            if change < self._since:
                _, change = self._read.changed(Kind.REGIME, 0)
            self._book, self._since = self._made(), change
            return self._book

    def _made(self) -> RegimeBook:
        book = RegimeBook()
        for text in _texts() if self._texts is None else self._texts:
            book.put(text)
        for row in self._read.changed(Kind.REGIME, 0)[0]:
            told = self._read.revisions(Kind.REGIME, row.tenant, row.id, limit=_ALL)
            for text in (*(event.data["text"] for event in reversed(told)), row.data["text"]):
                book.put(text)
        return book


def in_force(book: RegimeBook, gate: str, direction: str, now_ms: int) -> dict[str, Any] | None:
    """Id, name and version of the regime that a case beginning now would go by."""
    found = book.in_force(gate, direction, now_ms)
    return None if found is None else {"id": found.id, "name": found.name, "version": found.version}


def shown(regime: Regime, book: RegimeBook, now_ms: int) -> dict[str, Any]:
    """A version of a regime as lists show it."""
    return {
        "id": regime.id,
        "name": regime.name,
        "version": regime.version,
        "valid_from": format_instant(regime.valid_from_ms),
        "gates": [list(place) for place in regime.gates],
        "source": regime.source,
        "confidence": regime.confidence,
        "in_force": book.named(regime.id, now_ms) is regime,
    }
