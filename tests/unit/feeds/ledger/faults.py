"""A ledger whose steps can be made to fail: each step that writes, lost or written, or the death of all."""

from __future__ import annotations

import os
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from feeds.ledger import files as files_module
from feeds.ledger import sequencer as sequencer_module
from feeds.ledger.book import Book, EventKey, NewEntry
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import LedgerAwayError
from feeds.ledger.files import LogFiles
from feeds.ledger.note import Signer
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.tiles import parse_path
from tests.unit.feeds.ledger.logs import tiled
from tests.unit.feeds.ledger.reference import mth

SIGNER = Signer("log.example/faults", bytes(range(32)))
SIZES = (3, 255, 0, 300, 40)
T = TypeVar("T")


def fails() -> None:
    """What a write step says that failed, as the layer below it: the disk's, or the book's own."""
    asked = {frame.name for frame in traceback.extract_stack(limit=8)}
    if asked & {"append", "set_mark"}:
        raise LedgerAwayError("the book took nothing")
    raise OSError(5, "input/output error")


def entries(first: int, count: int) -> list[NewEntry]:
    """Entries of events, from number ``first`` on."""
    return [
        NewEntry(
            EntryKind.EVENT,
            EventKey(f"crossing_{n}", 1),
            "asset",
            "main",
            n,
            f"entry {n}".encode(),
            b"s" * 16,
            {"whole": b"w"},
        )
        for n in range(first, first + count)
    ]


class Steps:
    """Counts the steps that write; ``fault`` strikes at number ``at``, before it is done or ``after``."""

    def __init__(self, at: int | None, after: bool, fault: Callable[[], None]) -> None:
        self.at, self.after, self.count, self._fault = at, after, 0, fault

    def do(self, step: Callable[[], T]) -> T:
        number, self.count = self.count, self.count + 1
        if number == self.at and not self.after:
            self._fault()
        done = step()
        if number == self.at and self.after:
            self._fault()
        return done


class _Os:
    """``os`` for the files: what writes is a step."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("write", "fsync", "replace"):
            return real
        if name == "fsync":  # a process that dies loses nothing that was written; flushing takes long
            real = _nothing
        return lambda *values: self._steps.do(lambda: real(*values))


def _nothing(_: int) -> None:
    pass


class StepBook(Book):
    """A book whose writes are steps; it flushes nothing."""

    steps = Steps(None, False, lambda: None)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._db.execute("PRAGMA synchronous = OFF")

    def append(self, *values: Any) -> int:
        return self.steps.do(lambda: super(StepBook, self).append(*values))

    def set_mark(self, *values: Any) -> None:
        self.steps.do(lambda: super(StepBook, self).set_mark(*values))


@contextmanager
def stepping(steps: Steps) -> Iterator[None]:
    """Within this block all writes are steps, and tiles settle often."""
    with (
        patch.object(files_module, "os", _Os(steps)),
        patch.object(StepBook, "steps", steps),
        patch.object(sequencer_module, "_SETTLE", 256),
        patch.object(sequencer_module, "_AT_ONCE", 512),
    ):
        yield


def sequence(folder: Path) -> Sequencer:
    """The log in ``folder``, as it is."""
    return Sequencer(StepBook(folder / "book.db"), LogFiles(folder / "log"), SIGNER)


def story(folder: Path, seen: list[str], *, again: bool) -> None:
    """Append and publish some times; what failed is tried again, by a new sequencer with ``again``."""
    log, first = None, 0
    for size in SIZES:
        for attempt in range(3):
            try:
                if log is None:
                    log = sequence(folder)
                log.book.append(entries(first, size), {"log": first + size})
                log.publish()
                break
            except LedgerAwayError:
                assert attempt < 2, "a fault that passes was never got over"
                if again and log is not None:
                    log.book.close()
                    log = None
        note = LogFiles(folder / "log").signed()
        assert note is not None
        seen.append(note)
        first += size
    assert log is not None
    log.book.close()


def verify(folder: Path, seen: list[str]) -> None:
    """Everything is there once and in order, is served, and no two heads of one size differ."""
    total = sum(SIZES)
    log = sequence(folder)
    log.book.append(entries(0, total), {"log": total})
    log.publish()
    leaves = log.book.entries(0, log.book.size)
    assert leaves == [one.entry for one in entries(0, total)]
    for path, data in wanted_files(total).items():
        assert log.files.served(path) == data, path
    served = open_checkpoint(log.files.served("checkpoint"), SIGNER.verifier).checkpoint
    assert served == log.head
    assert served.size == total
    heads: dict[int, bytes] = {}
    for note in [*seen, log.files.signed() or ""]:
        head = open_checkpoint(note, SIGNER.verifier).checkpoint
        assert heads.setdefault(head.size, head.root) == head.root
        assert wanted_root(head.size) == head.root
    log.book.close()


@cache
def wanted_files(size: int) -> dict[str, bytes]:
    """All tiles and bundles of the first ``size`` entries, made in the plainest way."""
    return tiled([one.entry for one in entries(0, size)])


@cache
def wanted_root(size: int) -> bytes:
    """The root of the first ``size`` entries, the plain way."""
    return mth([one.entry for one in entries(0, size)])


def lose_power(folder: Path, rng: random.Random) -> None:
    """Lose some of what was never flushed: tiles and bundles above the mark, and what is beside names."""
    book = Book(folder / "book.db")
    settled = book.mark("settled")
    book.close()
    public = folder / "log" / "public"
    for path in sorted((public / "tile").rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        tile = parse_path(str(path.relative_to(public)))
        safe = (tile.number * 256 + tile.width) * 256 ** max(tile.level, 0) <= settled
        if not safe and rng.random() < 0.7:
            if rng.random() < 0.5:
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[: rng.randrange(40)])
