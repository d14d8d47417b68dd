"""CBOR of byte strings that are long and many, by hand: an encoder looks at each value, here all is known.

The bytes are those that ``cbor2`` makes. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import cbor2


@lru_cache(4_096)
def head(count: int) -> bytes:
    """What stands before a byte string of ``count`` bytes."""
    if count < 24:
        return bytes([0x40 | count])
    if count < 1 << 8:
        return b"\x58" + count.to_bytes(1, "big")
    if count < 1 << 16:
        return b"\x59" + count.to_bytes(2, "big")
    return b"\x5a" + count.to_bytes(4, "big")


@lru_cache(256)
def _name(name: str) -> bytes:
    return cbor2.dumps(name)


def group_map(groups: Mapping[str, bytes]) -> bytes:
    """A map of fewer than 24 names to bytes, in the order given."""
    parts = [bytes([0xA0 | len(groups)])]
    for name, content in groups.items():
        parts += (_name(name), head(len(content)), content)
    return b"".join(parts)


def names(values: Iterable[str]) -> bytes:
    """A list of texts."""
    return cbor2.dumps(list(values))
