"""Several chunk files into one, without what a trim allows to forget.

A merge keeps every version of everything, so reads as of any position stay what they were. Its memory is
that of the indexes and of some million samples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from streams.engine.columns import Array
from streams.engine.rows import joined
from streams.past import Horizon
from streams.runtime.chunks_file import TABLES, ChunkFile, Name, Table, unpacked
from streams.runtime.chunks_kernels import match
from streams.runtime.chunks_writer import Writer, in_order

TIER: Final = 8
_BAND_ROWS: Final = 1 << 20
_MOST_ROWS: Final = 1 << 26  # more are never merged: such a file is some gigabytes already
_FROM_START: Final = -(1 << 63)
_NO_END: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Floors:
    """The anchors of a trim (see Past.trim): ``asset`` sorted, the anchor's ``t``, ``position``; int64[n]."""

    asset: Array
    t: Array
    position: Array

    def of(self, assets: Array) -> Array:
        """The time of each one's anchor, the beginning of time where there is none; int64[n]."""
        return self._taken(self.t, assets)

    def old(self, objects: Table) -> Array:
        """Which entries no fold says again that begins at the anchor or later; bool[n]."""
        assets = objects["asset"]
        ended: Array = objects["until"] < self.of(assets)
        return ended & (objects["position"] < self._taken(self.position, assets))

    def _taken(self, column: Array, assets: Array) -> Array:
        if not len(self.asset):
            return np.full(len(assets), _FROM_START)
        at = np.minimum(np.searchsorted(self.asset, assets.astype(np.int64)), len(self.asset) - 1)
        return np.where(self.asset[at] == assets, column[at], _FROM_START)


KEEP_ALL: Final = Floors(*[np.empty(0, np.int64)] * 3)


def floors(files: Sequence[ChunkFile], before: Horizon, position: int) -> Floors:
    """The anchors of a trim of these files."""
    if not files:
        return KEEP_ALL
    voids = _joined(files, "void")
    voids = _taken(voids, np.argsort(voids["asset"], kind="stable"))
    found = KEEP_ALL
    for file in files:
        states = {name: file.states[name] for name in ("asset", "t", "position")}
        states = _taken(states, (states["t"] < before.of(states["asset"])) & (states["position"] <= position))
        ended, _ = match(*states.values(), *voids.values())
        asset = np.concatenate([found.asset, states["asset"][~ended].astype(np.int64)])
        t = np.concatenate([found.t, states["t"][~ended]])
        at = np.concatenate([found.position, states["position"][~ended]])
        order = np.lexsort((-at, t, asset))
        asset, t, at = asset[order], t[order], at[order]
        last = np.append(asset[1:] != asset[:-1], True)[: len(asset)]
        found = Floors(asset[last], t[last], at[last])
    return found


def due(files: Sequence[ChunkFile]) -> list[ChunkFile]:
    """The files to merge next: neighbours of one level, the lowest level first; empty when there are none."""
    for level in sorted({file.name.level for file in files}):
        run: list[ChunkFile] = []
        for file in files:
            run = [*run, file][-TIER:] if file.name.level == level else []
            if len(run) == TIER and sum(one.rows for one in run) <= _MOST_ROWS:
                return run
    return []


def worth(file: ChunkFile, limit: Floors) -> bool:
    """Half of the file's bytes or more need not stay."""
    blocks, states, objects = file.blocks, file.states, file.objects
    gone = _size(blocks, blocks["t"] <= limit.of(blocks["asset"]))
    gone += _size(states, states["t"] < limit.of(states["asset"]))
    gone += _size(objects, limit.old(objects))
    return gone > 0 and 2 * gone >= sum(_size(table, slice(None)) for table in (blocks, states, objects))


def merge(folder: Path, group: Sequence[ChunkFile], files: Sequence[ChunkFile], limit: Floors) -> Name:
    """Write the file that covers the group (neighbours, out of all ``files``); returns its name.

    Raises PastError when one of the group is damaged, OSError.
    """
    for file in group:
        file.verify()
    first, last = group[0].name, group[-1].name
    name = Name(first.first, last.last, first.level + 1, 0)
    if len(group) == 1:
        name = Name(first.first, first.last, first.level, first.generation + 1)
    with Writer(folder, name) as writer:
        _merge_rows(writer, group, limit)
        _merge_states(writer, group, limit)
        _merge_voids(writer, group, files)
        _merge_objects(writer, group, files, limit)
        writer.finish()
    return name


def cut(folder: Path, file: ChunkFile, position: int) -> None:
    """Write into another folder what the file holds of positions up to ``position``.

    Raises PastError when the file is damaged, OSError.
    """
    file.verify()
    name = Name(file.name.first, position, file.name.level, file.name.generation)
    with Writer(folder, name) as writer:
        _merge_rows(writer, [file], KEEP_ALL, position)
        for table in ("state", "void", "object"):
            held = _placed([file], table)
            held = _taken(held, held["position"] <= position)
            if table == "void":
                writer.table(table, {column: held[column] for column in TABLES[table]})
            else:
                _copy(writer, table, [file], held)
        writer.finish()


def _merge_rows(writer: Writer, group: Sequence[ChunkFile], limit: Floors, position: int = _NO_END) -> None:
    for low, high in _bands(group):
        parts = []
        for file in group:
            assets = file.blocks["asset"]
            a = int(assets.searchsorted(np.int32(low)))
            b = int(assets.searchsorted(np.int32(high), "right"))
            if a < b:
                parts.append(unpacked([(file, a, b)]))
        rows = joined(parts)
        if len(limit.asset):
            rows = rows.take(rows.t > limit.of(rows.asset))
        if position != _NO_END:
            rows = rows.take(rows.position <= position)
        writer.rows(in_order(rows))


def _bands(group: Sequence[ChunkFile]) -> Iterator[tuple[int, int]]:
    """Ranges of assets, both ends in them, with about a million samples each; an asset is never split."""
    blocks = _joined(group, "block", "asset", "count")
    if not len(blocks["asset"]):
        return
    assets, inverse = np.unique(blocks["asset"], return_inverse=True)
    band = np.cumsum(np.bincount(inverse, blocks["count"])) // _BAND_ROWS
    firsts = np.flatnonzero(np.diff(band, prepend=-1))
    lasts = np.append(firsts[1:] - 1, len(assets) - 1)
    yield from zip(assets[firsts].tolist(), assets[lasts].tolist(), strict=True)


def _merge_states(writer: Writer, group: Sequence[ChunkFile], limit: Floors) -> None:
    states = _placed(group, "state")
    states = _taken(states, states["t"] >= limit.of(states["asset"]))
    states = _taken(states, np.lexsort((states["position"], states["t"], states["asset"])))
    _copy(writer, "state", group, states)


def _merge_voids(writer: Writer, group: Sequence[ChunkFile], files: Sequence[ChunkFile]) -> None:
    """A void goes only when no file holds a state any more that it ends: else that one would come back."""
    voids = _joined(group, "void")
    voids = _taken(voids, np.lexsort((voids["position"], voids["asset"])))
    needed = np.zeros(len(voids["asset"]), np.bool_)
    for file in files:
        states = (file.states[name] for name in ("asset", "t", "position"))
        needed |= match(*states, *voids.values())[1]
    writer.table("void", _taken(voids, needed))


def _merge_objects(
    writer: Writer, group: Sequence[ChunkFile], files: Sequence[ChunkFile], limit: Floors
) -> None:
    """An old version goes only when all versions of its id are old: it may be what hides a newer until.

    Old is what a fold that begins at the anchor does not say again.
    """
    objects = _placed(group, "object")
    old = limit.old(objects)
    keys = np.unique(objects["key"][old])
    lasting = [
        np.intersect1d(table["key"][~limit.old(table)], keys) for table in (file.objects for file in files)
    ]
    keep = ~old | np.isin(objects["key"], np.concatenate(lasting))
    objects = _taken(objects, keep)
    _copy(writer, "object", group, _taken(objects, np.lexsort((objects["position"], objects["asset"]))))


def _copy(writer: Writer, name: str, group: Sequence[ChunkFile], table: Table) -> None:
    """Write entries that ``_placed`` gave, in their order, with their bytes."""
    sources = zip(table.pop("file").tolist(), table.pop("index").tolist(), strict=True)
    writer.table(name, table, (group[k].blob(group[k].tables[name], i) for k, i in sources))


def _placed(files: Sequence[ChunkFile], name: str) -> Table:
    """All entries, without their bytes, and where those are: number of the file and of the entry in it."""
    counts = [len(file.tables[name]["asset"]) for file in files]
    table = _joined(files, name)
    table["file"] = np.repeat(np.arange(len(files)), counts)
    table["index"] = np.concatenate([np.arange(n) for n in counts])
    return table


def _joined(files: Sequence[ChunkFile], name: str, *columns: str) -> Table:
    names = columns or tuple(column for column in TABLES[name] if column not in ("start", "crc"))
    return {column: np.concatenate([file.tables[name][column] for file in files]) for column in names}


def _taken(table: Table, index: Array) -> Table:
    return {column: array[index] for column, array in table.items()}


def _size(table: Table, which: Array | slice) -> int:
    return int(np.diff(table["start"])[which].sum())
