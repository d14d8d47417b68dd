"""The manifest of an export, signed by the key of one of its logs: whoever made it answers for its words.

``manifest.sig`` is a note whose text names the hash of ``manifest.json``. It can't be taken for a log's head:
these begin with the log's origin.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from feeds.ledger.note import Note, Signer

SIGNATURE: Final = "manifest.sig"


def text_of(manifest: bytes) -> str:
    """The text that is signed for these bytes of a manifest."""
    return f"corridor export manifest\n{hashlib.sha256(manifest).hexdigest()}\n"


def sign(manifest: Path, signer: Signer) -> None:
    """Write the signature of ``manifest`` beside it. Raises OSError."""
    text = text_of(manifest.read_bytes())
    manifest.with_name(SIGNATURE).write_text(Note(text, (signer.sign(text),)).format(), "utf-8")
