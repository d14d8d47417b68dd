"""Redaction over a data folder: samples, movements, contents of the ledger, dead letters, old snapshots.

The wish is noted durably first, so that one that was cut off is done by asking again, and what is made anew
from a log that still has the data is redacted again. Entries of the ledger stay, and so does every proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cbor2
import numpy as np

from corridor.folder import Folder
from feeds import readredact
from feeds.deadletters import DeadLetters
from feeds.ledger.book import Book
from feeds.ledger.entry import EntryKind
from feeds.ledger.reading import BOOK
from feeds.ledger.reports import PLACE, PLACE_GROUP, SIGNALS_GROUP, read_signals
from feeds.readredact import Ids
from feeds.redactions import Redaction
from feeds.store import purge

DAY_MS: Final = 86_400_000
LATE_MS: Final = 7 * DAY_MS
"""How much later a report may come that tells of a time; the engine's window for late data."""
_LONGEST_MS: Final = DAY_MS  # of a report's samples, from its first
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Redacted:
    """What went: counts; ``asides``: copies of older data that were left where they are."""

    samples: int
    events: int
    objects: int
    contents: int
    dead_letters: int
    snapshots: int
    asides: tuple[str, ...]


def redact(folder: Folder, one: Redaction, memory_mb: int = 192) -> Redacted:
    """Do it, in a folder whose lock the caller holds. Doing it again changes nothing.

    Raises LedgerError, ReadModelError, StoreError, DeadLettersError, OSError: what was done until then stays
    done, and the same may be asked for again.
    """
    ids = touched(folder.read, one)
    contents = sum(redact_book(path, one, ids) for path in books(folder))
    samples = purge.redact(folder.store, one.assets, one.from_ms, one.to_ms, memory_mb)
    letters = 0
    if folder.deadletters.exists() and one.devices:
        with closing(DeadLetters(folder.deadletters)) as held:
            letters = held.redact(one.devices, one.from_ms, one.to_ms + LATE_MS)
    snapshots = _forget_snapshots(folder)
    events = readredact.redact(folder.read, ids) if ids else 0
    return Redacted(samples, events, len(ids), contents, letters, snapshots, asides(folder))


def touched(read: Path, one: Redaction) -> Ids:
    """The objects of a read model that go; none when there is no such file. Raises ReadModelError."""
    if not read.exists():
        return set()
    return readredact.touched(read, one.assets, one.from_ms, one.to_ms)


def touched_by(read: Path, many: Iterable[Redaction]) -> Ids:
    """As ``touched``, by any of several."""
    found: Ids = set()
    for one in many:
        found |= touched(read, one)
    return found


def books(folder: Folder) -> list[Path]:
    """The books of all the ledger's logs."""
    return sorted(folder.ledger(0).parent.glob(f"*/{BOOK}"))


def redact_book(path: Path, one: Redaction, ids: Ids) -> int:
    """Delete contents and salts in one book; returns of how many records. Raises LedgerError."""
    assets = one.assets or None
    with closing(Book(path)) as book:
        early, late = one.from_ms - _LONGEST_MS, one.to_ms + _LONGEST_MS
        reports = book.held(EntryKind.REPORT, early, late, assets)
        places = [kept.place for kept in reports if one.covers(kept.t_ms)]
        doubtful = [kept.place for kept in reports if not one.covers(kept.t_ms)]
        places += [place for place in doubtful if _tells(book, place, one)]
        places += book.places_of(id_ for _, id_ in sorted(ids))
        count = 0
        for first in range(0, len(places), _AT_ONCE):
            count += book.redact(places[first : first + _AT_ONCE])
    return count


def asides(folder: Folder) -> tuple[str, ...]:
    """Copies of older data that rebuilds and repairs put aside: they are deleted by hand."""
    patterns = ("*.before-rebuild*", "read.db.ahead-*", "*.aside", "snapshots/*.refused", "rebuild")
    return tuple(
        sorted(str(p.relative_to(folder.root)) for pattern in patterns for p in folder.root.glob(pattern))
    )


def _tells(book: Book, place: int, one: Redaction) -> bool:
    """Whether a report that begins outside of the time has samples in it."""
    (kept,) = book.records(place, place + 1, 1)
    groups = kept.groups or {}
    times: list[int] = np.frombuffer(groups.get(PLACE_GROUP, b""), PLACE)["t_ms"].tolist()
    if SIGNALS_GROUP in groups:
        times += read_signals(groups[SIGNALS_GROUP])[0]["t_ms"].tolist()
    facts = [fact for name in ("driver", "facts") if name in groups for fact in cbor2.loads(groups[name])]
    times += [t for fact in facts if isinstance(fact, dict) and isinstance(t := fact.get("t"), int)]
    return any(map(one.covers, times))


def _forget_snapshots(folder: Folder) -> int:
    """Delete all snapshots but each partition's newest; returns how many."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.snapshots.glob("p*.snap")):
        found.setdefault(path.name.split("-")[0], []).append(path)
    old: Sequence[Path] = [path for paths in found.values() for path in paths[:-1]]
    for path in old:
        path.unlink()
    return len(old)
