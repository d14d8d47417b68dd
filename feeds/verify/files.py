"""The files of an export: read with care, since whoever made them may be lying.

Nothing outside the folder is read. A file that is missing, too large, or not what it should be is told by
its name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.records.columns import SCHEMA
from feeds.records.export import FORMAT, MANIFEST, RECORDS, STATE
from feeds.records.signed import SIGNATURE
from feeds.verify.finding import Finding, VerifyError

_MOST_BYTES: Final = 256 << 20  # of one JSON file


@dataclass(frozen=True, slots=True)
class LogOf:
    """A log as the manifest names it."""

    log: int
    origin: str
    key: str
    size: int


class Export:
    """The export in ``folder``. Raises VerifyError when it is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = self._manifest()
        try:
            self.feed: dict[str, Any] = dict(self.manifest["feed"])
            self.fields, self.kinds = str(self.feed["fields"]), frozenset(self.feed["kinds"])
            self.logs = {one["log"]: _log(one) for one in self.manifest["logs"]}
            self.counts = {str(name): int(count) for name, count in self.manifest["counts"].items()}
            self.hashes = {_path(name): str(value) for name, value in self.manifest["files"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise VerifyError(f"{MANIFEST}: got a field missing or of another type: {error!r:.100}") from None

    def _manifest(self) -> dict[str, Any]:
        path = self.folder / MANIFEST
        if not path.is_file():
            raise VerifyError(f"not an export: got no {MANIFEST} in {self.folder}")
        made = self.json(MANIFEST)
        if not isinstance(made, dict) or made.get("format") != FORMAT:
            got = made.get("format") if isinstance(made, dict) else type(made).__name__
            raise VerifyError(f"{MANIFEST}: got format {got!r:.40}, want {FORMAT}")
        return made

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises VerifyError."""
        path = self.folder / name
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise VerifyError(f"{name}: got {path.stat().st_size:,} bytes, want at most {_MOST_BYTES:,}")
            return path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no such name"
            raise VerifyError(f"{name} is not readable: {reason}") from None

    def json(self, name: str) -> Any:
        """The values of a JSON file. Raises VerifyError."""
        try:
            return orjson.loads(self.read(name))
        except orjson.JSONDecodeError as error:
            raise VerifyError(f"{name} is not JSON: {error}") from None

    def changed(self) -> list[Finding]:
        """Files that are not what the manifest says of them, missing, or not named by it."""
        found = []
        there = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        } - {MANIFEST, STATE, SIGNATURE}
        for name in sorted(there | self.hashes.keys()):
            if name not in there:
                found.append(Finding("files", f"{name} is missing"))
            elif name not in self.hashes:
                found.append(Finding("files", f"{name} is not named by the manifest"))
            elif _digest(self.folder / name) != self.hashes[name]:
                found.append(Finding("files", f"{name} is not the file that the manifest names"))
        return found

    def records(self) -> pq.ParquetFile:
        """The records. Raises VerifyError unless they have the columns of an export."""
        return open_records(self.folder)


def open_records(folder: Path) -> pq.ParquetFile:
    """The records in ``folder``. Raises VerifyError."""
    try:
        file = pq.ParquetFile(folder / RECORDS)
        got = file.schema_arrow.remove_metadata()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise VerifyError(f"{RECORDS} is not readable: {str(error)[:120]}") from None
    if got != SCHEMA:
        different = sorted(set(got.names) ^ set(SCHEMA.names)) or "types"
        raise VerifyError(f"{RECORDS}: got other columns than those of an export: {different!s:.120}")
    return file


def _log(told: dict[str, Any]) -> LogOf:
    log, size = told["log"], told["size"]
    if type(log) is not int or type(size) is not int or not 0 <= log < 65_536 or size < 0:
        raise ValueError(f"log {log!r} of size {size!r}")
    return LogOf(log, str(told["origin"]), str(told["key"]), size)


def _path(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise ValueError(f"file name {name!r:.80}")
    return name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
