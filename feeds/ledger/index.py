"""The signed index of an installation's logs: which there are, their keys, how far each is.

Its text: the origin, the number of logs, then of each log a line

    number SP verifier key SP size SP root in base64 SP number of the log that follows it, or "-"

A log's own checkpoint is what proves; the index says that there are no others, so that one feed spans them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feeds.ledger.checkpoint import Checkpoint
from feeds.ledger.errors import FormatError, LedgerError, LedgerStopError, ProofError
from feeds.ledger.files import replace
from feeds.ledger.keyfiles import load_or_make
from feeds.ledger.note import Note, Verifier, parse, parse_verifier
from feeds.ledger.reading import LedgerReader
from feeds.ledger.rotation import chains, numbers

INDEX: Final = "index"
"""The index as a signed note, in the folder of the logs."""
INDEX_KEY: Final = "index.pub"


@dataclass(frozen=True, slots=True)
class Line:
    """One log: its number, key and head; ``next``: the log that follows it, once it has ended."""

    log: int
    key: Verifier
    size: int
    root: bytes
    next: int | None = None

    def text(self) -> str:
        """The line without its end."""
        root = base64.b64encode(self.root).decode()
        return f"{self.log} {self.key} {self.size} {root} {'-' if self.next is None else self.next}"


@dataclass(frozen=True, slots=True)
class Index:
    """The logs by number. ``origin`` is the name of the key that signs it."""

    origin: str
    logs: tuple[Line, ...]

    def text(self) -> str:
        """What is signed."""
        return "\n".join([self.origin, str(len(self.logs)), *(one.text() for one in self.logs)]) + "\n"

    def require_follows(self, before: Index) -> None:
        """Raises ProofError unless every log of ``before`` is still there, by the same key and no smaller."""
        now = {one.log: one for one in self.logs}
        for one in before.logs:
            found = now.get(one.log)
            if found is None or found.key != one.key:
                raise ProofError(f"index: log {one.log} of {one.key.name} is gone or has another key")
            if found.size < one.size or (found.size == one.size and found.root != one.root):
                raise ProofError(f"index: log {one.log}: got size {found.size}, had {one.size} before")

    def agrees(self, log: int, head: Checkpoint) -> None:
        """Raises ProofError unless the head of ``log`` is of the log named here, and at least as far."""
        found = next((one for one in self.logs if one.log == log), None)
        if found is None or found.key.name != head.origin:
            raise ProofError(f"index: log {log} is not {head.origin}")
        if head.size < found.size or (head.size == found.size and head.root != found.root):
            raise ProofError(f"log {log}: got size {head.size}, the index says {found.size}")


def open_index(data: str | bytes, key: Verifier) -> Index:
    """The index of a note signed by ``key``. Raises FormatError, ProofError."""
    note = parse(data)
    signed = [one for one in note.signatures if key.signed(one)]
    if not signed:
        raise ProofError(f"index: not signed by {key.name}")
    for one in signed:
        key.verify(note.text.encode(), one.blob)
    index = read_index(note.text)
    if index.origin != key.name:
        raise ProofError(f"index of others: got {index.origin}, want {key.name}")
    return index


def read_index(text: str) -> Index:
    """The index of a text, signed or not. Raises FormatError."""
    lines = text.split("\n")
    if len(lines) < 3 or lines[-1]:
        raise FormatError("index: want an origin, a count and a line a log, each with its end")
    origin, count, *rest = lines[:-1]
    if _number(count) != len(rest):
        raise FormatError(f"index: got {len(rest)} logs, want {count[:20]}")
    logs = tuple(_line(one) for one in rest)
    if [one.log for one in logs] != sorted({one.log for one in logs}):
        raise FormatError("index: want each log once, by number")
    return Index(origin, logs)


def _line(text: str) -> Line:
    parts = text.split(" ")
    if len(parts) != 5:
        raise FormatError(f"index: got {text[:80]!r}, want number, key, size, root and follower")
    number, key, size, root_text, follower = parts
    try:
        root = base64.b64decode(root_text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"index: root of log {number[:20]}: want base64") from None
    if len(root) != 32 or base64.b64encode(root).decode() != root_text:
        raise FormatError(f"index: root of log {number[:20]}: want 32 bytes in base64")
    after = None if follower == "-" else _number(follower)
    return Line(_number(number), parse_verifier(key), _number(size), root, after)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or (text[0] == "0" and text != "0"):
        raise FormatError(f"index: got {text[:20]!r}, want a number")
    return int(text)


def gather(origin: str, root: Path, readers: Callable[[int], LedgerReader]) -> Index:
    """The index of the logs in ``root`` that have a signed head. Raises LedgerError."""
    follows = chains(root)
    lines = []
    for number in numbers(root):
        reader = readers(number)
        try:
            head, _ = reader.head()
            key = parse_verifier(reader.key())
        except LedgerStopError:
            raise
        except FormatError:
            raise
        except LedgerError:
            continue  # nothing signed yet
        lines.append(Line(number, key, head.size, head.root, follows.get(number)))
    return Index(origin, tuple(lines))


def write(root: Path, key: Path, origin: str, readers: Callable[[int], LedgerReader]) -> Index | None:
    """Sign and serve the index when it changed; None while no log has a head.

    One process at a time. Raises LedgerStopError when a log went back, LedgerError.
    """
    path = root / INDEX
    try:
        before_text = path.read_text("utf-8")
    except FileNotFoundError:
        before_text = None
    signer = load_or_make(key, origin, signed=before_text is not None)
    made = gather(signer.name, root, readers)
    if not made.logs:
        return None
    if before_text is not None:
        before = open_index(before_text, signer.verifier)
        if before == made:
            return made
        try:
            made.require_follows(before)
        except ProofError as error:
            raise LedgerStopError(str(error)) from None
    replace(root / INDEX_KEY, f"{signer.verifier}\n".encode(), flush=True)
    replace(path, Note(made.text(), (signer.sign(made.text()),)).format().encode(), flush=True)
    return made
