"""What an export is made of in a data folder, running or not: read model, logs, zones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import geofences
from corridor.folder import Folder
from feeds.grants import Grant
from feeds.ledger.reading import LedgerReader
from feeds.ledger.rotation import numbers
from feeds.readmodel import ReadModel
from feeds.records.export import Source
from streams.events import Kind
from streams.zones import ZoneBook
from streams.zoneversion import told

_ALL = 10_000


@contextmanager
def source_of(folder: Folder) -> Iterator[Source]:
    """Open what lies in ``folder``; only read. Raises ReadModelError."""
    with ExitStack() as stack:
        read = stack.enter_context(ReadModel(folder.read, read_only=True))
        ledgers = [LedgerReader(folder.ledger(log)) for log in logs_of(folder, read.partitions)]
        for ledger in ledgers:
            stack.callback(ledger.close)
        yield Source(read, ledgers, zones_of(read))


def logs_of(folder: Folder, partitions: int) -> range:
    """The numbers of all logs: one a partition, then those that follow others."""
    return range(max(partitions, *(log + 1 for log in (0, *numbers(folder.ledgers)))))


def zones_of(read: ReadModel) -> ZoneBook:
    """All versions of zones that ship or were published. Raises ReadModelError."""
    book = ZoneBook(geofences.world()[0])
    rows, _ = read.changed(Kind.ZONE, 0)
    events = [event for row in rows for event in read.revisions(Kind.ZONE, row.tenant, row.id, limit=_ALL)]
    for event in sorted(events, key=lambda one: (one.recorded_ms, one.number)):
        book.put([told(event.data)])
    return book


def grants_of(read: ReadModel) -> list[Grant]:
    """All feeds of everybody, the oldest first. Raises ReadModelError."""
    rows, _ = read.changed(Kind.FEED, 0)
    return [Grant.of(row.id, row.tenant, row.data) for row in rows]
