"""What is told of a start of a device, in the light of the starts before and after it. Pure.

The chain goes over starts: the first report of a start names the last one of the start before, so a tail that
was cut off shows once the device starts again. Two starts of one count are a copy of the device, or its
memory was set back: neither is the chain's.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from feeds.assurance import Chain
from feeds.completeness import ranges
from feeds.completeness.start import SILENCE_MS, Start

MOST_BREAKS: Final = 1_000
"""How many are told one by one; ``broken`` counts all."""


def statement(device: str, boot: str, starts: Mapping[str, Start]) -> dict[str, Any]:
    """What came of the start ``boot``; ``starts``: the device's, by boot. Raises KeyError.

    ``received`` and ``missing`` are ranges [first, last]; ``doubled`` and ``conflicts`` count reports that
    came again, the same and with other bytes. ``chain.breaks``: numbers whose report does not name the one
    before; ``chain.contested``: ranges of numbers with conflicts; ``chain.first``: whether the first report
    names the last of the start before. ``tail``: ``open`` (no later start came), ``whole``, ``cut`` (the
    next start names a later report that did not come), ``unknown``. ``twins``: other starts of the same
    count. ``silences`` include that before the start. ``summed``: what is counted only, below a number.
    """
    start = starts[boot]
    first = _first(boot, starts)
    breaks = [0] if first == "broken" and not ranges.holds(start.contested, 0) else []
    count = ranges.total(start.broken) + start.summed[1] + len(breaks)
    for low, high in start.broken:
        breaks += range(low, min(high, low + MOST_BREAKS - len(breaks) - 1) + 1)
    others = _twins(boot, starts)
    return {
        "device": device,
        "boot": boot,
        "boot_n": start.boot_n,
        "received": [[run.first, run.last] for run in start.runs],
        "missing": [list(one) for one in start.missing()],
        "doubled": start.doubled,
        "conflicts": start.conflicts,
        "chain": {
            "holds": not count and not start.conflicts and not others,
            "breaks": breaks[:MOST_BREAKS],
            "broken": count,
            "contested": [list(one) for one in start.contested],
            "unlinked": [list(one) for one in start.unlinked],
            "first": first,
        },
        "tail": _tail(boot, starts),
        "twins": others,
        "overflow": [_lost(*one) for one in start.lost],
        "silences": _silences(boot, starts),
        "summed": {
            "below": start.floor,
            "missing": start.summed[0],
            "broken": start.summed[1],
            "silences": start.left_out,
        },
    }


def chain_at(boot: str, seq: int, starts: Mapping[str, Start]) -> Chain:
    """Whether the chain holds around one report: to the one before it, and from the one after it.

    ``unknown`` where the one before did not come, is contested, or is not named. Raises KeyError.
    """
    start = starts[boot]
    if _twins(boot, starts):
        return "broken"
    if any(ranges.holds(held, one) for held, one in _faults(start, seq)):
        return "broken"
    if seq == 0:
        return _first(boot, starts)
    if ranges.holds(start.unlinked, seq) or not start.received(seq) or not start.received(seq - 1):
        return "unknown"
    return "unknown" if ranges.holds(start.contested, seq - 1) else "holds"


def _faults(start: Start, seq: int) -> tuple[tuple[ranges.Ranges, int], ...]:
    return (start.contested, seq), (start.broken, seq), (start.broken, seq + 1)


def _twins(boot: str, starts: Mapping[str, Start]) -> list[str]:
    """The other starts of the same count, where both have a chain."""
    own = starts[boot]
    if own.boot_n is None or not own.linked:
        return []
    return sorted(
        name for name, one in starts.items() if name != boot and one.linked and one.boot_n == own.boot_n
    )


def _beside(boot: str, starts: Mapping[str, Start], step: int) -> list[Start]:
    """The starts next before (``step`` -1) or after (1) this one by their count."""
    own = starts[boot].boot_n
    if own is None:
        return []
    counts = {one.boot_n for one in starts.values() if one.boot_n is not None}
    side = [count for count in counts if (count - own) * step > 0]
    if not side:
        return []
    near = min(side, key=lambda count: abs(count - own))
    return [one for one in starts.values() if one.boot_n == near]


def _first(boot: str, starts: Mapping[str, Start]) -> Chain:
    """Whether report 0 names the last report of the start before."""
    start, earlier = starts[boot], _beside(boot, starts, -1)
    if ranges.holds(start.contested, 0):
        return "broken"
    if start.root is None:
        return "unknown"
    if not start.root:
        if not earlier:
            return "holds"
        return "broken" if start.linked and any(one.linked for one in earlier) else "unknown"
    return "holds" if any(one.tip() == start.root for one in earlier) else "unknown"


def _tail(boot: str, starts: Mapping[str, Start]) -> str:
    """Whether all reports up to the next start came."""
    later, tip = _beside(boot, starts, 1), starts[boot].tip()
    if not later:
        return "open"
    roots = [one.root for one in later if one.root]
    if tip is not None and tip in roots:
        return "whole"
    return "cut" if roots else "unknown"


def _lost(t_ms: int, reports: int, boot: str, last_seq: int) -> dict[str, Any]:
    return {
        "t_ms": t_ms,
        "reports": reports,
        "boot": boot or None,
        "last_seq": None if last_seq < 0 else last_seq,
    }


def _silences(boot: str, starts: Mapping[str, Start]) -> list[dict[str, Any]]:
    """Where samples are far apart, with whether the device says that it had no coverage then."""
    start = starts[boot]
    said, covered = list(start.said), start.covered
    ends = [one.covered[-1][1] for one in _beside(boot, starts, -1) if one.covered]
    for one in (*_beside(boot, starts, -1), *_beside(boot, starts, 1)):
        said += one.said
    holes = [(before[1], after[0]) for before, after in pairwise(covered)]
    if ends and covered and covered[0][0] - max(ends) > SILENCE_MS:
        holes.insert(0, (max(ends), covered[0][0]))
    return [
        {
            "from_ms": begin,
            "to_ms": end,
            "explained": any(low - SILENCE_MS <= begin and end <= high + SILENCE_MS for low, high in said),
        }
        for begin, end in holes
    ]
