"""The sequencer: entries of the book become tiles and a signed head. Recovery runs the same code.

Publishing, in this order, is what makes a death at any line harmless:
(1) the book holds entries, salts and contents durably (``Book.append``);
(2) tiles and bundles are made of the book's entries and written; they are the same whenever they are made;
(3) the head is signed, if it extends what was signed last, and remembered durably;
(4) it becomes the checkpoint that is served.
After a death between two of these, the next publish does what is missing: from the last settled size on tiles
are made again, and a head that was signed but not served is the one that is served.
"""

from __future__ import annotations

from typing import Final

from feeds.ledger import merkle
from feeds.ledger.book import Book
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.errors import LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.merkle import complete_root, leaf_hashes
from feeds.ledger.note import Note, Signer
from feeds.ledger.tiles import ENTRIES, WIDTH, Tile, hashes_of, pack, width_at
from feeds.ledger.tree import TileNodes

_SETTLE: Final = 65_536  # entries, or files written, after which they are flushed: what recovery makes again
_SETTLE_FILES: Final = 4_096
_SETTLED: Final = "settled"
_AT_ONCE: Final = 8_192


class Sequencer:
    """One log: its book, its files and its key. Only one at a time may exist, see ``LogFiles.locked``."""

    def __init__(self, book: Book, files: LogFiles, signer: Signer) -> None:
        """Recovers. Raises LedgerStopError when what is stored contradicts what was signed."""
        self.book, self.files, self._signer = book, files, signer
        self.origin = signer.name
        self._size = book.mark(_SETTLED)
        self._edge = self._edge_at(self._size)
        self._head = self._last_signed()
        self._served = False
        least = max(self._size, self._head.size if self._head is not None else 0)
        if book.size < least:
            raise LedgerStopError(f"the book of {self.origin} lost entries: got {book.size}, want {least}")
        self._extend(least)
        if self._head is not None and self.nodes().root() != self._head.root:
            raise LedgerStopError(
                f"the entries of {self.origin} do not make the root signed at {self._head.size}"
            )

    @property
    def head(self) -> Checkpoint | None:
        """The head that was signed last."""
        return self._head

    def publish(self) -> Note | None:
        """Bring the tiles up to the book and sign their head; None when nothing is new.

        Raises LedgerAwayError: nothing is lost, publish again. Raises LedgerStopError rather than sign a
        second head of one size.
        """
        size = self.book.size
        if self._head is not None and size == self._head.size:
            if not self._served:
                self.files.publish(self.files.signed() or "")
                self._served = True
            return None
        self._extend(size)
        head = Checkpoint(self.origin, size, self._root())
        note = head.signed(self._signer)
        self._guard(head)
        self.files.put_signed(note.format())
        self._head, self._served = head, False
        self.files.publish(note.format())
        self._served = True
        return note

    def nodes(self) -> TileNodes:
        """The nodes of the tree as of the head, from its tiles."""
        return TileNodes(self.files.read, self._head.size if self._head is not None else 0)

    def _guard(self, head: Checkpoint) -> None:
        """What is on disk counts: another process may have signed since."""
        last = self._last_signed()
        if last is None:
            return
        if head.size < last.size or (head.size == last.size and head.root != last.root):
            raise LedgerStopError(
                f"{self.origin} has signed size {last.size} already: got {head.size} with another root"
            )
        if self._head is None or last != self._head:
            raise LedgerStopError(f"{self.origin} was signed by somebody else up to {last.size}")

    def _last_signed(self) -> Checkpoint | None:
        note = self.files.signed()
        return None if note is None else open_checkpoint(note, self._signer.verifier).checkpoint

    def _root(self) -> bytes:
        """The root of the entries up to ``_size``, of the edge alone."""
        root: bytes | None = None
        for hashes in self._edge:
            at = len(hashes)
            while at:
                width = at & -at
                part = complete_root(hashes[at - width : at])
                root = part if root is None else merkle.node_hash(part, root)
                at -= width
        return merkle.EMPTY_ROOT if root is None else root

    def _edge_at(self, size: int) -> list[list[bytes]]:
        """The hashes of each level's last, partial tile, from the full tiles below it and from the book."""
        whole = size - size % WIDTH
        edge = [leaf_hashes(self.book.entries(whole, size))]
        while count := size >> (8 * len(edge)):
            level = len(edge)
            first = count - count % WIDTH
            tiles = [Tile(level - 1, number) for number in range(first, count)]
            edge.append([complete_root(hashes_of(self.files.read(tile), tile)) for tile in tiles])
        return edge

    def _extend(self, size: int) -> None:
        """Make and write the tiles and bundles from ``_size`` to ``size``."""
        while self._size < size:
            end = min(size, self._size - self._size % WIDTH + _AT_ONCE)
            self._extend_to(end)
            if end - self.book.mark(_SETTLED) >= _SETTLE + WIDTH or self.files.loose > _SETTLE_FILES:
                self.files.settle()
                self.book.set_mark(_SETTLED, end - end % WIDTH)

    def _extend_to(self, size: int) -> None:
        first = self._size - self._size % WIDTH
        entries = self.book.entries(first, size)
        for at in range(0, len(entries), WIDTH):
            number = (first + at) // WIDTH
            bundle = Tile(ENTRIES, number, width_at(ENTRIES, number, size))
            self._write(bundle, pack(entries[at : at + WIDTH]))
        new = leaf_hashes(entries[self._size - first :])
        level = 0
        while new:
            if level == len(self._edge):
                self._edge.append([])
            hashes = self._edge[level] + new
            number = (self._size >> (8 * level)) // WIDTH
            new = []
            for at in range(0, len(hashes), WIDTH):
                part = hashes[at : at + WIDTH]
                self._write(Tile(level, number, len(part)), b"".join(part))
                number += 1
                if len(part) == WIDTH:
                    new.append(complete_root(part))
            self._edge[level] = hashes[len(hashes) - len(hashes) % WIDTH :]
            level += 1
        self._size = size

    def _write(self, tile: Tile, data: bytes) -> None:
        self.files.write(tile, data)
        if tile.width == WIDTH:
            self.files.forget_partial(tile)
