"""One chunk file: immutable, read by mmap.

A header page (magic, length and CRC-32 of a JSON head), packed samples, blobs, then the index: plain arrays,
sorted by asset, searched where they lie. Samples are packed in blocks of one asset (see ``chunks_kernels``).
Each block and blob has a CRC-32 that is checked when it is read; that of the index is checked by ``verify``.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from streams.engine.columns import Array
from streams.engine.rows import EMPTY, Rows
from streams.past import PastError
from streams.runtime.chunks_kernels import COLUMNS, STEADY, unpack

MAGIC: Final = b"CORPAST\x01"
HEAD: Final = 4096
_BLOB: Final = {"start": "<i8", "crc": "<u4"}  # start has one more: where the last one ends
TABLES: Final[dict[str, dict[str, str]]] = {
    "block": {"asset": "<i4", "t": "<i8", "count": "<i4", **_BLOB},  # t: of the block's last sample
    "state": {"asset": "<i4", "t": "<i8", "position": "<i8", **_BLOB},
    "void": {"asset": "<i4", "after": "<i8", "position": "<i8"},
    "object": {"asset": "<i4", "until": "<i8", "position": "<i8", "key": "<u8", "id_size": "<i4", **_BLOB},
}
Table = dict[str, Array]


def padded(offset: int) -> int:
    """The next multiple of 8."""
    return -(-offset // 8) * 8


@dataclass(frozen=True, slots=True)
class Name:
    """What a file's name says: positions above ``first`` up to ``last``; merged ``level`` times.

    Of the same range the highest ``generation`` counts.
    """

    first: int
    last: int
    level: int
    generation: int

    def __str__(self) -> str:
        return f"{self.first:016d}-{self.last:016d}-{self.level}-{self.generation}.past"

    @staticmethod
    def parse(text: str) -> Name | None:
        """None when the file is none of ours."""
        parts = text.removesuffix(".past").split("-")
        if not text.endswith(".past") or len(parts) != 4 or not all(part.isdecimal() for part in parts):
            return None
        return Name(*map(int, parts))

    def covers(self, other: Name) -> bool:
        """Everything of the other one is in this one."""
        if (self.first, self.last) == (other.first, other.last):
            return self.generation > other.generation
        return self.first <= other.first and other.last <= self.last


class ChunkFile:
    """An open file. Raises PastError when it is damaged, FileNotFoundError when it is gone."""

    def __init__(self, path: Path, name: Name) -> None:
        self.path, self.name = path, name
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < HEAD:
                raise PastError(f"{path}: damaged: got {size} bytes, want a header of {HEAD}")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = unsealed(path, self._map[:HEAD])
        if head["length"] != size:
            raise PastError(f"{path}: damaged: got {size} bytes, want {head['length']}")
        if (head["first"], head["last"]) != (name.first, name.last):
            raise PastError(
                f"{path}: got positions {head['first']} to {head['last']}, want those of the name"
            )
        self.data = memoryview(self._map)
        self.bytes = np.frombuffer(self._map, np.uint8)
        self.base = np.array(head["base"], np.int64).view(np.uint64)
        self.rows, self.t_max, self.length = int(head["rows"]), int(head["t_max"]), size
        self.state_t: tuple[int, int] = tuple(head["state_t"])
        self._index, self._index_crc = int(head["index"]), int(head["index_crc"])
        offset = self._index
        tables: dict[str, Table] = {}
        for table, columns in TABLES.items():
            count, tables[table] = head["counts"][table], {}
            for column, dtype in columns.items():
                n = count + (column == "start")
                tables[table][column] = np.frombuffer(self._map, dtype, n, offset)
                offset += padded(tables[table][column].nbytes)
        self.tables = tables
        self.blocks, self.states = tables["block"], tables["state"]
        self.voids, self.objects = tables["void"], tables["object"]

    def range(self, table: Table, asset: int) -> tuple[int, int]:
        """Where the asset's entries begin and end."""
        assets, key = table["asset"], np.int32(asset)  # a plain int would make a wider copy of the column
        first = int(assets.searchsorted(key))
        if first == len(assets) or assets[first] != key:
            return first, first
        return first, int(assets.searchsorted(key, "right"))

    def blob(self, table: Table, index: int) -> bytes:
        """The entry's bytes. Raises PastError."""
        start = table["start"]
        found = bytes(self.data[int(start[index]) : int(start[index + 1])])
        got, want = zlib.crc32(found), int(table["crc"][index])
        if got != want:
            raise PastError(f"{self.path}: damaged: got checksum {got:08x} of an entry, want {want:08x}")
        return found

    def verify(self) -> None:
        """Raises PastError when the index is damaged."""
        got = zlib.crc32(self.data[self._index :])
        if got != self._index_crc:
            raise PastError(f"{self.path}: damaged: got index checksum {got:08x}, want {self._index_crc:08x}")


def sealed(head: dict[str, Any]) -> bytes:
    """The header page of HEAD bytes."""
    text = json.dumps(head).encode()
    return b"".join(
        [MAGIC, len(text).to_bytes(4, "little"), zlib.crc32(text).to_bytes(4, "little"), text]
    ).ljust(HEAD, b"\0")


def unsealed(path: Path, page: bytes) -> dict[str, Any]:
    """What ``sealed`` was given. Raises PastError."""
    size, want = int.from_bytes(page[8:12], "little"), int.from_bytes(page[12:16], "little")
    got = zlib.crc32(page[16 : 16 + size])
    if page[:8] != MAGIC:
        raise PastError(f"{path}: no chunk file of this format: got {page[:8]!r}, want {MAGIC!r}")
    if got != want:
        raise PastError(f"{path}: damaged: got header checksum {got:08x}, want {want:08x}")
    head: dict[str, Any] = json.loads(page[16 : 16 + size])
    return head


def unpacked(parts: Sequence[tuple[ChunkFile, int, int]]) -> Rows:
    """The samples of blocks [first, end) of each file, in that order. Raises PastError."""
    if not parts:
        return EMPTY
    counts = np.concatenate([file.blocks["count"][a:b] for file, a, b in parts]).astype(np.int64)
    sizes, data = [], []
    for file, a, b in parts:
        start = file.blocks["start"][a : b + 1].tolist()
        for i in range(b - a):
            got, want = zlib.crc32(file.data[start[i] : start[i + 1]]), int(file.blocks["crc"][a + i])
            if got != want:
                raise PastError(f"{file.path}: damaged: got checksum {got:08x} of a block, want {want:08x}")
            sizes.append(start[i + 1] - start[i])
        data.append(file.bytes[start[0] : start[-1]])
    blocks = np.array([b - a for _, a, b in parts])
    bases = np.repeat(np.stack([file.base for file, _, _ in parts]), blocks, axis=0)
    out = np.empty((len(COLUMNS), int(counts.sum())), np.uint64)
    bad = unpack(np.concatenate(data), np.cumsum(sizes), counts, bases, STEADY, out)
    if bad >= 0:
        path = parts[int(np.searchsorted(np.cumsum(blocks), bad, "right"))][0].path
        raise PastError(f"{path}: damaged: got a block that ends elsewhere, want {sizes[bad]} bytes")
    assets = np.concatenate([file.blocks["asset"][a:b] for file, a, b in parts])
    return Rows(np.repeat(assets.astype(np.int64), counts), *out.view(np.int64))
