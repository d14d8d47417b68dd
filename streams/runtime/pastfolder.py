"""The folder of the past as one process holds it: opened, put aside when it can't be trusted, compacted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from threading import Lock

from streams.engine.columns import Array
from streams.past import PastError
from streams.runtime.chunks import ChunkFiles
from streams.runtime.chunks_writer import sync_folder


class PastFolder:
    """The past in ``folder``. One thread opens and renews, any may call the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: ChunkFiles | None = None
        self._lock = Lock()  # a compaction must never write into the folder that takes its place

    @property
    def aside(self) -> Path:
        """Where the folder goes that can't be used; the one before it is deleted."""
        return self.folder.with_name(f"{self.folder.name}.aside")

    def open(self) -> ChunkFiles:
        """The files as they lie there. Raises PastError when they can't be used, OSError."""
        with self._lock:
            self._files = None
            self._files = ChunkFiles(self.folder)
            return self._files

    def renew(self) -> ChunkFiles:
        """A past without anything; what was there is put aside. Raises OSError."""
        with self._lock:
            self._files = None
            if self.folder.exists() and any(self.folder.iterdir()):
                if self.aside.exists():
                    shutil.rmtree(self.aside)
                os.replace(self.folder, self.aside)
                sync_folder(self.folder.parent)
            self._files = ChunkFiles(self.folder)
            return self._files

    def trim(self, before: Array, position: int) -> None:
        """See Past.trim."""
        with self._lock:
            if self._files is not None:
                self._files.trim(before, position)

    def compact(self) -> bool:
        """See ChunkFiles.compact; False while nothing is open."""
        with self._lock:
            return self._files is not None and self._files.compact()

    def figures(self) -> dict[str, int]:
        """The position up to which it holds everything, and how many files there are.

        Zeros while they can't be read."""
        files = self._files
        try:
            return {"end": files.end if files else 0, "files": files.count if files else 0}
        except (PastError, OSError):
            return {"end": 0, "files": 0}
