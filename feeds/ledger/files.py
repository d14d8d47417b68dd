"""A log's public files: tiles, bundles, the checkpoint; and the guard against two heads of one size.

A file is written beside its name and renamed, so that a reader sees it whole or not at all, and a process
that is killed leaves no half. What the loss of power may take is written again from the book (see
``sequencer``); ``settle`` makes it safe from that too. Only the checkpoint and the guard are flushed at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from feeds.ledger.errors import LedgerAwayError, LedgerError, LedgerHeldError
from feeds.ledger.tiles import Tile, parse_path

CHECKPOINT: Final = "checkpoint"
END: Final = "end"
"""The proof file of a log's end; there once it has ended."""
PUBLIC: Final = "public"
_SIGNED: Final = "signed"
_LOCK: Final = "lock"


class LogFiles:
    """The folder of one log: ``public`` is what may be served, the rest is its owner's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.public = folder, folder / PUBLIC
        self._loose: set[Path] = set()
        self.public.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who signs, on this machine. Raises LedgerHeldError when somebody else is."""
        descriptor = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LedgerHeldError(f"another process writes the log in {self.folder.name}") from None
            yield
        finally:
            os.close(descriptor)

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle; a partial one that is gone is cut from the full one of hashes.

        Raises LedgerError when there is none.
        """
        try:
            return (self.public / tile.path).read_bytes()
        except OSError:
            pass
        if tile.level >= 0 and tile.full != tile:
            with contextlib.suppress(OSError):
                return (self.public / tile.full.path).read_bytes()[: tile.width * 32]
        raise LedgerError(f"no {tile.path} in the log")

    def served(self, path: str) -> bytes:
        """What a client asked for: a tile or the checkpoint. Raises FormatError, LedgerError."""
        if path not in (CHECKPOINT, END):
            return self.read(parse_path(path))
        try:
            return (self.public / path).read_bytes()
        except OSError:
            raise LedgerError(f"the log has no {path} yet") from None

    def write(self, tile: Tile, data: bytes) -> None:
        """Write a tile or bundle. Raises LedgerAwayError."""
        path = self.public / tile.path
        replace(path, data, flush=False)
        self._loose.add(path)

    def forget_partial(self, tile: Tile) -> None:
        """Drop the partial tiles of a number whose full one is there."""
        folder = (self.public / tile.full.path).with_name(f"{(self.public / tile.full.path).name}.p")
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    @property
    def loose(self) -> int:
        """How many files were written since the last ``settle``."""
        return len(self._loose)

    def settle(self) -> None:
        """Make sure that what was written until now survives the loss of power. Raises LedgerAwayError."""
        loose, self._loose = self._loose, set()
        folders: set[Path] = set()
        try:
            for path in loose:
                folders.update(one for one in path.parents if one.is_relative_to(self.folder))
                with contextlib.suppress(FileNotFoundError):  # a partial one that was dropped since
                    _flush(path)
            for folder in folders:
                with contextlib.suppress(FileNotFoundError):
                    _flush(folder)
        except OSError as error:
            self._loose |= loose
            raise LedgerAwayError(f"the log's files could not be flushed: {error}") from error

    def signed(self) -> str | None:
        """The checkpoint that was signed last, as a note; None at first. Raises LedgerAwayError."""
        try:
            return (self.folder / _SIGNED).read_text("utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerAwayError(f"{_SIGNED} could not be read: {error}") from error

    def put_signed(self, note: str) -> None:
        """Remember, durably, what is signed: before anybody sees it. Raises LedgerAwayError."""
        replace(self.folder / _SIGNED, note.encode(), flush=True)

    def publish(self, note: str) -> None:
        """Make a checkpoint the one that is served. Raises LedgerAwayError."""
        replace(self.public / CHECKPOINT, note.encode(), flush=True)

    def put_end(self, proof: str) -> None:
        """Serve the proof of the log's end. Raises LedgerAwayError."""
        replace(self.public / END, proof.encode(), flush=True)


def replace(path: Path, data: bytes, *, flush: bool) -> None:
    """Write a file whole or not at all; with ``flush`` durably. Raises LedgerAwayError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        try:
            descriptor = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if flush:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)
        if flush:
            _flush(path.parent)
    except OSError as error:
        raise LedgerAwayError(f"{path.name} could not be written: {error}") from error


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
