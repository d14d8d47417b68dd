"""Tiles and entry bundles of C2SP tlog-tiles: their names, widths and bytes. Pure.

A tile of level l holds up to 256 hashes, each the root of a complete subtree of 256**l leaves; a bundle holds
up to 256 entries. Both are named by a level (``ENTRIES`` for bundles), a number and a width.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from feeds.ledger.errors import FormatError
from feeds.ledger.merkle import HASH_BYTES

WIDTH: Final = 256
ENTRIES: Final = -1
"""The level that stands for entry bundles."""
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 65_535
_MAX_NUMBER: Final = 999_999_999_999_999_999
_LENGTH: Final = struct.Struct(">H")
_PATH: Final = re.compile(
    r"tile/(0|[1-9][0-9]?|entries)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The name of a tile or bundle; ``width`` WIDTH is a full one."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The path under the log's prefix, section 4.1."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_grouped(self.number)}{partial}"

    @property
    def full(self) -> Tile:
        """The full tile of this number."""
        return Tile(self.level, self.number)

    @property
    def first(self) -> int:
        """Of level 0 and bundles: the index of the first entry."""
        return self.number * WIDTH


def parse_path(path: str) -> Tile:
    """The tile or bundle of a path. Raises FormatError."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise FormatError(f"not a tile's path: got {path[:120]!r}, want tile/<level>/<number>[.p/<width>]")
    level_text, number_text, width_text = match.groups()
    level = ENTRIES if level_text == "entries" else int(level_text)
    if level > MAX_LEVEL:
        raise FormatError(f"tile level: got {level}, want 0 to {MAX_LEVEL}")
    width = WIDTH if width_text is None else int(width_text)
    if width_text is not None and not 1 <= width < WIDTH:
        raise FormatError(f"partial tile's width: got {width_text}, want 1 to {WIDTH - 1}")
    digits = number_text.replace("x", "").replace("/", "")
    if int(digits) > _MAX_NUMBER:
        raise FormatError(f"tile number: got {digits}, want at most {_MAX_NUMBER}")
    if _grouped(int(digits)) != number_text:
        raise FormatError(f"tile number: got {number_text!r}, want {_grouped(int(digits))!r}")
    return Tile(level, int(digits), width)


def width_at(level: int, number: int, size: int) -> int:
    """How many hashes (entries) tile ``number`` of ``level`` has in a tree of ``size``; 0 for none."""
    count = size >> (8 * max(level, 0))
    return max(0, min(WIDTH, count - number * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """All hash tiles of a tree of ``size``, by level and number."""
    level = 0
    while count := size >> (8 * level):
        for number in range((count + WIDTH - 1) // WIDTH):
            yield Tile(level, number, width_at(level, number, size))
        level += 1


def hashes_of(data: bytes, tile: Tile) -> list[bytes]:
    """The hashes of a tile. Raises FormatError for bytes of another length."""
    want = tile.width * HASH_BYTES
    if len(data) != want:
        raise FormatError(f"{tile.path}: got {len(data)} bytes, want {want}")
    return [data[at : at + HASH_BYTES] for at in range(0, want, HASH_BYTES)]


def pack(entries: Sequence[bytes]) -> bytes:
    """A bundle of entries. Raises FormatError for one that is too long."""
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise FormatError(f"entry too long: got {len(entry)} bytes, want at most {MAX_ENTRY_BYTES}")
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def unpack(data: bytes, width: int) -> list[bytes]:
    """The ``width`` entries of a bundle. Raises FormatError."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at < end and len(entries) < width:
        if at + 2 > end:
            raise FormatError(f"bundle ends within the length of entry {len(entries)}")
        (length,) = _LENGTH.unpack_from(data, at)
        at += 2
        if at + length > end:
            raise FormatError(f"bundle ends within entry {len(entries)}: got {end - at} bytes, want {length}")
        entries.append(data[at : at + length])
        at += length
    if len(entries) != width or at != end:
        raise FormatError(f"bundle: got {len(entries)} entries and {end - at} bytes more, want {width}")
    return entries


def _grouped(number: int) -> str:
    text = f"{number:03d}"
    text = text.zfill(-(-len(text) // 3) * 3)
    groups = [text[at : at + 3] for at in range(0, len(text), 3)]
    return "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
