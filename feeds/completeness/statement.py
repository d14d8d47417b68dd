"""What is told of a start of a device, in the light of the starts before and after it. Pure.

The chain goes over starts: the first report of a start names the last one of the start before, so a tail that
was cut off shows once the device starts again. Two starts of one count are a copy of the device, or its
memory was set back: neither is the chain's.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from feeds.assurance import Chain
from feeds.completeness import ranges
from feeds.completeness.overlaps import overlaps
from feeds.completeness.start import SILENCE_MS, Start

MOST_BREAKS: Final = 1_000
"""How many are told one by one."""


class History:
    """The starts of one device, by boot: made once, asked often."""

    def __init__(self, starts: Mapping[str, Start]) -> None:
        self.starts = starts
        self._of: dict[int, list[str]] = {}
        for boot, start in starts.items():
            if start.boot_n is not None:
                self._of.setdefault(start.boot_n, []).append(boot)
        self._counts = sorted(self._of)
        self._overlaps: dict[str, list[dict[str, Any]]] | None = None

    def statement(self, device: str, boot: str) -> dict[str, Any]:
        """What came of the start ``boot``. Raises KeyError.

        ``received`` and ``missing`` are ranges [first, last]; ``doubled`` and ``conflicts`` count reports
        that came again, the same and with other bytes. ``chain.breaks``: numbers whose report does not name
        the one before, at most MOST_BREAKS, ``chain.broken`` counts all; ``chain.contested``: ranges of
        numbers with conflicts; ``chain.unlinked``: of reports that name none; ``chain.first``: whether the
        first report names the last of the start before. ``tail``: ``open`` (no later start came),
        ``whole``, ``cut`` (the next start names a later report, which did not come), ``unknown``.
        ``uncounted``: reports that are not numbered by the device, so that nothing says what is missing
        between them. ``twins``: other starts of the same count. ``overlaps``: times that
        another start covers too. ``silences`` include that before the start.
        ``summed``: what is only counted, of the numbers ``below``.
        """
        start = self.starts[boot]
        first, others = self._first(boot), self.twins(boot)
        breaks = [0] if first == "broken" and not ranges.holds(start.contested, 0) else []
        count = ranges.total(start.broken) + start.summed[1] + len(breaks)
        for low, high in start.broken:
            breaks += range(low, min(high, low + MOST_BREAKS - len(breaks) - 1) + 1)
        return {
            "device": device,
            "boot": boot,
            "boot_n": start.boot_n,
            "received": [[run.first, run.last] for run in start.runs],
            "missing": [list(one) for one in start.missing()],
            "uncounted": start.uncounted,
            "doubled": start.doubled,
            "conflicts": start.conflicts,
            "chain": {
                "holds": not count and not start.conflicts and not others,
                "breaks": breaks,
                "broken": count,
                "contested": [list(one) for one in start.contested],
                "unlinked": [list(one) for one in start.unlinked],
                "first": first,
            },
            "tail": self._tail(boot),
            "twins": others,
            "overlaps": self._overlapping(boot),
            "overflow": [_lost(*one) for one in start.lost],
            "silences": self._silences(boot),
            "summed": {
                "below": start.floor,
                "missing": start.summed[0],
                "broken": start.summed[1],
                "silences": start.left_out,
            },
        }

    def chain(self, boot: str, seq: int) -> Chain:
        """Whether the chain holds around one report: to the one before it, and from the one after it.

        ``unknown`` where the one before did not come, is contested, or is not named. Raises KeyError.
        """
        start = self.starts[boot]
        if self.twins(boot) or ranges.holds(start.contested, seq):
            return "broken"
        if ranges.holds(start.broken, seq) or ranges.holds(start.broken, seq + 1):
            return "broken"
        if seq == 0:
            return self._first(boot)
        if ranges.holds(start.unlinked, seq) or not start.received(seq) or not start.received(seq - 1):
            return "unknown"
        return "unknown" if ranges.holds(start.contested, seq - 1) else "holds"

    def twins(self, boot: str) -> list[str]:
        """The other starts of the same count, where both have a chain."""
        own = self.starts[boot]
        if own.boot_n is None or not own.linked:
            return []
        return sorted(one for one in self._of[own.boot_n] if one != boot and self.starts[one].linked)

    def _overlapping(self, boot: str) -> list[dict[str, Any]]:
        if self._overlaps is None:
            self._overlaps = overlaps(self.starts)
        return self._overlaps.get(boot, [])

    def _before(self, boot: str) -> list[Start]:
        """The starts of the next lower count that came."""
        own = self.starts[boot].boot_n
        return [] if own is None else self._at(bisect_left(self._counts, own) - 1)

    def _after(self, boot: str) -> list[Start]:
        """The starts of the next higher count that came."""
        own = self.starts[boot].boot_n
        return [] if own is None else self._at(bisect_right(self._counts, own))

    def _at(self, place: int) -> list[Start]:
        if not 0 <= place < len(self._counts):
            return []
        return [self.starts[boot] for boot in self._of[self._counts[place]]]

    def _first(self, boot: str) -> Chain:
        """Whether report 0 names the last report of the start before."""
        start, earlier = self.starts[boot], self._before(boot)
        if ranges.holds(start.contested, 0):
            return "broken"
        if start.root is None:
            return "unknown"
        if not start.root:
            if not earlier:
                return "holds"
            return "broken" if start.linked and any(one.linked for one in earlier) else "unknown"
        return "holds" if any(one.tip() == start.root for one in earlier) else "unknown"

    def _tail(self, boot: str) -> str:
        """Whether all reports up to the next start came."""
        later, tip = self._after(boot), self.starts[boot].tip()
        if not later:
            return "open"
        roots = [one.root for one in later if one.root]
        if tip is not None and tip in roots:
            return "whole"
        return "cut" if roots else "unknown"

    def _silences(self, boot: str) -> list[dict[str, Any]]:
        """Where samples are far apart, with whether the device says that it had no coverage then."""
        covered, earlier = self.starts[boot].covered, self._before(boot)
        said = [*self.starts[boot].said]
        for one in (*earlier, *self._after(boot)):
            said += one.said
        holes = [(before[1], after[0]) for before, after in pairwise(covered)]
        end = max((one.covered[-1][1] for one in earlier if one.covered), default=None)
        if end is not None and covered and covered[0][0] - end > SILENCE_MS:
            holes.insert(0, (end, covered[0][0]))
        return [
            {
                "from_ms": begin,
                "to_ms": end,
                "explained": any(
                    low - SILENCE_MS <= begin and end <= high + SILENCE_MS for low, high in said
                ),
            }
            for begin, end in holes
        ]


def statement(device: str, boot: str, starts: Mapping[str, Start]) -> dict[str, Any]:
    """``History.statement`` of one start; ``starts``: the device's, by boot. Raises KeyError."""
    return History(starts).statement(device, boot)


def chain_at(boot: str, seq: int, starts: Mapping[str, Start]) -> Chain:
    """``History.chain`` of one report; ``starts``: the device's, by boot. Raises KeyError."""
    return History(starts).chain(boot, seq)


def _lost(t_ms: int, reports: int, boot: str, last_seq: int) -> dict[str, Any]:
    return {
        "t_ms": t_ms,
        "reports": reports,
        "boot": boot or None,
        "last_seq": None if last_seq < 0 else last_seq,
    }
