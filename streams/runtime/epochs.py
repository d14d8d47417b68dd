"""The folder of a partition that several workers share: each owner has an epoch of its own.

Whoever becomes the owner makes the next epoch: the newest snapshots and the past of the best epoch there is,
under second names of the same immutable files. The folder is finished under a passing name and then renamed,
so an epoch is there whole or not at all. A former owner that was only paused goes on writing into its own
epoch and hurts nobody. The best epoch is the one whose newest snapshot is the furthest in the log: every
snapshot is made of the log alone, so whose it is doesn't matter.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.past import PastError
from streams.runtime.chunks import ChunkFiles
from streams.runtime.chunks_writer import share, sync_folder
from streams.runtime.snapshots import SnapshotFiles

_KEPT: Final = 2  # epochs
_SHARED: Final = 2  # snapshots taken over
_TRIES: Final = 100
_LEFT_OVER_S: Final = 3600.0  # an unfinished epoch that old is nobody's any more
_NAME: Final = re.compile(r"epoch-(\d+)")
_MAKING: Final = "making-"
_GONE: Final = "gone-"
_log = logging.getLogger(__name__)


class EpochError(Exception):
    """No epoch could be made; the message says why."""


class _Moved(Exception):
    """What was to be taken over changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One owner's part of a partition's folder. ``taken``: position of the newest snapshot taken over."""

    folder: Path
    number: int
    taken: int = 0

    @property
    def snapshots(self) -> Path:
        """The folder of snapshots."""
        return self.folder / "snapshots"

    @property
    def past(self) -> Path:
        """The folder of the past."""
        return self.folder / "past"


class Epochs:
    """The epochs of ``partition`` below ``root``. Many processes may use a folder at once."""

    def __init__(self, root: Path, partition: int) -> None:
        self.folder, self.partition = root / f"p{partition}", partition

    def held(self) -> list[Epoch]:
        """Those that are there, oldest first. Raises OSError."""
        if not self.folder.is_dir():
            return []
        found = [(int(m[1]), name) for name in os.listdir(self.folder) if (m := _NAME.fullmatch(name))]
        return [Epoch(self.folder / name, number) for number, name in sorted(found)]

    def newest(self, epoch: Epoch) -> bool:
        """Whether nobody has made a later epoch than this one, which is still there."""
        held = self.held()
        return bool(held) and held[-1].number == epoch.number

    def acquire(self) -> Epoch:
        """Make the next epoch and delete those that nobody needs. Raises EpochError, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(_TRIES):
            try:
                made = self._made()
            except (_Moved, FileNotFoundError, FileExistsError) as error:
                _log.debug("epoch_made_again partition=%s reason=%s", self.partition, error)
                continue
            if made is not None:
                return made
        raise EpochError(f"{self.folder}: got {_TRIES} times an epoch made meanwhile, want one of our own")

    def _made(self) -> Epoch | None:
        """One try: None when somebody else made a later one meanwhile."""
        held = self.held()
        making = self.folder / f"{_MAKING}{os.urandom(6).hex()}"
        making.mkdir()
        try:
            taken = self._filled(making, held)
            number = held[-1].number + 1 if held else 1
            epoch = Epoch(self.folder / f"epoch-{number:06d}", number, taken[1])
            try:
                os.rename(making, epoch.folder)  # it fails onto an epoch that is there: that is not empty
            except OSError:
                if epoch.folder.exists():
                    return None
                raise
        finally:
            if making.exists():
                shutil.rmtree(making, ignore_errors=True)
        sync_folder(self.folder)
        if not self.newest(epoch):  # we were held up for long: it must not look like one that was passed over
            self._delete(epoch.folder)
            return None
        self._clear_up(taken[0])
        return epoch

    def _filled(self, making: Path, held: list[Epoch]) -> tuple[int, int]:
        """Take over the best of ``held`` that can be used: its number and its newest snapshot, or zeros."""
        ranked = sorted(
            ((max(self._snapshots(one), default=0), one.number, one) for one in held), reverse=True
        )
        for position, number, base in ranked:
            if not position:
                break
            try:
                return number, self._take(making, base)
            except PastError as error:
                _log.error("epoch_unusable partition=%s epoch=%s reason=%s", self.partition, number, error)
                shutil.rmtree(making)
                making.mkdir()
        for name in ("snapshots", "past"):
            (making / name).mkdir()
        return 0, 0

    def _take(self, making: Path, base: Epoch) -> int:
        mine = Epoch(making, 0)
        mine.snapshots.mkdir()
        files = SnapshotFiles(base.snapshots, self.partition)
        for position in files.positions()[-_SHARED:]:
            share(files.path(position), mine.snapshots / files.path(position).name)
        if not base.past.is_dir():
            raise _Moved("it is gone")
        ChunkFiles(base.past).copy(mine.past, 1 << 62)  # after the snapshots: it goes as far as any of them
        # what a snapshot needs may have been let go of while its past was taken over, after itself was
        kept = set(files.positions())
        ours = SnapshotFiles(mine.snapshots, self.partition)
        for position in ours.positions():
            if position not in kept:
                ours.path(position).unlink()
        if not ours.positions():
            raise _Moved("its snapshots were replaced")
        for folder in (mine.snapshots, mine.past):
            for path in folder.iterdir():
                _sync_copy(path)
            sync_folder(folder)
        sync_folder(making)
        return ours.positions()[-1]

    def _snapshots(self, epoch: Epoch) -> list[int]:
        return SnapshotFiles(epoch.snapshots, self.partition).positions() if epoch.snapshots.is_dir() else []

    def _clear_up(self, base: int) -> None:
        """Delete all but the newest epochs and the one that was taken over, and what crashes left."""
        held = self.held()
        for epoch in held[:-_KEPT]:
            if epoch.number != base:
                self._delete(epoch.folder)
        for name in os.listdir(self.folder):
            path = self.folder / name
            if name.startswith(_GONE) or (name.startswith(_MAKING) and _age(path) > _LEFT_OVER_S):
                shutil.rmtree(path, ignore_errors=True)

    def _delete(self, folder: Path) -> None:
        """Not visible half deleted."""
        gone = self.folder / f"{_GONE}{os.urandom(6).hex()}"
        try:
            os.rename(folder, gone)
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)


def _sync_copy(path: Path) -> None:
    """Files with second names are durable already; a copy is not."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_nlink == 1:
            os.fsync(file.fileno())


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
