"""A case as it was told: its revisions, oldest first. Values only; who reads them from a store is an edge.

Instants are ms since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

ATTENTION: Final = ("manual_verification", "held")
"""Side states in which a case waits for a person."""
OVER: Final = ("cleared", "withdrawn", "expired", "closed")
"""States after which a case waits for nothing more."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a CASE object: ``data`` as the engine told it (integers in fixed units).

    ``recorded_ms``: the log's time of what caused it; ``position``: its place in the log.
    """

    revision: int
    change: str
    t_ms: int
    recorded_ms: int
    position: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A case and its revisions, oldest first; at least one. Older ones may be gone with the retention."""

    id: str
    asset: str
    revisions: Sequence[Revision]

    @property
    def now(self) -> Mapping[str, Any]:
        """The newest revision's data."""
        return self.revisions[-1].data

    def spans(self, until_ms: int) -> Iterator[tuple[str, int, int]]:
        """(state, from, to) by the log's time, one span a state held on to; the last one ends at
        ``until_ms`` unless its state is over."""
        state, since = "", 0
        for at in self.revisions:
            shown = str(at.data.get("state", ""))
            if shown != state:
                if state:
                    yield state, since, max(since, at.recorded_ms)
                state, since = shown, at.recorded_ms
        if state and state not in OVER:
            yield state, since, max(since, until_ms)


def instant(t_ms: int | None) -> str:
    """An instant for a sentence: to the second, in UTC."""
    if t_ms is None:
        return "an unknown time"
    return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def length(ms: int | None) -> str:
    """A duration for a sentence: in hours and minutes, below ten minutes in minutes and seconds."""
    if ms is None:
        return "an unknown time"
    sign, seconds = ("-" if ms < 0 else ""), abs(ms) // 1000
    if seconds < 600:
        return f"{sign}{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{sign}{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{sign}{hours} h {minutes} min" if hours else f"{sign}{minutes} min"
