"""The errors of the ledger: what can't be read, what does not hold, and what can't be done now."""

from __future__ import annotations


class LedgerError(Exception):
    """The base of all errors here."""


class FormatError(LedgerError):
    """Bytes that are not what their format says; the message names what was got and wanted."""


class ProofError(LedgerError):
    """Well-formed, and it does not hold: a proof, a signature or a root that is another."""


class LedgerAwayError(LedgerError):
    """The storage takes or gives nothing now; nothing was half done. Try after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LedgerStopError(LedgerError):
    """The log may not go on: what is stored contradicts what was signed."""


class LedgerHeldError(LedgerStopError):
    """Another process writes the log; once it ends, this one may."""
