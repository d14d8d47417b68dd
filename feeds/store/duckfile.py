"""One DuckDB file: opened by one process, its transactions, and what its errors mean to the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import duckdb

from feeds.store.port import StoreAwayError, StoreError

_FULL: Final = ("no space left", "file too large", "disk quota", "could not write", "could not fsync")
_RETRY_S: Final = 5.0


class BrokenError(StoreAwayError):
    """The connection can't be used any more: close it and open the file again."""


def connect(path: Path, memory_mb: int, threads: int) -> duckdb.DuckDBPyConnection:
    """The file at ``path``, made when it is not there. Raises StoreError."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": threads,
        # What has arrived stays in the WAL until it is sorted; Compactor decides when to write it out.
        "checkpoint_threshold": "1GB",
        "temp_directory": str(path.with_suffix(".tmp")),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"store's folder can't be made: {error}") from error
    with translated():
        return duckdb.connect(str(path), config=settings)


@contextmanager
def transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing; durable when it ends. Raises StoreAwayError (nothing was done) or StoreError."""
    with translated():
        cursor.begin()
        try:
            yield
            cursor.commit()
        except BaseException:
            with suppress(duckdb.Error):  # a commit that failed has ended it
                cursor.rollback()
            raise


@contextmanager
def translated() -> Iterator[None]:
    """DuckDB's errors as the store's."""
    try:
        yield
    except duckdb.Error as error:
        raise _translation(error) from error


def _translation(error: duckdb.Error) -> StoreError:
    text = " ".join(str(error).split())
    holder = re.search(r"Conflicting lock is held in (.+? \(PID \d+\)|PID \d+)", text)
    if holder:
        return StoreError(f"store in use by another process: got {holder[1]}, want its folder to be free")
    if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
        return BrokenError(f"store not usable: {text}", 1.0)
    if isinstance(error, duckdb.OutOfMemoryException) or any(sign in text.lower() for sign in _FULL):
        return StoreAwayError(f"store can't be written: {text}", _RETRY_S)
    if isinstance(error, duckdb.TransactionException):
        return StoreAwayError(f"store busy: {text}", 0.1)
    return StoreError(f"store failed: {text}")
