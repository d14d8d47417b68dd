"""The hash tiles that the proofs of some places need, and the tree's head. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from feeds.ledger import merkle
from feeds.ledger.tiles import WIDTH, Tile, width_at
from feeds.ledger.tree import ReadTile, TileNodes


def tiles_for(read: ReadTile, size: int, places: Iterable[int]) -> Iterator[tuple[Tile, bytes]]:
    """The tiles with which every one of ``places`` is proved in the tree of ``size``, and its root made.

    Of each tile all above it are there too, so that a reader can check it against the root alone. Each comes
    once. Raises LedgerError when one can't be read.
    """
    if not size:
        return
    seen: set[Tile] = set()
    fresh: list[tuple[Tile, bytes]] = []

    def kept(tile: Tile) -> bytes:
        data = read(tile)
        if tile not in seen:
            seen.add(tile)
            fresh.append((tile, data))
        return data

    nodes = TileNodes(kept, size)
    nodes.root()
    for number in sorted({place // WIDTH for place in places}):
        merkle.inclusion_proof(number * WIDTH, size, nodes)
        level = 0
        while width_at(level, number, size):
            nodes.tile(level, number)
            level, number = level + 1, number // WIDTH
        yield from fresh
        fresh.clear()
    yield from fresh
