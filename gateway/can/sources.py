"""Which sender counts for a signal, as several units may send the same one with other values.

Two odometers on one bus can differ by kilometres, so that switching between them would look like
movement. The rule: the group of finer resolution before the coarser, among its senders the lowest
address; once chosen, a sender stays until a finer group appears or it has been silent for a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SILENT_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sender's value of a signal; ``rank`` 0 is the finer group."""

    rank: int
    source: int
    value: float


@dataclass(slots=True)
class _Chosen:
    rank: int
    source: int
    last_ms: int


class Sources:
    """The chosen sender of each signal of one bus."""

    def __init__(self) -> None:
        self._chosen: dict[str, _Chosen] = {}

    def choose(self, name: str, t_ms: int, candidates: list[Candidate]) -> Candidate | None:
        """The candidate that counts at ``t_ms``; None when the chosen sender is only paused."""
        best = min(candidates, key=lambda item: (item.rank, item.source))
        now = self._chosen.get(name)
        if now is not None and best.rank >= now.rank and abs(t_ms - now.last_ms) <= SILENT_MS:
            for item in candidates:
                if (item.rank, item.source) == (now.rank, now.source):
                    now.last_ms = t_ms
                    return item
            return None
        self._chosen[name] = _Chosen(best.rank, best.source, t_ms)
        return best
