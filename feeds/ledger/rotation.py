"""Rotation: a log ends with a signed statement that names the one that follows, with a key of its own.

The folders of an installation's logs are p0, p1, ...: one a partition first, then those that follow others,
each with the file ``follows``. A log that ended stays as it is and is served for ever. What was known stays
known: keys of records and starts of devices are carried into the new book.

In this order: the new log is made under a hidden name; the end is appended and signed; its proof is written;
the new log gets its name. After a death between any two the log is as before, or ended and asks for the
rotation to be finished, by the same call.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from feeds.ledger import merkle
from feeds.ledger.book import Book, EventKey, NewEntry
from feeds.ledger.entry import SALT_BYTES, WHOLE, EntryKind, seal
from feeds.ledger.errors import LedgerAwayError, LedgerError, LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.keyfiles import load_or_make
from feeds.ledger.note import Signer
from feeds.ledger.opened import opening_of, pack
from feeds.ledger.proof import Proof
from feeds.ledger.reading import BOOK, PUBLIC_KEY
from feeds.ledger.sequencer import Sequencer
from streams.codec import dump_json, load_json

FOLLOWS: Final = "follows"
_NAME: Final = re.compile(r"p(0|[1-9][0-9]{0,5})", re.ASCII)
_TURN: Final = re.compile(r"/r([1-9][0-9]{0,8})$", re.ASCII)


def numbers(root: Path) -> list[int]:
    """The numbers of the logs in a folder, in order."""
    names = (match for path in root.glob("p*") if (match := _NAME.fullmatch(path.name)))
    return sorted(int(match[1]) for match in names)


def chains(root: Path) -> dict[int, int]:
    """Of each log that ended the one that follows it. Raises LedgerStopError."""
    found = {}
    for number in numbers(root):
        try:
            text = (root / f"p{number}" / FOLLOWS).read_text("utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerStopError(f"p{number}: its file {FOLLOWS} can't be read: {error}") from None
        match = _NAME.fullmatch(text.strip())
        if match is None or int(match[1]) >= number or int(match[1]) in found:
            raise LedgerStopError(f"p{number} follows {text[:20]!r}: want an older log that nothing follows")
        found[int(match[1])] = number
    return found


def current(root: Path, partition: int) -> int:
    """The log of a partition that is written now. Raises LedgerStopError."""
    follows, at = chains(root), partition
    while at in follows:
        at = follows[at]
    return at


def rotate(
    root: Path,
    number: int,
    keys: Callable[[int], Path],
    partitions: int,
    now_ms: int,
    random: Callable[[int], bytes] = os.urandom,
) -> int:
    """End log ``number`` and begin the one that follows it; returns its number. Nobody else may write it.

    ``keys``: the file of a log's key. Raises LedgerStopError when it can't be, LedgerAwayError: call again.
    """
    folder = root / f"p{number}"
    if number in chains(root):
        raise LedgerStopError(f"p{number} has ended already: p{chains(root)[number]} follows it")
    into = max(partitions, *(one + 1 for one in numbers(root)))
    files = LogFiles(folder)
    with files.locked():
        signer = load_or_make(keys(number), "", signed=True)
        with closing(Book(folder / BOOK)) as book:
            sequencer = Sequencer(book, files, signer)
            part = root / f".p{into}.next"
            if not book.ended:
                sequencer.publish()
                new = load_or_make(keys(into), _next(signer.name), signed=False)
                _prepare(folder, part, new)
                _append_end(book, signer, new, now_ms, random)
            elif not part.exists():
                raise LedgerStopError(f"p{number} has ended, and what is to follow it is gone: {part.name}")
            sequencer.publish()
            files.put_end(_proof(book, sequencer).format())
    new = load_or_make(keys(into), "", signed=True)
    with closing(Book(part / BOOK)) as book:
        Sequencer(book, LogFiles(part), new).publish()
    try:
        part.rename(root / f"p{into}")
        _flush(root)
    except OSError as error:
        raise LedgerAwayError(f"p{into} can't be put in place: {error.strerror}") from error
    return into


def statement(book: Book) -> dict[str, Any] | None:
    """What the end of a log says: ``ended``, ``size`` before it, ``next`` (origin, key), ``at_ms``; None
    while it goes on. Raises LedgerError."""
    if not book.ended:
        return None
    (kept,) = book.records(book.size - 1, book.size, 1)
    if kept.groups is None:
        raise LedgerError("the end of the log was redacted")
    told: dict[str, Any] = load_json(kept.groups[WHOLE])
    return told


def _next(origin: str) -> str:
    match = _TURN.search(origin)
    turn, base = (1, origin) if match is None else (int(match[1]) + 1, origin[: match.start()])
    return f"{base}/r{turn}"


def _prepare(folder: Path, part: Path, new: Signer) -> None:
    try:
        if part.exists():
            shutil.rmtree(part)
        part.mkdir()
        (part / FOLLOWS).write_text(f"{folder.name}\n", "utf-8")
        (part / PUBLIC_KEY).write_text(f"{new.verifier}\n", "utf-8")
        with closing(Book(part / BOOK)) as made:
            made.carry(folder / BOOK)
        for path in (part / FOLLOWS, part / PUBLIC_KEY, part):
            _flush(path)
    except OSError as error:
        raise LedgerAwayError(f"{part.name} can't be made: {error.strerror}") from error


def _append_end(book: Book, signer: Signer, new: Signer, now_ms: int, random: Callable[[int], bytes]) -> None:
    told = {
        "ended": signer.name,
        "size": book.size,
        "next": {"origin": new.name, "key": str(new.verifier)},
        "at_ms": now_ms,
    }
    groups, salts = {WHOLE: dump_json(told)}, random(SALT_BYTES)
    entry = seal(EntryKind.END, 0, 0, 0, groups, salts).entry
    key = EventKey(f"end_{signer.name}", 1)
    book.append([NewEntry(EntryKind.END, key, "", "", now_ms, entry, salts, groups)], {})


def _proof(book: Book, sequencer: Sequencer) -> Proof:
    place = book.size - 1
    (kept,) = book.records(place, place + 1, 1)
    hashes = merkle.inclusion_proof(place, place + 1, sequencer.nodes())
    note = sequencer.files.signed() or ""
    return Proof(place, tuple(hashes), note, pack(kept.entry, opening_of(kept)))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
