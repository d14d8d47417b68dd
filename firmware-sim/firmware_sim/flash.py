"""The unit's flash memory: one append-only file of reports, which forgets only what it is told to.

A record is type, length, CRC-32 and content; a file cut or damaged at any byte opens as the records before
the damage, and the rest is cut away. Records that belong together are written by one ``write``, so a killed
process leaves at most one broken tail; with ``sync`` they also survive a power failure of the machine. When
most of the file is forgotten, it is rewritten beside itself and replaced at once.

The hash of the last report is kept with the records, so the chain (``prev``) runs on over restarts and
over a memory that has forgotten everything.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from firmware_sim.errors import StateError

_MAGIC = b"CFL1"
_HEAD = struct.Struct(">cII")  # type, length, CRC-32 of type and content
_REPORT_HEAD = struct.Struct(">Qq")  # seq, last instant of the report in ms
_RANGE = struct.Struct(">QQ")
_BASE_HEAD = struct.Struct(">Iq32s?")  # boot count, last instant, last hash, whether there is one
_REPORT, _BOOT, _FORGET, _DROP, _BASE = b"R", b"B", b"F", b"D", b"H"
_COMPACT_BYTES = 65_536


class Key(NamedTuple):
    """A report's place: which start of the unit, and its counter there."""

    boot: str
    seq: int


@dataclass(frozen=True, slots=True)
class _Place:
    offset: int
    length: int


class Flash:
    """The memory behind one unit. Not for two threads or processes at once.

    ``capacity_bytes`` bounds the unacknowledged reports: beyond it the oldest are dropped and counted in
    ``overflow`` until the next report is stored, which should say so. ``last_t_ms`` is the last instant
    that any stored report holds. Raises ``StateError`` when the file can't be used.
    """

    def __init__(self, path: Path, capacity_bytes: int = 1 << 20, *, sync: bool = False) -> None:
        self.path, self.capacity_bytes, self.sync = path, capacity_bytes, sync
        self.boot, self.boot_n, self.last_t_ms = "", 0, 0
        self.last_hash: bytes | None = None
        self.overflow = 0
        self._places: dict[Key, _Place] = {}
        self._live = 0
        self._end = 0
        self._recover()

    def keys(self) -> Iterator[Key]:
        """The reports that are kept, the oldest first."""
        return iter(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def start_boot(self, boot: str) -> None:
        """Begin a start of the unit; its reports count from 0 again."""
        self._append([(_BOOT, boot.encode())])

    def make_room(self, size: int) -> list[Key]:
        """Drop the oldest reports until ``size`` more bytes fit; returns what was lost.

        To be called before a report is encoded, so that the report can state the loss.
        """
        lost: list[Key] = []
        room = self.capacity_bytes - self._live - size
        for key, place in self._places.items():
            if room >= 0:
                break
            lost.append(key)
            room += place.length
        if lost:
            self._append([(_DROP, _ranges(key.boot, [(key.seq, key.seq)])) for key in lost])
        return lost

    def store(self, seq: int, last_t_ms: int, report: bytes) -> Key:
        """Keep a report of this boot; returns its key."""
        self._append([(_REPORT, _text(self.boot) + _REPORT_HEAD.pack(seq, last_t_ms) + report)])
        return Key(self.boot, seq)

    def read(self, key: Key) -> bytes:
        """The report's bytes, exactly as stored; raises ``KeyError`` when it is forgotten."""
        place = self._places[key]
        with self.path.open("rb") as file:
            file.seek(place.offset)
            return file.read(place.length)

    def edit(self, key: Key, report: bytes) -> None:
        """What somebody with a programmer at the memory does: other bytes in place of a kept report.

        They have to be as many. Neither the chain nor anything else that the unit remembers changes.
        """
        place = self._places[key]
        if len(report) != place.length:
            raise ValueError(f"other length: got {len(report)} bytes, want {place.length}")
        head = len(_text(key.boot)) + _REPORT_HEAD.size
        with self.path.open("r+b") as file:
            file.seek(place.offset - head)
            content = file.read(head) + report
            file.seek(place.offset - head - _HEAD.size)
            file.write(_record(_REPORT, content))

    def forget(self, boot: str, ranges: Iterable[tuple[int, int]]) -> list[Key]:
        """Forget the kept reports of ``boot`` within ``ranges`` (both ends included); returns them."""
        wanted = list(ranges)
        gone = self._within(boot, wanted)
        if gone:
            self._append([(_FORGET, _ranges(boot, wanted))])
            if self._end > _COMPACT_BYTES and self._end > 4 * self._live:
                self._compact()
        return gone

    def _within(self, boot: str, ranges: list[tuple[int, int]]) -> list[Key]:
        return [k for k in self._places if k.boot == boot and any(a <= k.seq <= b for a, b in ranges)]

    def _append(self, records: list[tuple[bytes, bytes]]) -> None:
        block = b"".join(_record(kind, content) for kind, content in records)
        try:
            with self.path.open("ab") as file:
                file.write(block)
                if self.sync:
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            self._cut(self._end)
            raise StateError(f"flash not writable: got {error.strerror}, want to write {self.path}") from None
        for kind, content in records:
            self._end += _HEAD.size + len(content)
            self._apply(kind, content, self._end)

    def _apply(self, kind: bytes, content: bytes, end: int) -> None:
        """What a record means; the same for one just written and one found at recovery."""
        if kind == _BOOT:
            self.boot, self.boot_n = content.decode(), self.boot_n + 1
        elif kind == _REPORT:
            boot, rest = _read_text(content)
            seq, last_t_ms = _REPORT_HEAD.unpack_from(rest)
            report = rest[_REPORT_HEAD.size :]
            self._places[Key(boot, seq)] = _Place(end - len(report), len(report))
            self._live += len(report)
            self.last_hash = hashlib.sha256(report).digest()
            self.last_t_ms = max(self.last_t_ms, last_t_ms)
            self.overflow = 0
        elif kind in (_FORGET, _DROP):
            boot, rest = _read_text(content)
            ranges = list(_RANGE.iter_unpack(rest))
            for key in self._within(boot, ranges):
                self._live -= self._places.pop(key).length
                self.overflow += kind == _DROP
        elif kind == _BASE:
            self.boot, rest = _read_text(content)
            self.boot_n, self.last_t_ms, last_hash, some = _BASE_HEAD.unpack(rest)
            self.last_hash = last_hash if some else None

    def _recover(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = self.path.read_bytes() if self.path.exists() else b""
            if found[: len(_MAGIC)] != _MAGIC[: len(found)]:
                raise StateError(
                    f"not a flash file: got {found[:4]!r} at the start of {self.path}, want {_MAGIC!r}"
                )
            if len(found) < len(_MAGIC):
                self.path.write_bytes(_MAGIC)
                found = _MAGIC
        except OSError as error:
            raise StateError(f"flash not usable: got {error.strerror}, want to read {self.path}") from None
        self._end = len(_MAGIC)
        while (record := _parse(found, self._end)) is not None:
            kind, content = record
            self._end += _HEAD.size + len(content)
            self._apply(kind, content, self._end)
        if self._end < len(found):
            self._cut(self._end)

    def _cut(self, length: int) -> None:
        with self.path.open("r+b") as file:
            file.truncate(length)

    def _compact(self) -> None:
        """Rewrite the file with what is kept; the old file stays whole until the new one replaces it."""
        head = _text(self.boot) + _BASE_HEAD.pack(
            self.boot_n, self.last_t_ms, self.last_hash or b"", self.last_hash is not None
        )
        kept = [(key, self.read(key)) for key in self._places]
        base = _record(_BASE, head)
        new, end = self.path.with_suffix(".new"), len(_MAGIC) + len(base)
        places: dict[Key, _Place] = {}
        with new.open("wb") as file:
            file.write(_MAGIC + base)
            for key, report in kept:
                content = _text(key.boot) + _REPORT_HEAD.pack(key.seq, self.last_t_ms) + report
                file.write(_record(_REPORT, content))
                end += _HEAD.size + len(content)
                places[key] = _Place(end - len(report), len(report))
            # Again at the end: the kept reports above are older than the last hash.
            file.write(base)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)
        self._places, self._end = places, end + len(base)


def _record(kind: bytes, content: bytes) -> bytes:
    return _HEAD.pack(kind, len(content), zlib.crc32(kind + content)) + content


def _parse(found: bytes, at: int) -> tuple[bytes, bytes] | None:
    if at + _HEAD.size > len(found):
        return None
    kind, length, check = _HEAD.unpack_from(found, at)
    content = found[at + _HEAD.size : at + _HEAD.size + length]
    if len(content) < length or zlib.crc32(kind + content) != check:
        return None
    return kind, content


def _text(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def _read_text(content: bytes) -> tuple[str, bytes]:
    return content[1 : 1 + content[0]].decode(), content[1 + content[0] :]


def _ranges(boot: str, ranges: Iterable[tuple[int, int]]) -> bytes:
    return _text(boot) + b"".join(_RANGE.pack(max(0, a), max(0, b)) for a, b in ranges)
