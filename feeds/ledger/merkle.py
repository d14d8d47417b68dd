"""Merkle trees of RFC 6962 section 2.1: hashes, proofs from any source of nodes, and their verification.

Pure. A *node* is the root of a complete subtree: ``node(level, index)`` covers the leaves from
``index * 2**level`` on, 2**level of them. Proofs list hashes from the leaf's side to the root's. Verification
is the iterative form of RFC 9162 sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from feeds.ledger.errors import ProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

Nodes: TypeAlias = Callable[[int, int], bytes]
"""(level, index) to the hash of a complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hashes of many leaves."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def level_above(hashes: Sequence[bytes]) -> list[bytes]:
    """The parents of an even number of sibling nodes."""
    return [
        sha256(b"\x01" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2], strict=True)
    ]


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of nodes of one level, at least one."""
    held = list(hashes)
    while len(held) > 1:
        held = level_above(held)
    return held[0]


def subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees (level, index), largest first, that the range ``start`` to ``end`` is made of.

    ``start`` is a multiple of the largest power of two in the range's length.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """MTH of the leaves ``start`` to ``end`` (see ``subtrees``), the empty tree's when there are none."""
    parts = [nodes(level, index) for level, index in subtrees(start, end)]
    if not parts:
        return EMPTY_ROOT
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def root(size: int, nodes: Nodes) -> bytes:
    """The root of the tree's first ``size`` leaves."""
    return range_root(0, size, nodes)


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[0:size]). Raises ProofError when there is no such leaf."""
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _half(end - start)
        if index < middle:
            path.append(range_root(middle, end, nodes))
            end = middle
        else:
            path.append(range_root(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency_proof(size: int, larger: int, nodes: Nodes) -> list[bytes]:
    """PROOF(size, D[0:larger]); empty for equal sizes. Raises ProofError unless 0 < size <= larger."""
    if not 0 < size <= larger:
        raise ProofError(f"no consistency proof from size {size} to {larger}")
    start, end, path, whole = 0, larger, [], True
    while size != end:
        middle = start + _half(end - start)
        if size <= middle:
            path.append(range_root(middle, end, nodes))
            end = middle
        else:
            path.append(range_root(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        path.append(range_root(start, end, nodes))
    return path[::-1]


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to. Raises ProofError for one of the wrong length."""
    if not 0 <= index < size:
        raise ProofError(f"leaf out of the tree: got index {index}, want 0 to {size - 1}")
    _require_hashes(leaf, *proof)
    at, last, held = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError(f"inclusion proof too long: got {len(proof)} hashes for {index} in {size}")
        if at & 1 or at == last:
            held = node_hash(sibling, held)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            held = node_hash(held, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise ProofError(f"inclusion proof too short: got {len(proof)} hashes for {index} in {size}")
    return held


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofError unless ``leaf`` is the leaf ``index`` of the tree of ``size`` with ``root``."""
    if root_by_inclusion(leaf, index, size, proof) != root:
        raise ProofError(f"entry {index} is not in the tree of {size}: its proof leads to another root")


def verify_consistency(
    size: int, larger: int, proof: Sequence[bytes], root: bytes, larger_root: bytes
) -> None:
    """Raises ProofError unless the tree of ``larger`` begins with that of ``size``; 0 < size <= larger."""
    if not 0 < size <= larger:
        raise ProofError(f"no consistency from size {size} to {larger}")
    if size == larger:
        if proof:
            raise ProofError(f"consistency of one size needs no hashes: got {len(proof)}")
        if root != larger_root:
            raise ProofError(f"two roots of one size {size}")
        return
    _require_hashes(root, larger_root, *proof)
    if not proof:
        raise ProofError(f"consistency proof from {size} to {larger} is empty")
    held = list(proof) if size & (size - 1) else [root, *proof]
    at, last = size - 1, larger - 1
    while at & 1:
        at >>= 1
        last >>= 1
    first = second = held[0]
    for one in held[1:]:
        if last == 0:
            raise ProofError(f"consistency proof from {size} to {larger} is too long")
        if at & 1 or at == last:
            first, second = node_hash(one, first), node_hash(one, second)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            second = node_hash(second, one)
        at >>= 1
        last >>= 1
    if last:
        raise ProofError(f"consistency proof from {size} to {larger} is too short")
    if first != root:
        raise ProofError(f"the tree of {larger} does not begin with that of {size}: another root")
    if second != larger_root:
        raise ProofError(f"the proof from {size} leads to another root of {larger}")


def _require_hashes(*hashes: bytes) -> None:
    """A node's hash is over two of 32 bytes: of other lengths two pairs could look the same."""
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise ProofError(f"hash: got {len(one)} bytes, want {HASH_BYTES}")


def _half(count: int) -> int:
    """The largest power of two below ``count``, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)
