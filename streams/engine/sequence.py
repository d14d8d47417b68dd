"""Which reports are new: the engine's judgement by (device, boot, seq, hash).

The same hash is a duplicate (counted once), another hash under the same number a conflict (kept by the
store, never followed). Reports in sequence are judged as columns; only gaps, repeats and restarts are
looked at one by one. Contents are compared as far back as the ring reaches (64 reports, the number that
a device may have in flight); an older repeat is taken for a duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np

from streams.engine.columns import Array, Columns

RING: Final = 64
_GAPS: Final = 256  # remembered missing ranges of one boot: more are taken for lost
_BOOTS: Final = 8  # remembered earlier boots of a device


class Verdict(IntEnum):
    """What a report is; the number is the column's."""

    NEW = 0
    DUPLICATE = 1
    CONFLICT = 2


@dataclass(slots=True)
class _Boot:
    """What is known of one start of one device besides its ring: next number, ranges never seen."""

    name: str
    next: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)


class Sequences:
    """The sequence state of all devices of a partition."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.columns = Columns({"next": ("<i8", 0)})
        self._ring = np.zeros((64, RING), np.uint64)
        self._boots: list[_Boot] = []
        self._earlier: dict[int, list[_Boot]] = {}

    def rows_of(self, devices: Sequence[str]) -> Array:
        """The row of each device: int64[n]; rows for those that were not seen before."""
        rows = list(map(self.rows.get, devices))
        return np.array([self._row(d) if r is None else r for d, r in zip(devices, rows, strict=True)], int)

    def judge(self, row: Array, boots: Sequence[str], boot: Array, seq: Array, digest: Array) -> Array:
        """Verdicts (int8[n]) of n reports in the order of the log.

        ``row``: int64[n], of the device; ``boot``: int[n] into the names; ``seq``: int64[n]; ``digest``:
        uint64[n], 8 bytes of the report's hash.
        """
        verdict = np.zeros(len(row), np.int8)
        order = np.argsort(row, kind="stable")
        sorted_row = row[order]
        repeated = sorted_row[1:] == sorted_row[:-1]
        want = self.columns["next"][sorted_row]
        if repeated.any():
            first = np.flatnonzero(np.append(True, ~repeated))
            want += np.arange(len(row)) - np.repeat(first, np.diff(np.append(first, len(row))))
        held = self._boots
        names = [boots[code] for code in boot.tolist()]
        running = [held[r].name == name for r, name in zip(row.tolist(), names, strict=True)]
        in_line = np.array(running, bool)[order] & (seq[order] == want)
        if in_line.all():
            self._take(sorted_row, seq[order], digest[order])
            return verdict
        off = np.zeros(self.columns.size, bool)
        off[sorted_row[~in_line]] = True
        plain = ~off[sorted_row]
        self._take(sorted_row[plain], seq[order][plain], digest[order][plain])
        for i in order[~plain].tolist():
            verdict[i] = self._judge_one(int(row[i]), names[i], int(seq[i]), digest[i])
        return verdict

    def _take(self, row: Array, seq: Array, digest: Array) -> None:
        self._ring[row, seq % RING] = digest
        np.maximum.at(self.columns["next"], row, seq + 1)

    def _row(self, device: str) -> int:
        row = self.rows.get(device)
        if row is None:
            row = self.rows[device] = self.columns.add(1)
            self._boots.append(_Boot(""))
            if row >= len(self._ring):
                self._ring = np.concatenate((self._ring, np.zeros_like(self._ring)))
        return row

    def _judge_one(self, row: int, name: str, seq: int, digest: np.uint64) -> Verdict:
        boot = self._boots[row]
        if boot.name != name:
            earlier = next((b for b in self._earlier.get(row, ()) if b.name == name), None)
            if earlier is not None:
                return self._late(earlier, seq)
            if boot.name:
                boot.next = int(self.columns["next"][row])
                self._earlier[row] = [*self._earlier.get(row, ()), boot][-_BOOTS:]
            boot = self._boots[row] = _Boot(name)
            self.columns["next"][row] = 0
            self._ring[row] = 0
        boot.next = int(self.columns["next"][row])
        if seq < boot.next - RING:
            return self._late(boot, seq)
        if seq < boot.next and not _fill(boot.gaps, seq):
            return Verdict.DUPLICATE if self._ring[row, seq % RING] == digest else Verdict.CONFLICT
        if seq > boot.next:
            boot.gaps = [*boot.gaps, (boot.next, seq - 1)][-_GAPS:]
        self._ring[row, seq % RING] = digest
        self.columns["next"][row] = boot.next = max(boot.next, seq + 1)
        return Verdict.NEW

    @staticmethod
    def _late(boot: _Boot, seq: int) -> Verdict:
        """A report whose neighbours' contents are no longer held: new only where one is missing."""
        if seq >= boot.next:
            if seq > boot.next:
                boot.gaps = [*boot.gaps, (boot.next, seq - 1)][-_GAPS:]
            boot.next = seq + 1
            return Verdict.NEW
        return Verdict.NEW if _fill(boot.gaps, seq) else Verdict.DUPLICATE

    def missing(self, device: str) -> list[tuple[int, int]]:
        """Ranges [first, last] of the running boot of ``device`` that never came."""
        row = self.rows.get(device)
        return [] if row is None else list(self._boots[row].gaps)

    def dump(self) -> tuple[dict[str, Any], list[bytes]]:
        """JSON head and column bytes of a snapshot."""
        head = {
            "devices": list(self.rows),
            "boots": [[b.name, b.gaps] for b in self._boots],
            "earlier": [
                [row, [[b.name, b.next, b.gaps] for b in boots]] for row, boots in self._earlier.items()
            ],
        }
        return head, [*self.columns.dump(), self._ring[: self.columns.size].tobytes()]

    def sizes(self, devices: int) -> list[int]:
        """The number of bytes of each part of ``dump`` when there are ``devices`` devices."""
        return [*self.columns.sizes(devices), devices * RING * 8]

    def load(self, head: dict[str, Any], parts: list[memoryview]) -> None:
        """Become what ``dump`` was given of."""
        self.rows = {name: row for row, name in enumerate(head["devices"])}
        size = len(self.rows)
        self.columns.load(size, parts[:-1])
        self._ring = np.zeros((max(64, size), RING), np.uint64)
        self._ring[:size] = np.frombuffer(parts[-1], np.uint64).reshape(size, RING)
        self._boots = [_Boot(name, 0, [(a, b) for a, b in gaps]) for name, gaps in head["boots"]]
        self._earlier = {
            row: [_Boot(name, next_, [(a, b) for a, b in gaps]) for name, next_, gaps in boots]
            for row, boots in head["earlier"]
        }


def _fill(gaps: list[tuple[int, int]], seq: int) -> bool:
    """Take ``seq`` out of the missing ranges; False when it was not missing."""
    for i, (first, last) in enumerate(gaps):
        if first <= seq <= last:
            gaps[i : i + 1] = [r for r in ((first, seq - 1), (seq + 1, last)) if r[0] <= r[1]]
            return True
    return False
