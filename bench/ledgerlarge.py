"""A log of 100,000,000 entries: proofs from its tiles, and what memory its sequencer takes.

The tree is whole and its head signed, but its full tiles of hashes are alike, so that only those that are
read need to lie on disk: 400 MB of entries need not be hashed to ask what a proof costs. What the sequencer
goes on with is real: it recovers, and appends and signs 50,000 entries at a time.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Final

from bench.report import Row, parser, tell
from feeds.ledger import merkle
from feeds.ledger.book import Book, EventKey, NewEntry
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.entry import EntryKind, seal
from feeds.ledger.files import LogFiles
from feeds.ledger.merkle import complete_root
from feeds.ledger.note import Signer
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.tiles import WIDTH, Tile, width_at
from feeds.ledger.tree import TileNodes

SIZE: Final = 100_000_000
PROOFS: Final = 500
AT_ONCE: Final = 50_000  # signed
APPENDED: Final = 5_000  # in a transaction
SIGNER: Final = Signer("log.example/bench", bytes(32))


class Alike:
    """The tiles of a tree whose full tiles of one level are all the same."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._entry = [sha256(b"\x00" + bytes([n])).digest() for n in range(WIDTH)]

    def tile(self, tile: Tile) -> bytes:
        """The bytes of a hash tile."""
        hashes = self._entry
        for _ in range(tile.level):
            hashes = [complete_root(hashes)] * WIDTH
        return b"".join(hashes[: tile.width])


def lay_out(files: LogFiles, places: list[int]) -> bytes:
    """Write the tiles that proofs of ``places`` and the right edge need; returns the root."""
    made, seen = Alike(SIZE), set[Tile]()
    level = 0
    while count := SIZE >> (8 * level):
        last = (count - 1) // WIDTH
        numbers = {place >> (8 * (level + 1)) for place in places} | {last}
        numbers |= set(range(last - last % WIDTH, last + 1))  # what the edge of the level above is made of
        seen |= {Tile(level, n, width_at(level, n, SIZE)) for n in numbers if n <= last}
        level += 1
    for tile in seen:
        files.write(tile, made.tile(tile))
    files.settle()
    return TileNodes(files.read, SIZE).root()


def drop_from_memory(files: LogFiles) -> None:
    """Let the system forget what it holds of the files, so that they are read from disk."""
    for path in files.public.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def proofs(files: LogFiles, places: list[int], root: bytes) -> list[float]:
    """Seconds of each proof, nothing held in memory between two; each is verified."""
    leaves = [sha256(b"\x00" + bytes([n])).digest() for n in range(WIDTH)]
    took = []
    for place in places:
        begin = time.perf_counter()
        path = merkle.inclusion_proof(place, SIZE, TileNodes(files.read, SIZE))
        took.append(time.perf_counter() - begin)
        merkle.verify_inclusion(leaves[place % WIDTH], place, SIZE, path, root)
    return took


def small(n: int) -> NewEntry:
    """An entry of one group of 100 bytes."""
    salts, groups = os.urandom(16), {"whole": b"%100d" % n}
    entry = seal(EntryKind.EVENT, 0, n, n, groups, salts).entry
    key = EventKey(f"visit_{n:024x}", 1)
    return NewEntry(EntryKind.EVENT, key, "a", "m", n, entry, salts, groups)


def sequence(folder: Path, files: LogFiles, root: bytes, rounds: int) -> tuple[float, float]:
    """Recover at SIZE, then append and sign; returns seconds of the recovery and entries a second."""
    book = Book(folder / "book.db")
    stub = NewEntry(EntryKind.EVENT, EventKey("first", 1), "", "", 0, bytes(84), bytes(16), {"whole": b""})
    book.append([stub], {})
    book._db.execute("UPDATE records SET place = ?", (SIZE - 1,))  # the one row stands for all of them
    book.set_mark("settled", SIZE)
    files.put_signed(Checkpoint(SIGNER.name, SIZE, root).signed(SIGNER).format())
    begin = time.thread_time()
    sequencer = Sequencer(book, files, SIGNER)
    recovered = time.thread_time() - begin
    spent = 0.0
    for at in range(0, rounds * AT_ONCE, APPENDED):
        begin = time.thread_time()
        book.append([small(n) for n in range(at, at + APPENDED)], {})
        if (at + APPENDED) % AT_ONCE == 0:
            sequencer.publish()
        spent += time.thread_time() - begin
    head = open_checkpoint(files.served("checkpoint"), SIGNER.verifier).checkpoint
    if head.size != SIZE + rounds * AT_ONCE or sequencer.nodes().root() != head.root:
        raise SystemExit(f"the log does not go on: got size {head.size}")
    book.close()
    return recovered, rounds * AT_ONCE / spent


def peak_mb() -> float:
    """The most memory that this process took so far."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def main() -> int:
    """Run and tell."""
    options = parser(__doc__, 10).parse_args()
    asked = random.Random(1).sample(range(SIZE), PROOFS)
    with tempfile.TemporaryDirectory() as name:
        files = LogFiles(Path(name) / "log")
        root = lay_out(files, asked)
        drop_from_memory(files)
        cold = sorted(proofs(files, asked, root))
        warm = sorted(proofs(files, asked, root))
        before = peak_mb()
        recovered, rate = sequence(Path(name), files, root, 4)
    tell(
        "ledgerlarge",
        [
            Row("a proof, tiles on disk, median", 1e3 * cold[PROOFS // 2], "ms"),
            Row("a proof, tiles on disk, 99 of 100", 1e3 * cold[PROOFS * 99 // 100], "ms"),
            Row("a proof, tiles in the system's memory, median", 1e3 * warm[PROOFS // 2], "ms"),
            Row("the sequencer's recovery", 1e3 * recovered, "ms"),
            Row("small entries sealed, appended, signed", rate, "entries/s"),
            Row("memory that the sequencer takes at most", peak_mb() - before, "MB"),
            Row("memory of the process before it", before, "MB"),
        ],
        options.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
