"""Which reports are new: the engine's judgement by (device, boot, seq, hash).

The same hash is a duplicate (counted once), another hash under the same number a conflict (kept by the
store, never followed). Reports in line and repeats are judged as columns; only gaps and restarts are looked
at one by one. Contents are compared as far back as the ring reaches (64 reports, the number that a device
may have in flight); an older repeat is taken for a duplicate.

A ring keeps 13 bits of each hash: 104 bytes a device instead of 512, in memory and in the snapshot alike.
A conflict is taken for a duplicate once in 8,192 times; neither moves anything, and a device that repeats
its numbers is still found, since it does so more than once. Full hashes of the devices heard lately would
need to be part of every snapshot, and a whole fleet is heard lately. A remembered earlier start takes 20
bytes, a missing range 16 and its place in a dict.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import accumulate, pairwise
from struct import Struct
from typing import Final

import numpy as np

from streams.engine import sequence_kernel as kernel
from streams.engine.columns import Array, Columns, roomier
from streams.engine.names import Names, hashes
from streams.engine.sequence_kernel import RING, RING_BYTES, SPARE, holds, put
from streams.texts import Texts, texts

_GAPS: Final = 256  # remembered missing ranges of one boot: more are taken for lost
_BOOTS: Final = 8  # remembered earlier boots of a device
_DEVICES: Final = {"next": ("<i8", 0), "boot": ("<u8", 0), "earlier": ("<i4", -1), "flag": ("|u1", 0)}
_EARLIER: Final = {"next": ("<i8", 0), "boot": ("<u8", 0), "earlier": ("<i4", -1)}
_RANGE: Final = Struct("<qq")  # first and last number that never came


class Verdict(IntEnum):
    """What a report is; the number is the column's."""

    NEW = kernel.NEW
    DUPLICATE = kernel.DUPLICATE
    CONFLICT = kernel.CONFLICT


class Boots:
    """Starts of devices: hash of the name, next number, the start before it; and ranges that never came."""

    def __init__(self, spec: dict[str, tuple[str, int]]) -> None:
        self.columns = Columns(spec)
        self.gaps: dict[int, bytes] = {}

    def late(self, row: int, seq: int) -> Verdict:
        """A report whose neighbours' contents are not held: new only where one is missing."""
        following = self.columns["next"]
        if seq >= following[row]:
            self.open(row, seq)
            following[row] = seq + 1
            return Verdict.NEW
        return Verdict.NEW if self.fill(row, seq) else Verdict.DUPLICATE

    def open(self, row: int, seq: int) -> None:
        """Remember what is missing before ``seq``."""
        first = int(self.columns["next"][row])
        if seq > first:
            ranges = self.gaps.get(row, b"") + _RANGE.pack(first, seq - 1)
            self.gaps[row] = ranges[-_GAPS * _RANGE.size :]

    def fill(self, row: int, seq: int) -> bool:
        """Take ``seq`` out of the missing ranges; False when it was not missing."""
        for i, (first, last) in enumerate(self.missing(row)):
            if first <= seq <= last:
                left = [r for r in ((first, seq - 1), (seq + 1, last)) if r[0] <= r[1]]
                held, at = self.gaps.pop(row), i * _RANGE.size
                ranges = held[:at] + b"".join(_RANGE.pack(*r) for r in left) + held[at + _RANGE.size :]
                if ranges:
                    self.gaps[row] = ranges
                return True
        return False

    def missing(self, row: int) -> list[tuple[int, int]]:
        """The ranges [first, last] that never came."""
        return list(_RANGE.iter_unpack(self.gaps.get(row, b"")))

    def dump(self) -> list[bytes]:
        """The missing ranges: rows, lengths, ranges; by row."""
        rows = sorted(self.gaps)
        ranges = [self.gaps[row] for row in rows]
        lengths = np.fromiter(map(len, ranges), np.int32, len(rows))
        return [np.array(rows, np.int32).tobytes(), lengths.tobytes(), b"".join(ranges)]

    def load(self, parts: Sequence[bytes | memoryview]) -> None:
        """Take the missing ranges that ``dump`` gave."""
        rows, lengths = (np.frombuffer(part, np.int32).tolist() for part in parts[:2])
        ends, ranges = accumulate(lengths, initial=0), bytes(parts[2])
        self.gaps = {row: ranges[a:b] for row, (a, b) in zip(rows, pairwise(ends), strict=True)}


class Sequences:
    """The sequence state of all devices of a partition. ``rows`` are the devices' names in order."""

    def __init__(self) -> None:
        self.rows = Names()
        self._running = Boots(_DEVICES)
        self._earlier = Boots(_EARLIER)
        self._ring = np.zeros(64 * RING_BYTES + SPARE, np.uint8)

    def rows_of(self, devices: Sequence[str] | Texts) -> Array:
        """The row of each device: int64[n]; rows for those that were not seen before."""
        rows = self.rows.rows(devices if isinstance(devices, Texts) else texts(devices))
        size = self._running.columns.size
        if len(self.rows) > size:
            self._running.columns.add(len(self.rows) - size)
            self._ring = roomier(self._ring, len(self.rows) * RING_BYTES + SPARE)
            self._ring[size * RING_BYTES : len(self.rows) * RING_BYTES + SPARE] = 0
        return rows

    def judge(
        self, row: Array, boots: Sequence[str] | Texts, boot: Array, seq: Array, digest: Array
    ) -> Array:
        """Verdicts (int8[n]) of n reports in the order of the log.

        ``row``: int64[n], of the device; ``boot``: int[n] into the names; ``seq``: int64[n]; ``digest``:
        uint64[n], 8 bytes of the report's hash.
        """
        ids = hashes(boots if isinstance(boots, Texts) else texts(boots))[boot]
        # copies: the kernel is compiled once more for columns that are read-only or have steps
        row, seq, digest = np.array(row, np.int64), np.array(seq, np.int64), np.array(digest, np.uint64)
        verdict = np.empty(len(row), np.int8)
        held = self._running.columns
        device = held["boot"], held["next"], held["flag"], self._ring
        if kernel.judge(row, ids, seq, digest, *device, verdict):
            pending = np.flatnonzero(verdict == kernel.PENDING)
            for i in pending.tolist():
                verdict[i] = self._judge_one(int(row[i]), int(ids[i]), int(seq[i]), digest[i])
            rows = np.unique(row[pending])
            held["flag"][rows] = [kernel.GAPS * (r in self._running.gaps) for r in rows.tolist()]
        return verdict

    def _judge_one(self, row: int, boot: int, seq: int, digest: np.uint64) -> Verdict:
        running, held = self._running, self._running.columns
        if int(held["boot"][row]) != boot:
            earlier = self._find_earlier(row, boot)
            if earlier >= 0:
                return self._earlier.late(earlier, seq)
            self._begin(row, boot)
        following = int(held["next"][row])
        if seq < following - RING:
            return running.late(row, seq)
        if seq < following and not running.fill(row, seq):
            return Verdict.DUPLICATE if holds(self._ring, row, seq, digest) else Verdict.CONFLICT
        running.open(row, seq)
        put(self._ring, row, seq, digest)
        held["next"][row] = max(following, seq + 1)
        return Verdict.NEW

    def _find_earlier(self, row: int, boot: int) -> int:
        """The place of an earlier boot of a device, -1 when it is not remembered."""
        held = self._earlier.columns
        at = int(self._running.columns["earlier"][row])
        while at >= 0 and int(held["boot"][at]) != boot:
            at = int(held["earlier"][at])
        return at

    def _begin(self, row: int, boot: int) -> None:
        """A device started again: the boot that ran is an earlier one."""
        running = self._running.columns
        if running["boot"][row]:
            at, held = self._place(row), self._earlier.columns
            for name in _EARLIER:
                held[name][at] = running[name][row]
            running["earlier"][row] = at
            gaps = self._running.gaps.pop(row, None)
            if gaps is not None:
                self._earlier.gaps[at] = gaps
        running["boot"][row], running["next"][row] = boot, 0
        self._ring[row * RING_BYTES : (row + 1) * RING_BYTES] = 0

    def _place(self, row: int) -> int:
        """A place for one more earlier boot of a device: a new one, or that of its oldest."""
        links, at = self._earlier.columns["earlier"], int(self._running.columns["earlier"][row])
        chain = []
        while at >= 0:
            chain.append(at)
            at = int(links[at])
        if len(chain) < _BOOTS:
            return self._earlier.columns.add(1)
        links[chain[-2]] = -1
        self._earlier.gaps.pop(chain[-1], None)
        return chain[-1]

    def missing(self, device: str) -> list[tuple[int, int]]:
        """Ranges [first, last] of the running boot of ``device`` that never came."""
        row = self.rows.get(device)
        return [] if row is None else self._running.missing(row)

    def nbytes(self) -> int:
        """Bytes of columns and names in memory; those of missing ranges are not in it."""
        columns = self._running.columns.nbytes() + self._earlier.columns.nbytes()
        return columns + self.rows.nbytes() + self._ring.nbytes

    def dump(self) -> list[bytes]:
        """The bytes of a snapshot, see ``load``."""
        ring = self._ring[: self._running.columns.size * RING_BYTES].tobytes()
        columns = [*self._running.columns.dump(), ring, *self._earlier.columns.dump()]
        return [*self.rows.dump(), *columns, *self._running.dump(), *self._earlier.dump()]

    def load(self, parts: Sequence[bytes | memoryview]) -> None:
        """Become what was dumped."""
        running, earlier = len(_DEVICES), len(_EARLIER)
        columns, gaps = parts[2 : 3 + running + earlier], parts[3 + running + earlier :]
        self.rows.load(*parts[:2])
        size = len(self.rows)
        self._running.columns.load(size, columns[:running])
        self._ring = np.zeros(max(64, size) * RING_BYTES + SPARE, np.uint8)
        self._ring[: size * RING_BYTES] = np.frombuffer(columns[running], np.uint8)
        before = columns[running + 1 :]
        self._earlier.columns.load(len(before[0]) // 8, before)
        self._running.load(gaps[:3])
        self._earlier.load(gaps[3:])
