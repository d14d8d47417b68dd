"""The file of key hashes: read by its owner only, replaced as a whole, changed by one process at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

_VERSION: Final = 1
Digest: TypeAlias = bytes


class KeysError(Exception):
    """The keys can't be used as they are; the message says what was got and wanted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: SHA-256 of it and whose it is. ``created_ms`` is None for keys made before it was kept."""

    digest: Digest
    name: str
    tenant: str
    role: str
    gates: tuple[str, ...] = ()
    authority: str | None = None
    created_ms: int | None = None


class KeyFile:
    """The file ``path``; not there is the same as empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> tuple[int, ...] | None:
        """What differs once the file was replaced; None while there is none."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def read(self) -> list[Entry]:
        """All keys. Raises KeysError."""
        try:
            document = orjson.loads(self.path.read_bytes())
            if document["version"] != _VERSION:
                got = document["version"]
                raise KeysError(f"keys of another version: {self.path}: got {got}, want {_VERSION}")
            return [_entry(one) for one in document["keys"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeysError(f"keys can't be read: {self.path}: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeysError(f"keys are damaged: {self.path}: {error}") from error

    def change(self, changed: Callable[[Sequence[Entry]], Sequence[Entry]]) -> None:
        """Replace the keys by what ``changed`` makes of them. Raises KeysError, also that of ``changed``."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.path):
                self._write(changed(self.read()))
        except OSError as error:
            raise KeysError(f"keys can't be written: {self.path}: {error}") from error

    def _write(self, entries: Sequence[Entry]) -> None:
        plain = {"version": _VERSION, "keys": [_plain(one) for one in entries]}
        text = orjson.dumps(plain, option=orjson.OPT_INDENT_2)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".keys-")  # 0600 from the start
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two that change the file at once would lose the change of one; the folder is what they lock."""
    if os.name == "nt":
        yield
        return
    import fcntl

    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _entry(one: dict[str, Any]) -> Entry:
    digest = bytes.fromhex(one["sha256"])
    if len(digest) != sha256().digest_size:
        raise ValueError(f"hash has the wrong length: got {len(digest)} bytes, want {sha256().digest_size}")
    return Entry(
        digest,
        str(one["name"]),
        str(one["tenant"]),
        str(one["role"]),
        tuple(str(gate) for gate in one.get("gates") or ()),
        one.get("authority"),
        one.get("created_ms"),
    )


def _plain(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": entry.name, "tenant": entry.tenant, "role": entry.role}
    if entry.gates:
        plain["gates"] = list(entry.gates)
    if entry.authority is not None:
        plain["authority"] = entry.authority
    if entry.created_ms is not None:
        plain["created_ms"] = entry.created_ms
    return plain | {"sha256": entry.digest.hex()}
