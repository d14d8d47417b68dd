"""Writing a chunk file; see ``chunks_file`` for its form."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from streams.engine.columns import Array
from streams.engine.rows import Rows
from streams.runtime.chunks_file import HEAD, TABLES, Name, Table, padded, sealed
from streams.runtime.chunks_kernels import COLUMNS, MOST, STEADY, pack

BLOCK_ROWS: Final = 256


class Writer:
    """Writes one file: samples first, then each table, then ``finish``: only now it has its name, durably.

    A context: after an error the unfinished file is removed. Raises OSError.
    """

    def __init__(self, folder: Path, name: Name) -> None:
        self.folder, self.name = folder, name
        self._part = folder / f"{name}.{os.urandom(4).hex()}.part"
        self._file: BinaryIO = self._part.open("wb")
        self._file.write(bytes(HEAD))
        self._at = HEAD
        self._parts: dict[str, dict[str, list[Array]]] = {
            table: {column: [] for column in columns} for table, columns in TABLES.items()
        }
        self._base = np.zeros(len(COLUMNS), np.uint64)
        self._rows, self._t_max, self._state_t = 0, -(1 << 63), ((1 << 63) - 1, -(1 << 63))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._file.close()
        if isinstance(error, Exception):
            self._part.unlink(missing_ok=True)

    def rows(self, rows: Rows) -> None:
        """Sorted by (asset, t, position); the assets are above those of the call before."""
        n = len(rows)
        if not n:
            return
        columns = np.stack([getattr(rows, name) for name in COLUMNS]).view(np.uint64)
        if not self._rows:
            self._base = columns[:, 0].copy()
        runs = np.flatnonzero(np.diff(rows.asset, prepend=rows.asset[0] - 1))
        lengths = np.diff(runs, append=n)
        pieces = -(-lengths // BLOCK_ROWS)
        nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        starts = np.append(np.repeat(runs, pieces) + nth * BLOCK_ROWS, n)
        out, ends = np.empty(n * MOST, np.uint8), np.empty(len(starts) - 1, np.int64)
        size = pack(columns, starts, self._base, STEADY, out, ends)
        view, bounds = out[:size].data, [0, *ends.tolist()]
        crcs = [zlib.crc32(view[a:b]) for a, b in pairwise(bounds)]
        table = {"asset": rows.asset[starts[:-1]], "t": rows.t[starts[1:] - 1], "count": np.diff(starts)}
        if not self._rows:
            self._add("block", {"start": np.array([self._at])})
        self._add("block", table | {"start": ends + self._at, "crc": np.array(crcs, "<u4")})
        self._file.write(view)
        self._at += size
        self._rows, self._t_max = self._rows + n, max(self._t_max, int(rows.t.max()))

    def table(self, name: str, columns: Table, blobs: Iterable[bytes] | None = None) -> None:
        """All entries of the table, once, sorted by asset and then as reads want them."""
        if name == "state" and len(columns["t"]):
            self._state_t = int(columns["t"].min()), int(columns["t"].max())
        if blobs is not None:
            ends, crcs = [self._at], []
            for blob in blobs:
                self._file.write(blob)
                self._at += len(blob)
                ends.append(self._at)
                crcs.append(zlib.crc32(blob))
            columns = columns | {"start": np.array(ends, "<i8"), "crc": np.array(crcs, "<u4")}
        self._add(name, columns)

    def finish(self) -> None:
        """Index and header, to the disk, then the name."""
        head: dict[str, Any] = {"first": self.name.first, "last": self.name.last, "rows": self._rows}
        head |= {"t_max": self._t_max, "state_t": self._state_t, "base": self._base.view(np.int64).tolist()}
        head |= {"index": self._pad(), "counts": {}}
        crc = 0
        for table, columns in self._parts.items():
            for column, dtype in TABLES[table].items():
                array = np.concatenate([np.empty(0, dtype), *columns[column]]).astype(dtype)
                if column == "asset":
                    head["counts"][table] = len(array)
                if column == "start" and not len(array):
                    array = np.zeros(1, dtype)
                part = array.tobytes() + bytes(padded(array.nbytes) - array.nbytes)
                self._file.write(part)
                self._at += len(part)
                crc = zlib.crc32(part, crc)
        head |= {"index_crc": crc, "length": self._at}
        self._file.seek(0)
        self._file.write(sealed(head))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._part, self.folder / str(self.name))
        sync_folder(self.folder)

    def _add(self, table: str, columns: Table) -> None:
        for column, array in columns.items():
            self._parts[table][column].append(array)

    def _pad(self) -> int:
        padding = padded(self._at) - self._at
        self._file.write(bytes(padding))
        self._at += padding
        return self._at


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def share(path: Path, into: Path) -> None:
    """Give an immutable file a second name, or copy it where the file system can't. Raises OSError."""
    try:
        os.link(path, into)
    except OSError:
        shutil.copyfile(path, into)


def in_order(rows: Rows) -> Rows:
    """By (asset, t, position), equals as they came."""
    order: Array = np.argsort(rows.asset.astype(np.int32), kind="stable")
    asset, t, position = rows.asset[order], rows.t[order], rows.position[order]
    back = (t[1:] < t[:-1]) | ((t[1:] == t[:-1]) & (position[1:] < position[:-1]))
    if ((asset[1:] == asset[:-1]) & back).any():
        order = order[np.lexsort((position, t, asset))]
    return rows.take(order)
