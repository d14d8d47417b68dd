"""Which reports of a partition are new, which came before, and what the device's starts make of them.

One writer's: it judges reports in log order, and what changed of the starts is kept in the transaction that
keeps their entries. Only numbers that came before are looked up in the book.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import cbor2
import numpy as np

from feeds.completeness import Starts
from feeds.ledger.book import Book, ReportKey
from feeds.ledger.entry import EntryKind
from feeds.ledger.framed import ReportRow
from feeds.ledger.reports import FACTS, HEAD, PLACE, PLACE_GROUP

Verdict: TypeAlias = Literal["new", "conflict"]
_AT_ONCE: Final = 1_000
_TELLING: Final = (b"no_coverage", b"overflow", b"identity")


class Arrivals:
    """The reports that come to ``book``. After ``changed`` was kept call ``kept``, when it wasn't
    ``forget``; both end a step."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._starts = Starts(book.start_of)
        self._new: list[ReportRow] = []
        self._hashes: dict[tuple[str, str, int], set[bytes]] = {}
        self._indexed = 0
        if book.lacks_starts():
            self._again()

    def judge(self, row: ReportRow) -> Verdict | None:
        """Whether the report is new or other bytes came under its number before; None: it came before.

        Raises LedgerAwayError.
        """
        start = self._starts.touch(row.device, row.boot)
        conflict = False
        if start.received(row.seq) is not False:
            key = ReportKey(row.device, row.boot, row.seq, row.hash)
            others = self._here(key)
            if row.hash in others or self._book.knows(key):
                start.doubled += 1
                return None
            conflict = bool(others) or self._book.conflicts(key)
        start.tenant = row.tenant
        start.add(row.boot_n, row.seq, row.hash, row.prev, conflict, row.counted)
        start.tell(() if row.facts is None else _facts(row.facts), row.spans)
        self._new.append(row)
        return "conflict" if conflict else "new"

    def changed(self) -> list[tuple[str, str, bytes]]:
        """(device, boot, bytes) of the starts that the step changed."""
        return list(self._starts.changed())

    def kept(self) -> None:
        """The step is durable."""
        self._starts.kept()
        self._over()

    def forget(self) -> None:
        """The step is not durable."""
        self._starts.forget()
        self._over()

    def _again(self) -> None:
        """Make the starts of a book that was written before there were any; redacted reports are missing."""
        size = self._book.size
        for first in range(0, size, _AT_ONCE):
            for kept in self._book.records(first, min(first + _AT_ONCE, size), _AT_ONCE):
                if kept.kind is not EntryKind.REPORT or kept.groups is None:
                    continue
                head = cbor2.loads(kept.groups[HEAD])
                times = np.frombuffer(kept.groups.get(PLACE_GROUP, b""), PLACE)["t_ms"]
                self._starts.add_head(head, _facts(kept.groups.get(FACTS, b"")), times)
                self._starts.touch(head["device"], head["boot"]).tenant = kept.tenant
        self._book.append([], {}, self.changed())
        self.kept()

    def _over(self) -> None:
        self._new.clear()
        self._hashes.clear()
        self._indexed = 0

    def _here(self, key: ReportKey) -> set[bytes]:
        """The hashes that came under this number in this step. Few ask, so it is made when one does."""
        for one in self._new[self._indexed :]:
            self._hashes.setdefault((one.device, one.boot, one.seq), set()).add(one.hash)
        self._indexed = len(self._new)
        return self._hashes.get((key.device, key.boot, key.seq), set())


def _facts(content: bytes) -> Sequence[dict[str, Any]]:
    if not any(word in content for word in _TELLING):
        return ()
    return [fact for fact in cbor2.loads(content) if isinstance(fact, dict)]
