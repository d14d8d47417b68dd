"""Logs in memory, for tests: the tiles and bundles of some entries, made in the plainest way."""

from __future__ import annotations

from collections.abc import Sequence

from feeds.ledger.errors import LedgerError
from feeds.ledger.merkle import complete_root, leaf_hashes
from feeds.ledger.tiles import ENTRIES, Tile, pack, tiles_of, width_at


def tiled(entries: Sequence[bytes]) -> dict[str, bytes]:
    """Every tile and bundle of the tree of ``entries``, by path."""
    size, files = len(entries), {}
    levels = [leaf_hashes(entries)]
    while len(levels[-1]) >= 256:
        last = levels[-1]
        levels.append([complete_root(last[at : at + 256]) for at in range(0, len(last) - 255, 256)])
    for tile in tiles_of(size):
        first = tile.number * 256
        files[tile.path] = b"".join(levels[tile.level][first : first + tile.width])
    for number in range((size + 255) // 256):
        bundle = Tile(ENTRIES, number, width_at(ENTRIES, number, size))
        files[bundle.path] = pack(entries[number * 256 : number * 256 + bundle.width])
    return files


class Files:
    """Reads tiles from a dict, and counts."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.reads = files, 0

    def __call__(self, tile: Tile) -> bytes:
        self.reads += 1
        if tile.path not in self.files:
            raise LedgerError(f"no {tile.path}")
        return self.files[tile.path]
