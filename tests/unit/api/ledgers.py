"""The ledger of a small world: every event of its read model, sealed and signed."""

from __future__ import annotations

from pathlib import Path

from feeds.ledger.book import Book
from feeds.ledger.files import LogFiles
from feeds.ledger.note import Signer
from feeds.ledger.reading import BOOK, PUBLIC_KEY
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.writer import LedgerWriter
from feeds.readmodel import ReadModel
from streams.memory_log import MemoryLog


def folder_of(root: Path, partition: int) -> Path:
    """Where the log of a partition is."""
    return root / "ledger" / f"p{partition}"


def signer_of(partition: int) -> Signer:
    """The key of a partition's log."""
    return Signer(f"log.example/{partition}", bytes([partition]) * 32)


def seal(root: Path, read: ReadModel) -> None:
    """Put all events of ``read`` into the logs and sign them."""
    for partition in range(read.partitions):
        book = Book(folder_of(root, partition) / BOOK)
        (folder_of(root, partition) / PUBLIC_KEY).write_text(f"{signer_of(partition).verifier}\n", "utf-8")
        log = Sequencer(book, LogFiles(folder_of(root, partition)), signer_of(partition))
        LedgerWriter(MemoryLog(read.partitions), read, book, partition).step()
        log.publish()
        book.close()
