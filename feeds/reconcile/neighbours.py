"""Which codes of one list are near which of another: an index by what is left when a character is deleted.

Two codes at one substitution, exchange, loss or gain share a string that is one of them with at most one
character deleted. Hashes of those strings are made for whole lists by columns of 64-bit integers, sorted, and
met; what meets is only a candidate. 18 hashes a VIN; memory 16 bytes each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feeds.reconcile.codes import fold

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]

_BASE: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_MASK: Final = (1 << 64) - 1
_INVERSE: Final = pow(_BASE, -1, 1 << 64)
_MOST: Final = 16  # of one hash; a family of serial numbers meets in tens


class Index:
    """The codes of one list, by hashes."""

    def __init__(self, codes: Sequence[str]) -> None:
        hashes, owners = _hashes(codes)
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._owners = hashes[order], owners[order]

    def near(self, codes: Sequence[str]) -> list[tuple[int, int]]:
        """(number in ``codes``, number in the index) of pairs that may be near, in order, each once."""
        hashes, asking = _hashes(codes)
        first = np.searchsorted(self._hashes, hashes, "left")
        count = np.minimum(np.searchsorted(self._hashes, hashes, "right") - first, _MOST)
        total = int(count.sum())
        if not total:
            return []
        begin = np.repeat(first - (np.cumsum(count) - count), count)
        # both are below 2^31, so a pair is one integer and its order is theirs
        pairs = np.unique((np.repeat(asking, count) << 32) | self._owners[begin + np.arange(total)])
        return list(zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist(), strict=True))


def _hashes(codes: Sequence[str]) -> tuple[Words, Ints]:
    """Hashes of each code, of it without each one of its characters, and of it folded; whose each is."""
    by_length: dict[int, list[int]] = {}
    for number, code in enumerate(codes):
        if code:
            by_length.setdefault(len(code), []).append(number)
    hashes: list[Words] = []
    owners: list[Ints] = []
    for length, numbers in by_length.items():
        points = _points([codes[number] for number in numbers], length)
        made = np.concatenate([_deleted(points), _whole([fold(codes[number]) for number in numbers])], axis=1)
        hashes.append(made.ravel())
        owners.append(np.repeat(np.array(numbers, np.int64), made.shape[1]))
    if not hashes:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    return np.concatenate(hashes), np.concatenate(owners)


def _points(codes: list[str], length: int) -> Words:
    """Code points, mixed so that neighbours in the alphabet are none in the hash; (codes, length)."""
    plain = np.frombuffer("".join(codes).encode("utf-32-le"), np.uint32).reshape(-1, length).astype(np.uint64)
    mixed = (plain + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed * np.uint64(0x94D049BB133111EB))


def _powers(length: int) -> Words:
    return np.array([pow(_BASE, n, 1 << 64) for n in range(length)], np.uint64)


def _deleted(points: Words) -> Words:
    """(codes, length + 1): the hash without character 0, 1, ... and, last, of the whole."""
    terms = points * _powers(points.shape[1])
    before = np.cumsum(terms, axis=1) - terms
    total = terms.sum(axis=1, keepdims=True)
    without = before + (total - before - terms) * np.uint64(_INVERSE)
    return np.concatenate([without, total], axis=1)


def _whole(folded: list[str]) -> Words:
    """(codes, 1): the hash of each folded code, apart from those that are not folded."""
    points = _points(folded, len(folded[0]))
    return np.asarray((points * _powers(points.shape[1])).sum(axis=1, keepdims=True) ^ np.uint64(0x5DEECE66D))
