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

import logging
from typing import Final

from feeds.ledger import merkle
from feeds.ledger.book import Book
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.errors import LedgerAwayError, LedgerError, LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.hashes import complete_root, leaf_hashes
from feeds.ledger.note import Note, Signer
from feeds.ledger.tiles import ENTRIES, WIDTH, Tile, hashes_of, pack, width_at
from feeds.ledger.tree import TileNodes

_SETTLE: Final = 65_536  # entries, or files written, after which they are flushed: what recovery makes again
_SETTLE_FILES: Final = 4_096
_SETTLED: Final = "settled"
_AT_ONCE: Final = 8_192
_log = logging.getLogger("corridor.ledger")


class Sequencer:
    """One log: its book, its files and its key. Only one at a time may exist, see ``LogFiles.locked``."""

    def __init__(self, book: Book, files: LogFiles, signer: Signer, *, serve: bool = True) -> None:
        """Recovers. Without ``serve`` somebody else serves heads, see ``LogFiles.publish``.

        Raises LedgerStopError when what is stored contradicts what was signed, LedgerAwayError.
        """
        self.book, self.files, self._signer, self._serve = book, files, signer, serve
        self.origin = signer.name
        self._size, self._edge = 0, [list[bytes]()]
        self._head = self._last_signed()
        self._tried: Checkpoint | None = None  # signed, and whether it was kept is not known
        self._served = False
        signed = self._head.size if self._head is not None else 0
        if book.size < max(book.mark(_SETTLED), signed):
            want = max(book.mark(_SETTLED), signed)
            raise LedgerStopError(f"the book of {self.origin} lost entries: got {book.size}, want {want}")
        if not self._recovered(book.mark(_SETTLED), signed):
            _log.warning("ledger_tiles_made_again origin=%s size=%s", self.origin, signed)
            if not self._recovered(0, signed):
                raise LedgerStopError(f"the entries of {self.origin} do not make the root signed at {signed}")

    def _recovered(self, settled: int, signed: int) -> bool:
        """Make tiles from ``settled`` on; whether they make the root that was signed."""
        try:
            self._edge, self._size = self._edge_at(settled), settled
            self._extend(max(settled, signed))
            return self._head is None or self.nodes().root() == self._head.root
        except (LedgerAwayError, LedgerStopError):
            raise
        except LedgerError:  # a settled tile is gone or of another length: the book has what it was made of
            return False

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
            self._serve_head(None)
            return None
        self._extend(size)
        head = Checkpoint(self.origin, size, self._root())
        note = head.signed(self._signer)
        self._guard(head)
        self._tried = head
        self.files.put_signed(note.format())
        self._head, self._tried, self._served = head, None, False
        self._serve_head(note.format())
        return note

    def _serve_head(self, note: str | None) -> None:
        if self._serve and not self._served:
            self.files.publish(note or self.files.signed() or "")
            self._served = True

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
        if last not in (self._head, self._tried):
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
        edge = list(self._edge)  # what fails in between leaves all as it was
        level = 0
        while new:
            if level == len(edge):
                edge.append([])
            hashes = edge[level] + new
            number = (self._size >> (8 * level)) // WIDTH
            new = []
            for at in range(0, len(hashes), WIDTH):
                part = hashes[at : at + WIDTH]
                self._write(Tile(level, number, len(part)), b"".join(part))
                number += 1
                if len(part) == WIDTH:
                    new.append(complete_root(part))
            edge[level] = hashes[len(hashes) - len(hashes) % WIDTH :]
            level += 1
        self._size, self._edge = size, edge

    def _write(self, tile: Tile, data: bytes) -> None:
        self.files.write(tile, data)
        if tile.width == WIDTH:
            self.files.forget_partial(tile)
