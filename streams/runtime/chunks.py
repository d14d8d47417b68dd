"""The past in files: each write is one immutable file in a folder, and few large ones take their place.

A file is there whole under its name or not at all. Its name says which positions it holds, and a file whose
positions lie in a larger one's doesn't count; so a crash at any instant leaves either the old files or the
new one. Many processes may read a folder, one writes, and any one compacts.
"""

from __future__ import annotations

import os
import time
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from streams.engine.columns import Array
from streams.engine.rows import Rows
from streams.past import Chunk, Horizon, KeptObject, KeptState, PastError, unwritten
from streams.runtime.chunks_file import ChunkFile, Name, Table, unpacked
from streams.runtime.chunks_merge import KEEP_ALL, Floors, cut, due, floors, merge, worth
from streams.runtime.chunks_writer import Writer, in_order, share, sync_folder

_LISTINGS: Final = 100
_LEFT_OVER_S: Final = 3600.0  # an unfinished file that old is nobody's any more


class ChunkFiles:
    """See Past. Threads may share it. Raises PastError when files are missing or damaged, OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)
        self._listed: list[str] | None = None
        self._files: tuple[ChunkFile, ...] = ()  # by position, without gaps; replaced as a whole
        self._listing, self._writing, self._compacting = Lock(), Lock(), Lock()
        self._trim: tuple[Horizon, int] | None = None
        self._applied: tuple[Horizon, int] | None = None
        self._floors: Floors = KEEP_ALL  # of the trim that is applied
        self._swept: set[Name] = set()
        self._refresh()
        sync_folder(folder)  # a writer may have been killed between naming a file and making that durable

    @property
    def end(self) -> int:
        """See Past.end."""
        self._refresh()
        return _end(self._files)

    def write(self, chunk: Chunk) -> None:
        """See Past.write."""
        with self._writing:
            self._refresh()
            fresh = unwritten(chunk, _end(self._files))
            if fresh is None:
                return
            with Writer(self.folder, Name(fresh.first, fresh.last, 0, 0)) as writer:
                writer.rows(in_order(fresh.rows))
                _write_tables(writer, fresh)
                writer.finish()
            self._refresh()

    def rows(self, asset: int, after: int, position: int) -> Rows:
        """See Past.rows."""
        parts = []
        for file in self._as_of(position):
            if file.t_max <= after:
                continue
            first, end = file.range(file.blocks, asset)
            first += int(file.blocks["t"][first:end].searchsorted(after, "right"))
            if first < end:
                parts.append((file, first, end))
        rows = unpacked(parts)
        which = np.flatnonzero((rows.t > after) & (rows.position <= position))
        return rows.take(which[np.lexsort((rows.position[which], rows.t[which]))])

    def state(self, asset: int, before: int, position: int) -> KeptState | None:
        """See Past.state."""
        files = self._as_of(position)
        best: tuple[int, int] | None = None
        source: tuple[ChunkFile, int] | None = None
        voids: list[tuple[int, int]] | None = None
        for file in sorted(files, key=lambda one: one.state_t[1], reverse=True):
            low, high = file.state_t
            if low >= before or (best is not None and high < best[0]):
                continue
            first, end = file.range(file.states, asset)
            t, kept = file.states["t"], file.states["position"]
            for i in range(first + int(t[first:end].searchsorted(before)) - 1, first - 1, -1):
                one = int(t[i]), int(kept[i])
                if best is not None and one <= best:
                    break
                if one[1] > position:
                    continue
                if voids is None:
                    voids = _voids(files, asset, position)
                if not any(after < one[0] and one[1] < at for after, at in voids):
                    best, source = one, (file, i)
                    break
        if best is None or source is None:
            return None
        file, i = source
        return KeptState(asset, *best, file.blob(file.states, i))

    def objects(self, asset: int, since: int, position: int) -> list[KeptObject]:
        """See Past.objects."""
        newest: dict[str, KeptObject] = {}
        for file in self._as_of(position):
            table = file.objects
            first, end = file.range(table, asset)
            for i in range(first, end):  # by position, so the later one is the newer one
                at = int(table["position"][i])
                if at > position:
                    break
                entry, size = file.blob(table, i), int(table["id_size"][i])
                name = entry[:size].decode()
                newest[name] = KeptObject(asset, name, int(table["until"][i]), at, entry[size:])
        found = [one for one in newest.values() if one.until >= since]
        return sorted(found, key=lambda one: (one.position, one.id))

    @property
    def count(self) -> int:
        """How many files there are."""
        self._refresh()
        return len(self._files)

    def trim(self, before: int | Array, position: int | None = None) -> None:
        """See Past.trim. Only notes it; ``compact`` of this object does it, where it pays."""
        end, horizon = self.end, Horizon.made(before)
        upto = end if position is None else min(position, end)
        old = self._trim or (horizon, upto)
        self._trim = old[0].later(horizon), max(upto, old[1])

    def copy(self, folder: Path, position: int) -> None:
        """Put what is held of positions up to ``position`` into a new folder; files are shared, not copied.

        Only the file that goes beyond is written anew. Raises PastError, OSError.
        """
        self._refresh()
        folder.mkdir(parents=True)
        for file in self._as_of(position):
            if file.name.last <= position:
                share(file.path, folder / file.path.name)
            else:
                cut(folder, file, position)
        sync_folder(folder)

    def compact(self) -> bool:
        """One piece of work, if there is any: delete what a crash left, merge eight files, or trim one.

        Returns whether it did something. Reads and writes go on meanwhile, in other processes too.
        """
        with self._compacting:
            self._refresh()
            files = self._files
            if self._clear_up(files):
                return True
            if self._trim is not None and self._trim != self._applied:
                self._applied, self._swept = self._trim, set()
                self._floors = floors(files, *self._trim)
            group = due(files) or self._next_swept(files)
            if not group:
                return False
            self._swept.add(merge(self.folder, group, files, self._floors))
            for file in group:
                file.path.unlink(missing_ok=True)
            self._refresh()
            return True

    def _next_swept(self, files: tuple[ChunkFile, ...]) -> list[ChunkFile]:
        """A file that a trim makes much smaller; each is looked at once for each trim."""
        for file in files:
            if file.name not in self._swept:
                self._swept.add(file.name)
                if worth(file, self._floors):
                    return [file]
        return []

    def _clear_up(self, files: tuple[ChunkFile, ...]) -> bool:
        names = [file.name for file in files]
        did = False
        for text in os.listdir(self.folder):
            path, name = self.folder / text, Name.parse(text)
            covered = name is not None and any(one.covers(name) for one in names)
            if covered or (text.endswith(".part") and _age(path) > _LEFT_OVER_S):
                path.unlink(missing_ok=True)
                did = True
        return did

    def _as_of(self, position: int) -> list[ChunkFile]:
        if position > _end(self._files):
            self._refresh()
        return [file for file in self._files if file.name.first < position]

    def _refresh(self) -> None:
        """Open what is new in the folder, let go of what is covered."""
        with self._listing:
            listed = sorted(os.listdir(self.folder))
            if listed == self._listed:
                return
            for _ in range(_LISTINGS):
                again = sorted(os.listdir(self.folder))
                if again == listed:  # else a merge may have shown neither its files nor what they became
                    try:
                        self._open(listed)
                    except FileNotFoundError:
                        pass
                    else:
                        self._listed = listed
                        return
                listed = again
            raise PastError(f"{self.folder}: got another listing {_LISTINGS} times, want the same one twice")

    def _open(self, listed: list[str]) -> None:
        names = [name for name in map(Name.parse, listed) if name is not None]
        held = {file.name: file for file in self._files}
        files, end = [], 0
        for name in _living(names):
            if name.first != end:
                raise PastError(
                    f"{self.folder}: got positions after {name.first} in {name}, want after {end}"
                )
            files.append(held.get(name) or ChunkFile(self.folder / str(name), name))
            end = name.last
        self._files = tuple(files)


def _living(names: list[Name]) -> list[Name]:
    """Those that no other covers, by position."""
    found: list[Name] = []
    for name in sorted(names, key=lambda one: (one.first, -one.last, -one.generation)):
        if not found or not found[-1].covers(name):
            found.append(name)
    return found


def _end(files: tuple[ChunkFile, ...]) -> int:
    return files[-1].name.last if files else 0


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _voids(files: list[ChunkFile], asset: int, position: int) -> list[tuple[int, int]]:
    """(after, position) of the asset's voids up to ``position``."""
    found: list[tuple[int, int]] = []
    for file in files:
        if len(file.voids["asset"]):
            first, end = file.range(file.voids, asset)
            at = file.voids["position"][first:end].tolist()
            found += zip(file.voids["after"][first:end].tolist(), at, strict=True)
    return [one for one in found if one[1] <= position]


def _write_tables(writer: Writer, chunk: Chunk) -> None:
    states = sorted(chunk.states, key=lambda one: (one.asset, one.t, one.position))
    voided = sorted(chunk.voided, key=lambda one: (one.asset, one.position))
    objects = sorted(chunk.objects, key=lambda one: (one.asset, one.position))
    table: Table = {
        "asset": _column([one.asset for one in states]),
        "t": _column([one.t for one in states]),
        "position": _column([one.position for one in states]),
    }
    writer.table("state", table, (one.blob for one in states))
    table = {
        "asset": _column([one.asset for one in voided]),
        "after": _column([one.after for one in voided]),
        "position": _column([one.position for one in voided]),
    }
    writer.table("void", table)
    ids = [one.id.encode() for one in objects]
    keys = [int.from_bytes(blake2b(one, digest_size=8).digest(), "little") for one in ids]
    table = {
        "asset": _column([one.asset for one in objects]),
        "until": _column([one.until for one in objects]),
        "position": _column([one.position for one in objects]),
        "key": np.array(keys, np.uint64),
        "id_size": _column([len(one) for one in ids]),
    }
    writer.table("object", table, (name + one.blob for name, one in zip(ids, objects, strict=True)))


def _column(values: list[int]) -> Array:
    return np.array(values, np.int64)
