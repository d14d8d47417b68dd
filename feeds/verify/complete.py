"""That no report is missing: numbers and chains of the feed's heads, against what the export says came.

A hole that the statement knows (the report never came) is told in a note: nobody can show what never
arrived. A hole that it does not know is a report that was taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, TypeAlias

from feeds.completeness import Start
from feeds.verify.finding import Finding, Result, VerifyError
from feeds.verify.records import Told

_MOST_SAID: Final = 5
_MOST_NOTED: Final = 20
Key: TypeAlias = tuple[str, str]
"""Device and boot."""


@dataclass(frozen=True, slots=True)
class Period:
    """What must be there: with ``begin`` the first reports of all, with ``end`` the last ones up to the
    heads. ``parts``: a vehicle may be in the feed at times that are apart from each other."""

    begin: bool
    end: bool
    parts: bool = False


def check_complete(
    reports: Iterable[Told], statements: Any, redacted: int, period: Period, result: Result
) -> str:
    """Check and tell; returns what holds if nothing was found.

    ``redacted``: how many reports have no head any more; each may be one of those that are missed, once.
    Raises VerifyError for statements that are not readable.
    """
    check = _Check(_statements(statements), redacted, period, result)
    for one in sorted(reports):
        check.take(one)
    return check.finish()


@dataclass(slots=True)
class _Check:
    """``redacted`` is what is left of it."""

    told: Mapping[Key, Mapping[str, Any]]
    redacted: int
    period: Period
    result: Result
    starts: dict[Key, Start] = field(default_factory=dict)
    where: dict[Key, int] = field(default_factory=dict)
    never: int = 0
    before: int = 0

    def take(self, one: Told) -> None:
        """A report of the feed, in the order of the logs."""
        key = (one.device, one.boot)
        self.where[key] = one.log
        start = self.starts.get(key)
        if start is None:
            start = self.starts[key] = Start()
        try:
            start.add(one.boot_n, one.seq, one.hash, one.prev, one.conflict, one.counted)
        except (TypeError, AttributeError, ValueError, KeyError) as error:
            says = f"head of a report is not usable: {error!r:.80}"
            self.result.add(Finding("content", says, one.log, one.place))

    def finish(self) -> str:
        """Tell; returns what holds."""
        earliest = self._earliest()
        for key, start in sorted(self.starts.items()):
            if start.uncounted:
                self._uncounted(key, start)
            else:
                self._holes(key, start, key in earliest)
            for first, last in start.broken:
                for seq in range(first, min(last, first + _MOST_SAID - 1) + 1):
                    says = "it does not name the report before it: that one was exchanged"
                    self._finds("chain", says, key, seq)
        self._absent()
        self._counts()
        if self.never:
            says = "reports never arrived, as the export says; nobody can show them"
            self.result.notes.append(f"{self.never:,} {says}")
        if not (self.period.begin and self.period.end):
            ends = [] if self.period.begin else ["before the first one of each device"]
            ends += [] if self.period.end else ["after the last one of each start"]
            ends += ["between those of vehicles that come and go"] if self.period.parts else []
            says = "that belong to the feed's period would not be missed"
            self.result.notes.append(f"reports {' and '.join(ends)} {says}")
        devices = len({device for device, _ in self.starts})
        if self.period.parts:
            return f"chains of {devices} devices in {len(self.starts)} starts hold"
        where = "" if self.period.begin and self.period.end else " between those that are there"
        return f"no report of {devices} devices in {len(self.starts)} starts was taken out{where}"

    def _earliest(self) -> set[Key]:
        """Of each device the first of its starts in the feed; all those of which that can't be said."""
        lowest: dict[str, int] = {}
        for (device, _), start in self.starts.items():
            if start.boot_n is not None:
                lowest[device] = min(start.boot_n, lowest.get(device, start.boot_n))
        return {
            key
            for key, start in self.starts.items()
            if start.boot_n is None or start.boot_n == lowest.get(key[0])
        }

    def _uncounted(self, key: Key, start: Start) -> None:
        came = (self.told.get(key) or {}).get("uncounted")
        if not (self.period.begin and self.period.end):
            return
        if type(came) is not int or not self._excused(came - start.uncounted):
            says = f"{came} reports that are not numbered came, {start.uncounted} are in the feed"
            self._finds("completeness", says, key)

    def _holes(self, key: Key, start: Start, earliest: bool) -> None:
        """Holes that are not known as never arrived."""
        told = self.told.get(key)
        if told is None:
            self._finds("completeness", "completeness.json has no such start", key)
            return
        for first, last in start.missing():
            if self.period.parts or (first == 0 and earliest and not self.period.begin):
                continue  # from before the feed's period, or between its periods
            gone = [
                (max(first, low), min(last, high))
                for low, high in told["received"]
                if low <= last and high >= first
            ]
            taken = sum(high - low + 1 for low, high in gone)
            self.never += last - first + 1 - taken
            if self._excused(taken):
                continue
            for low, high in gone[:_MOST_SAID]:
                some = f"{low}" if low == high else f"{low} to {high}"
                self._finds("completeness", f"report {some} came, and is not in the feed", key, low)
        end = start.runs[-1].last if start.runs else -1
        ends = told["received"][-1][1] if told["received"] else -1
        if self.period.end and ends > end:
            if not self._excused(sum(max(0, high - max(low, end + 1) + 1) for low, high in told["received"])):
                why = "cut off, or the device has another vehicle now"
                says = f"the feed ends at {end}, reports up to {ends} came: {why}"
                self._finds("completeness", says, key, end + 1)
        elif ends < end:
            says = f"completeness.json says that reports came up to {ends} only"
            self._finds("completeness", says, key, end)

    def _absent(self) -> None:
        """Starts of which reports came and none is in the feed."""
        outside = 0
        for key in sorted(self.told.keys() - self.starts.keys()):
            told = self.told[key]
            uncounted = told.get("uncounted")
            came = sum(high - low + 1 for low, high in told["received"])
            came += uncounted if type(uncounted) is int else 0
            if came <= 0:
                continue
            if not (self.period.begin and self.period.end):
                outside += 1
            elif not self._excused(came):
                self._finds("completeness", f"{came} reports of this start came, none is in the feed", key)
        if outside:
            says = (
                "starts that the export tells of has no report in the feed: out of its period, or taken out"
            )
            says = says if outside == 1 else says.replace("has", "have", 1)
            self.result.notes.append(f"{outside:,} {says}")

    def _counts(self) -> None:
        """Starts are counted by the device; one may have sent nothing."""
        devices: dict[str, set[int]] = {}
        for (device, _), start in self.starts.items():
            if start.boot_n is not None:
                devices.setdefault(device, set()).add(start.boot_n)
        gaps = [
            f"device {device} starts {low + 1} to {high - 1}"
            for device, counts in sorted(devices.items())
            for low, high in pairwise(sorted(counts))
            if high - low > 1
        ]
        if gaps:
            more = f" and {len(gaps) - _MOST_NOTED} more" if len(gaps) > _MOST_NOTED else ""
            says = f"{'; '.join(gaps[:_MOST_NOTED])}{more}"
            self.result.notes.append(
                f"of these starts nothing is in the feed, it may have come to nothing: {says}"
            )

    def _excused(self, missed: int) -> bool:
        """Whether so many may be among the redacted ones; these excuse nothing else then."""
        if missed > self.redacted:
            return False
        self.redacted -= max(0, missed)
        return True

    def _finds(self, check: str, says: str, key: Key, seq: int | None = None) -> None:
        log = self.where.get(key)
        if log is None:
            told = self.told.get(key, {}).get("log")
            log = told if type(told) is int else None
        self.result.add(Finding(check, says, log, None, *key, seq))


def _statements(told: Any) -> dict[Key, Mapping[str, Any]]:
    try:
        found = {(str(one["device"]), str(one["boot"])): one for one in told}
        for one in found.values():
            for low, high in one["received"]:
                if type(low) is not int or type(high) is not int:
                    raise TypeError(f"received {low!r} to {high!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise VerifyError(f"completeness.json is not readable: {error!r:.80}") from None
    return found
