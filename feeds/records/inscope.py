"""What of a device's starts is a feed's: when it has reports of them, and what may be told of those times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from feeds.completeness import Start
from feeds.grants.assets import ALWAYS, Spans, within
from feeds.grants.grant import Grant
from feeds.ledger.reading import LedgerReader

_LATE_MS: Final = 3_600_000
"""A report without samples has the time of its receiving: so long after samples it is looked for."""


def times_of(
    ledgers: Sequence[LedgerReader],
    device: str,
    boot: str,
    start: Start,
    wanted: Mapping[str, Spans],
    sizes: Mapping[int, int] | None,
) -> Spans:
    """Those of the times ``wanted`` (by asset) in which the start has reports; ``sizes``: below these places.

    Raises LedgerError.
    """
    if start.covered:
        first, last = start.covered[0][0] - _LATE_MS, start.covered[-1][1] + _LATE_MS
    else:
        first, last = ALWAYS[0]
    found = {
        span
        for asset, spans in wanted.items()
        for span in spans
        if span[0] <= last
        and first < span[1]
        and any(
            ledger.reported(device, boot, asset, *span, None if sizes is None else sizes.get(log, 0))
            for log, ledger in enumerate(ledgers)
        )
    }
    return tuple(sorted(found))


def in_period(spans: Spans, grant: Grant) -> Spans:
    """Times of an asset as far as they are in the feed's period."""
    end = ALWAYS[0][1] if grant.to_ms is None else grant.to_ms
    cut = ((max(begin, grant.from_ms), min(until, end)) for begin, until in spans)
    return tuple((begin, until) for begin, until in cut if begin < until)


def told_of(statement: dict[str, Any], times: Spans, grant: Grant) -> dict[str, Any]:
    """A statement without what it says of other times; a coarse feed tells of no times at all."""
    if grant.fields != "precise":
        return {**statement, "overflow": [], "silences": [], "overlaps": []}
    spans = {
        name: [
            {**one, "from_ms": max(one["from_ms"], begin), "to_ms": min(one["to_ms"], end)}
            for one in statement[name]
            for begin, end in times
            if one["from_ms"] < end and begin < one["to_ms"]
        ]
        for name in ("silences", "overlaps")
    }
    overflow = [one for one in statement["overflow"] if within(times, one["t_ms"])]
    return {**statement, "overflow": overflow, **spans}
