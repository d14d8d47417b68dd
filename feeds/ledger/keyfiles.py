"""The key of a log: one file, readable by its owner only, made at the first start and never again.

Whoever holds it can sign other histories, so it lies apart from the data. A log that has signed never gets
a new key by itself: a lost key ends the log.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from feeds.ledger.errors import FormatError, LedgerAwayError, LedgerStopError
from feeds.ledger.note import ED25519, Signer, parse_signer


def load_or_make(path: Path, origin: str, *, signed: bool, kind: int = ED25519) -> Signer:
    """The key in ``path``; when there is none and nothing was ``signed`` yet, a new one of ``origin``.

    Raises LedgerStopError when it can't be used, LedgerAwayError when it can't be read or written now.
    """
    try:
        return parse_signer(path.read_text("utf-8"))
    except FileNotFoundError:
        if signed:
            raise LedgerStopError(f"the key {path.name} is gone: the log can't go on without it") from None
    except (FormatError, UnicodeDecodeError) as error:
        raise LedgerStopError(f"the key {path.name} can't be used: {error}") from None
    except OSError as error:
        raise LedgerAwayError(f"the key {path.name} can't be read: {error.strerror}") from None
    made = Signer(origin, secrets.token_bytes(32), kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.new")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made.secret() + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise LedgerAwayError(f"the key {path.name} can't be made: {error.strerror}") from None
    return made
