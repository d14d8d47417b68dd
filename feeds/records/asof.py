"""Statements of completeness as of the signed heads, though more has come since.

What a book keeps of a device is as of now; a feed ends at its heads. So what stands above the heads is taken
out of the numbers received, and what of it lies below others is missing as of then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

from feeds.ledger.entry import EntryKind
from feeds.ledger.reading import LedgerReader
from feeds.ledger.reports import HEAD
from feeds.records.content import head_of

Tails: TypeAlias = Mapping[tuple[str, str], set[int]]
"""By device and boot the numbers that came above the heads."""
_AT_ONCE: Final = 1_000
_NAMED: Final = 100
_END: Final = 2**62


def tail_of(ledger: LedgerReader, size: int, assets: Sequence[str]) -> dict[tuple[str, str], set[int]]:
    """The numbers of reports of ``assets`` at places ``size`` and above, whose first bytes came there.

    Read it after what was kept of the starts: what comes in between is in both. Raises LedgerError.
    """
    found: dict[tuple[str, str], set[int]] = {}
    allowed, at = frozenset(assets), size
    named = assets if len(assets) <= _NAMED else None
    while True:
        kept = ledger.records(at, _END, _AT_ONCE, named, EntryKind.REPORT)
        for row in kept:
            if row.asset in allowed and row.groups is not None:
                head = head_of(row.groups[HEAD])
                if head["verdict"] != "conflict":
                    found.setdefault((head["device"], head["boot"]), set()).add(head["seq"])
        if len(kept) < _AT_ONCE:
            return found
        at = kept[-1].place + 1


def as_of(statement: dict[str, Any], tails: Tails) -> dict[str, Any] | None:
    """``statement`` without the numbers of ``tails``; None when nothing had come yet."""
    seqs = tails.get((statement["device"], statement["boot"]))
    if not seqs:
        return statement
    if statement["uncounted"]:  # their numbers are the gateway's, each one of a report
        left = statement["uncounted"] - len(seqs)
        return {**statement, "uncounted": left} if left > 0 else None
    before = [tuple(one) for one in statement["received"]]
    received = without(before, seqs)
    if not received:
        return None
    first = min(low for low, _ in (*before, *statement["missing"]))
    missing = [[first, received[0][0] - 1]] if received[0][0] > first else []
    missing += [[left[1] + 1, right[0] - 1] for left, right in pairwise(received)]
    chain = statement["chain"]
    breaks = [seq for seq in chain["breaks"] if seq not in seqs]
    gone = len(chain["breaks"]) - len(breaks)
    return {
        **statement,
        "received": [list(one) for one in received],
        "missing": missing,
        "chain": {**chain, "breaks": breaks, "broken": chain["broken"] - gone},
    }


def without(ranges: Sequence[Sequence[int]], numbers: set[int]) -> list[tuple[int, int]]:
    """Ranges [first, last], ascending, without some numbers."""
    left = []
    for first, last in ranges:
        at = first
        for gone in sorted(one for one in numbers if first <= one <= last):
            if gone > at:
                left.append((at, gone - 1))
            at = gone + 1
        if at <= last:
            left.append((at, last))
    return left
