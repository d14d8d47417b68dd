"""The nodes of a tree that lies in tiles, and the checks that make a tile trustworthy.

``TileNodes`` is the source of nodes for ``merkle``'s proofs. It trusts its reader; ``VerifiedNodes`` trusts
only a root: what it reads is checked against that root before it is given out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias

from feeds.ledger import merkle
from feeds.ledger.errors import ProofError
from feeds.ledger.hashes import complete_root
from feeds.ledger.tiles import WIDTH, Tile, hashes_of, width_at

ReadTile: TypeAlias = Callable[[Tile], bytes]
"""The bytes of a tile or bundle. Raises LedgerError when there is none."""
_HELD: Final = 1_024


class TileNodes:
    """Nodes of the tree of ``size`` from its tiles; keeps the ``_HELD`` tiles that were used last (8 MB)."""

    def __init__(self, read: ReadTile, size: int) -> None:
        self._read, self.size = read, size
        self._tiles: OrderedDict[Tile, list[bytes]] = OrderedDict()

    def __call__(self, level: int, index: int) -> bytes:
        """See merkle.Nodes."""
        above, within = divmod(level, 8)
        first = index << within
        number, at = divmod(first, WIDTH)
        hashes = self.tile(above, number)
        if at + (1 << within) > len(hashes):
            raise ProofError(f"no node {index} of level {level} in a tree of {self.size}")
        return complete_root(hashes[at : at + (1 << within)])

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of one tile as they are in this tree."""
        tile = Tile(level, number, width_at(level, number, self.size))
        held = self._tiles.get(tile)
        if held is not None:
            self._tiles.move_to_end(tile)
            return held
        if not tile.width:
            raise ProofError(f"no tile {tile.full.path} in a tree of {self.size}")
        hashes = hashes_of(self._read(tile), tile)
        self._tiles[tile] = hashes
        if len(self._tiles) > _HELD:
            self._tiles.popitem(last=False)
        return hashes

    def root(self) -> bytes:
        """The root of the tree as its tiles say."""
        return merkle.root(self.size, self)


class VerifiedNodes(TileNodes):
    """As ``TileNodes``, of tiles that nobody vouches for: each is checked against ``root`` when it is read.

    The partial tiles are the right edge of the tree; every one of their hashes goes into the root. A full
    tile is right when the tile above it is, and holds its root.
    """

    def __init__(self, read: ReadTile, size: int, root: bytes) -> None:
        """Raises ProofError when the edge does not make ``root``."""
        super().__init__(read, size)
        if self.root() != root:
            raise ProofError(f"the tiles of size {size} do not make the root that was signed")

    def tile(self, level: int, number: int) -> list[bytes]:
        """See TileNodes.tile. Raises ProofError for a tile that is not of this tree."""
        tile = Tile(level, number, width_at(level, number, self.size))
        known = tile in self._tiles
        hashes = super().tile(level, number)
        if not known and tile.width == WIDTH:
            want = self.tile(level + 1, number // WIDTH)[number % WIDTH]
            if complete_root(hashes) != want:
                self._tiles.pop(tile, None)
                raise ProofError(f"{tile.path} is not of this tree: the tile above holds another root for it")
        return hashes
