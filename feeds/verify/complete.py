"""That no report is missing: numbers and chains of the feed's heads, against what the export says came.

A hole that the statement knows (the report never came) is told in a note: nobody can show what never
arrived. A hole that it does not know is a report that was taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from feeds.completeness import Start
from feeds.verify.finding import Finding, Result, VerifyError
from feeds.verify.records import Told

_MOST_SAID = 5


def check_complete(
    reports: Iterable[Told],
    statements: Any,
    redacted: int,
    open_begin: bool,
    open_end: bool,
    result: Result,
) -> dict[tuple[str, str], Start]:
    """Check and tell; returns what came of each device's start by the heads.

    ``redacted``: how many reports have no head any more; ``open_begin``: it has all reports from
    the first on; ``open_end``: it had not ended when it was made, so its last reports must be there.
    """
    starts: dict[tuple[str, str], Start] = {}
    where: dict[tuple[str, str], int] = {}
    for one in sorted(reports, key=lambda told: (told.log, told.place)):
        values = one.head
        key = (str(values["device"]), str(values["boot"]))
        where[key] = one.log
        start = starts.setdefault(key, Start())
        conflict = values["verdict"] == "conflict"
        counted = not str(values["topic"]).endswith("/nmea")
        try:
            start.add(values["boot_n"], values["seq"], values["hash"], values["prev"], conflict, counted)
        except (TypeError, AttributeError, ValueError, KeyError) as error:
            result.add(
                Finding("content", f"head of a report is not usable: {error!r:.80}", one.log, one.place)
            )
    told = _statements(statements)
    missing = 0
    for key, start in sorted(starts.items()):
        if start.uncounted:
            came = (told.get(key) or {}).get("uncounted")
            if open_begin and open_end and (type(came) is not int or start.uncounted + redacted < came):
                says = f"{came} reports that are not numbered came, {start.uncounted} are in the feed"
                result.add(Finding("completeness", says, where[key], None, *key))
            continue
        missing += _holes(key, start, told.get(key), redacted, open_begin, open_end, where[key], result)
        for first, last in start.broken:
            for seq in range(first, min(last, first + _MOST_SAID - 1) + 1):
                says = "it does not name the report before it: that one was exchanged"
                result.add(Finding("chain", says, where[key], None, *key, seq))
    if missing:
        result.notes.append(f"{missing:,} reports never arrived, as the export says; nobody can show them")
    return starts


def _holes(
    key: tuple[str, str],
    start: Start,
    told: Mapping[str, Any] | None,
    redacted: int,
    open_begin: bool,
    open_end: bool,
    log: int,
    result: Result,
) -> int:
    """Holes that are known as never arrived; the others are findings."""
    if told is None:
        result.add(Finding("completeness", "completeness.json has no such start", log, None, *key))
        return 0
    known = 0
    for first, last in start.missing():
        if not open_begin and first == 0:
            continue  # from before the feed's period
        gone = [
            (max(first, int(low)), min(last, int(high)))
            for low, high in told["received"]
            if int(low) <= last and int(high) >= first
        ]
        taken = sum(high - low + 1 for low, high in gone)
        known += last - first + 1 - taken
        if taken <= redacted:
            redacted -= taken
            continue
        for low, high in gone[:_MOST_SAID]:
            some = f"{low}" if low == high else f"{low} to {high}"
            result.add(
                Finding("completeness", f"report {some} came, and is not in the feed", log, None, *key, low)
            )
    end, ends = (
        start.runs[-1].last if start.runs else -1,
        int(told["received"][-1][1]) if told["received"] else -1,
    )
    if open_end and ends > end:
        if ends - end <= redacted:
            return known
        why = "cut off, or the device has another vehicle now"
        says = f"the feed ends at {end}, reports up to {ends} came: {why}"
        result.add(Finding("completeness", says, log, None, *key, end + 1))
    elif ends < end:
        says = f"completeness.json says that reports came up to {ends} only"
        result.add(Finding("completeness", says, log, None, *key, end))
    return known


def _statements(told: Any) -> dict[tuple[str, str], Mapping[str, Any]]:
    try:
        found = {(str(one["device"]), str(one["boot"])): one for one in told}
        for one in found.values():
            for low, high in one["received"]:
                if type(low) is not int or type(high) is not int:
                    raise TypeError(f"received {low!r} to {high!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise VerifyError(f"completeness.json is not readable: {error!r:.80}") from None
    return found
