"""Snapshot files of one partition: written whole, named by log position, the newest few kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_KEPT: Final = 3


class SnapshotFiles:
    """Snapshots in ``folder``. A file is there whole under its name or not at all."""

    def __init__(self, folder: Path, partition: int) -> None:
        self.folder = folder
        self._prefix = f"p{partition}-"
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, position: int, data: bytes) -> None:
        """Write durably, then forget all but the newest few. Raises OSError; nothing is lost then."""
        path = self.folder / f"{self._prefix}{position:016d}.snap"
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        for old in self.positions()[:-_KEPT]:
            self.path(old).unlink(missing_ok=True)

    def positions(self) -> list[int]:
        """Log positions of the snapshots, oldest first."""
        names = self.folder.glob(f"{self._prefix}*.snap")
        return sorted(int(p.stem.removeprefix(self._prefix)) for p in names)

    def load(self, position: int) -> bytes:
        """The snapshot at ``position``. Raises OSError."""
        return self.path(position).read_bytes()

    def refuse(self, position: int) -> None:
        """Put a snapshot aside that can't be used: it must not count as one of the newest few.

        The newest few of those are kept too, for people. Raises OSError.
        """
        path = self.path(position)
        path.replace(path.with_suffix(".refused"))
        for old in sorted(self.folder.glob(f"{self._prefix}*.refused"))[:-_KEPT]:
            old.unlink(missing_ok=True)

    def path(self, position: int) -> Path:
        """Where the snapshot at ``position`` is, if there is one."""
        return self.folder / f"{self._prefix}{position:016d}.snap"
