"""One start of a device: which of its reports came, where its chain breaks, when it was silent. Pure.

What is kept depends on the set of the reports and not on their order: runs of numbers with the hashes at
their ends, the numbers whose link to the one before failed, could not be made or is contested, and the time
that samples cover. A device that makes nothing but holes is bounded: the lower half of what it made is then
kept as counts only, below ``floor``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from feeds.completeness import ranges
from feeds.completeness.ranges import Ranges
from streams.identity.bus import bus_claim

SILENCE_MS: Final = 600_000
"""Samples further apart than this have a silence between them."""
MOST: Final = 256
"""Of runs, breaks, spans of one start, each."""
_FEW: Final = 32
_LONGEST_MS: Final = 366 * 86_400_000


@dataclass(slots=True)
class Run:
    """Numbers without a hole; ``prev`` is what the first one names, ``hash`` the last one's own."""

    first: int
    last: int
    prev: bytes | None
    hash: bytes


@dataclass(slots=True)
class Start:
    """``root``: what report 0 names, b"" when it names none, None while that is not known.

    ``broken``: numbers whose report names another hash than the one before has. ``unlinked``: those that
    name none. ``contested``: those under which different reports came. ``covered``: spans of time with
    samples; ``said``: spans without coverage as the device says. ``lost``: (t_ms, reports, boot, last_seq)
    of what it dropped, as it says. ``vins``: those that the bus told. ``tenant``: whose it was last.
    ``uncounted``: reports whose numbers the gateway made, of which ``highest`` is the last: holes between
    them mean nothing. Below ``floor`` missing and broken numbers are only counted, in ``summed``.
    """

    boot_n: int | None = None
    tenant: str = ""
    doubled: int = 0
    conflicts: int = 0
    linked: bool = False
    root: bytes | None = None
    runs: list[Run] = field(default_factory=list)
    broken: Ranges = field(default_factory=list)
    unlinked: Ranges = field(default_factory=list)
    contested: Ranges = field(default_factory=list)
    covered: Ranges = field(default_factory=list)
    said: Ranges = field(default_factory=list)
    lost: list[list[Any]] = field(default_factory=list)
    vins: list[str] = field(default_factory=list)
    floor: int = 0
    summed: list[int] = field(default_factory=lambda: [0, 0])
    left_out: int = 0
    uncounted: int = 0
    highest: int = -1

    def received(self, seq: int) -> bool | None:
        """Whether a report of this number came; None where that is not known here: below ``floor``, and of
        uncounted reports."""
        if self.uncounted and seq <= self.highest:
            return None
        if not self.runs or seq > self.runs[-1].last:
            return False
        if seq < self.floor:
            return None
        at = self._run(seq)
        return at >= 0 and seq <= self.runs[at].last

    def add(
        self,
        boot_n: int | None,
        seq: int,
        hash_: bytes,
        prev: bytes | None,
        conflict: bool = False,
        counted: bool = True,
    ) -> None:
        """Take a report that did not come before.

        ``conflict``: another one of this number did; ``counted``: the device counts its reports (a plain
        receiver of NMEA does not).
        """
        if not counted:
            self.uncounted += 1
            self.highest = max(self.highest, seq)
            self.conflicts += conflict
            return
        if boot_n is not None and (self.boot_n is None or boot_n > self.boot_n):
            self.boot_n = boot_n
        if prev is not None:
            self.linked = True
        if conflict:
            self._contest(seq)
            return
        if seq == 0:
            self.root = prev or b""
        if seq < self.floor:
            self.summed[0] -= 1
            return
        if prev is None:
            ranges.add(self.unlinked, seq, seq)
        runs = self.runs
        if runs and seq == runs[-1].last + 1:
            run = runs[-1]
            if prev is not None and prev != run.hash and not ranges.holds(self.contested, run.last):
                ranges.add(self.broken, seq, seq)
            run.last, run.hash = seq, hash_
        else:
            self._place(seq, hash_, prev)
        if len(runs) > MOST or len(self.broken) > MOST or len(self.unlinked) > MOST:
            self._fold()

    def tell(self, facts: Sequence[Mapping[str, Any]], spans: Sequence[tuple[int, int]]) -> None:
        """Take what the report says: its facts, and the spans of time (ms) that its samples cover."""
        for first, last in spans:
            ranges.add(self.covered, first, last, SILENCE_MS)
        if not facts and len(self.covered) <= MOST:
            return
        for fact in facts:
            match fact.get("kind"):
                case "no_coverage":
                    self._no_coverage(fact.get("from"), fact.get("to"))
                case "overflow":
                    self._overflow(fact)
                case "identity":
                    self._identity(fact)
        for held in (self.covered, self.said):
            while len(held) > MOST:  # the oldest two become one
                held[:2] = [[held[0][0], held[1][1]]]
                self.left_out += 1

    def missing(self) -> list[tuple[int, int]]:
        """Numbers between ``floor`` and the highest one that did not come, as (first, last)."""
        return list(ranges.gaps([[run.first, run.last] for run in self.runs], self.floor))

    def missing_before(self, seq: int) -> int | None:
        """How many of the numbers below ``seq`` did not come; None where reports are not counted."""
        if self.uncounted:
            return None
        count = self.summed[0]
        for first, last in self.missing():
            count += max(0, min(last, seq - 1) - first + 1)
        return count

    def tip(self) -> bytes | None:
        """The hash of the highest report; None when there is none or different ones came."""
        if not self.runs or ranges.holds(self.contested, self.runs[-1].last):
            return None
        return self.runs[-1].hash

    def _run(self, seq: int) -> int:
        low, high = 0, len(self.runs)
        while low < high:
            middle = (low + high) // 2
            if self.runs[middle].first <= seq:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def _place(self, seq: int, hash_: bytes, prev: bytes | None) -> None:
        """Put a number among the runs, with its links to both sides."""
        runs, at = self.runs, self._run(seq)
        left = runs[at] if at >= 0 and runs[at].last == seq - 1 else None
        right = runs[at + 1] if at + 1 < len(runs) and runs[at + 1].first == seq + 1 else None
        if left is not None and prev is not None and prev != left.hash and not self._disputed(seq - 1):
            ranges.add(self.broken, seq, seq)
        if right is not None and right.prev not in (None, hash_) and not self._disputed(seq + 1):
            ranges.add(self.broken, seq + 1, seq + 1)
        made = Run(seq, seq, prev, hash_)
        if left is not None:
            made.first, made.prev = left.first, left.prev
        if right is not None:
            made.last, made.hash = right.last, right.hash
        begin = at if left is not None else at + 1
        runs[begin : at + 1 + (right is not None)] = [made]

    def _disputed(self, seq: int) -> bool:
        return ranges.holds(self.contested, seq)

    def _contest(self, seq: int) -> None:
        """Which of its reports is the true one nobody can say: no link to it or from it is judged."""
        self.conflicts += 1
        if seq == 0:
            self.root = None
        if seq < self.floor:
            return
        ranges.add(self.contested, seq, seq)
        ranges.discard(self.broken, seq)
        ranges.discard(self.broken, seq + 1)
        ranges.discard(self.unlinked, seq)
        if len(self.contested) > MOST:
            self._fold()

    def _fold(self) -> None:
        """Keep the lower half of the longest list as counts."""
        runs = [[run.first, run.last] for run in self.runs]
        longest = max((runs, self.broken, self.unlinked, self.contested), key=len)
        floor = longest[len(longest) // 2][0]
        self.summed[0] += sum(max(0, min(last, floor - 1) - first + 1) for first, last in self.missing())
        self.runs = [run for run in self.runs if run.last >= floor]
        if self.runs[0].first < floor:
            self.runs[0].first, self.runs[0].prev = floor, None
        self.broken, gone = ranges.below(self.broken, floor)
        self.summed[1] += gone
        self.unlinked, _ = ranges.below(self.unlinked, floor)
        self.contested, _ = ranges.below(self.contested, floor)
        self.floor = floor

    def _no_coverage(self, begin: Any, end: Any) -> None:
        if type(begin) is int and type(end) is int and 0 < end - begin <= _LONGEST_MS:
            ranges.add(self.said, begin, end, 0)

    def _overflow(self, fact: Mapping[str, Any]) -> None:
        count, boot, last = fact.get("reports"), fact.get("boot"), fact.get("last_seq")
        if type(fact.get("t")) is not int or type(count) is not int:
            return
        told = [fact["t"], count, boot if type(boot) is str else "", last if type(last) is int else -1]
        _keep(self.lost, told)

    def _identity(self, fact: Mapping[str, Any]) -> None:
        if type(fact.get("vin")) is str and type(fact.get("t")) is int and "source" in fact:
            claim = bus_claim(fact, {}, 0)
            if claim is not None and claim.vin is not None:
                _keep(self.vins, claim.vin)


def _keep(held: list[Any], value: Any) -> None:
    """The least ones are kept, each once: so the order does not matter."""
    if value not in held:
        held.append(value)
        held.sort()
        del held[_FEW:]
