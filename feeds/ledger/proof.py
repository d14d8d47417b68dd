"""Offline proof files of C2SP tlog-proof: one entry, its inclusion proof and a checkpoint. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from feeds.ledger import checkpoint, merkle
from feeds.ledger.checkpoint import Opened
from feeds.ledger.errors import FormatError
from feeds.ledger.merkle import HASH_BYTES
from feeds.ledger.note import Verifier

_HEAD: Final = "c2sp.org/tlog-proof@v1\n"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_MOST_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is the leaf ``index`` of the tree whose checkpoint is ``note``; ``extra`` vouches for
    nothing."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def format(self) -> str:
        """The file."""
        extra = "" if self.extra is None else f"extra {base64.b64encode(self.extra).decode()}\n"
        lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.hashes)
        return f"{_HEAD}{extra}index {self.index}\n{lines}\n{self.note}"

    def verify(self, entry: bytes, log: Verifier, witnesses: Sequence[Verifier] = ()) -> Opened:
        """The checkpoint that holds ``entry``. Raises FormatError, ProofError."""
        opened = checkpoint.open_checkpoint(self.note, log, witnesses)
        head = opened.checkpoint
        merkle.verify_inclusion(merkle.leaf_hash(entry), self.index, head.size, self.hashes, head.root)
        return opened


def parse(text: str) -> Proof:
    """The proof in a file; nothing is verified. Raises FormatError."""
    if not text.startswith(_HEAD):
        raise FormatError(f"proof file: got {text[:40]!r}, want {_HEAD.strip()}")
    head, empty, note = text[len(_HEAD) :].partition("\n\n")
    if not empty:
        raise FormatError("proof file ends before its checkpoint")
    lines = head.split("\n")
    extra = None
    if lines[0].startswith("extra "):
        extra = _bytes(lines.pop(0).removeprefix("extra "), "extra")
    match = _INDEX.fullmatch(lines[0]) if lines else None
    if match is None:
        raise FormatError(f"proof file: got {(lines or [''])[0][:60]!r}, want index <number>")
    hashes = tuple(_bytes(line, "hash") for line in lines[1:])
    if len(hashes) > _MOST_HASHES:
        raise FormatError(f"proof: got {len(hashes)} hashes, want at most {_MOST_HASHES}")
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise FormatError(f"hash of a proof: got {len(one)} bytes, want {HASH_BYTES}")
    return Proof(int(match[1]), hashes, note, extra)


def _bytes(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{what} of a proof: got {text[:60]!r}, want base64") from None
    if base64.b64encode(data).decode() != text:
        raise FormatError(f"{what} of a proof: got base64 that is not canonical")
    return data
