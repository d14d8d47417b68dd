"""Checkpoints of C2SP tlog-checkpoint: the signed head of a tree, and witnesses' cosignatures on it. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from feeds.ledger.errors import FormatError, ProofError
from feeds.ledger.merkle import EMPTY_ROOT, HASH_BYTES
from feeds.ledger.note import COSIGNATURE, Note, Signer, Verifier, cosignature_time, parse, verified

_MAX_SIZE: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, size and root; ``extra`` are extension lines."""

    origin: str
    size: int
    root: bytes
    extra: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extra]
        return "".join(f"{line}\n" for line in lines)

    def signed(self, signer: Signer) -> Note:
        """The note with the log's signature; the key's name must be the origin."""
        if signer.name != self.origin:
            raise FormatError(f"a checkpoint of {self.origin} can't be signed by the key of {signer.name}")
        text = self.text()
        return Note(text, (signer.sign(text),))


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint whose signatures hold; ``witnesses``: when (POSIX seconds) each one cosigned it."""

    checkpoint: Checkpoint
    note: Note
    witnesses: dict[str, int] = field(default_factory=dict)


def read(text: str) -> Checkpoint:
    """The checkpoint of a note's text. Raises FormatError, ProofError for a root that size 0 can't have."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or any(not line for line in lines[:-1]):
        raise FormatError(f"checkpoint: got {len(lines) - 1} lines, want three non-empty ones at least")
    origin, size_text, root_text, *extra = lines[:-1]
    if any(c.isspace() for c in origin) or "+" in origin:
        raise FormatError(f"origin: got {origin[:80]!r}, want no white space and no plus")
    if not (size_text.isascii() and size_text.isdigit()) or (size_text[0] == "0" and size_text != "0"):
        raise FormatError(f"tree size: got {size_text[:40]!r}, want a decimal number")
    if len(size_text) > 19 or int(size_text) >= _MAX_SIZE:
        raise FormatError(f"tree size: got {size_text[:40]}, want less than 2**63")
    try:
        root = base64.b64decode(root_text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"root: got {root_text[:60]!r}, want base64") from None
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != root_text:
        raise FormatError(f"root: got {len(root)} bytes, want {HASH_BYTES} in canonical base64")
    size = int(size_text)
    if size == 0 and root != EMPTY_ROOT:
        raise ProofError("the root of size 0 is not that of the empty tree")
    return Checkpoint(origin, size, root, tuple(extra))


def open_checkpoint(data: str | bytes, log: Verifier, witnesses: Sequence[Verifier] = ()) -> Opened:
    """The checkpoint of a file, signed by ``log`` under its own name as origin.

    Cosignatures of ``witnesses`` that are there are verified; how many are wanted is the policy's business.
    Raises FormatError, ProofError.
    """
    note = parse(data)
    verified(note, [log])
    checkpoint = read(note.text)
    if checkpoint.origin != log.name:
        raise ProofError(f"checkpoint of another log: got {checkpoint.origin}, want {log.name}")
    seen: dict[str, int] = {}
    for key in witnesses:
        if key.kind != COSIGNATURE:
            raise FormatError(f"key of witness {key.name}: got type {key.kind}, want {COSIGNATURE}")
        line = next((one for one in note.signatures if key.signed(one)), None)
        if line is not None:
            seen[key.name] = cosignature_time(note.text, line, key)
    return Opened(checkpoint, note, seen)
