"""The port of where events go: kept in order, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.events import Event


class ReplayDiffersError(Exception):
    """An event was folded again and is not what was kept under its number."""


class Sink(Protocol):
    """Where events go: the read model."""

    def apply(self, partition: int, position: int, events: Sequence[Event]) -> None:
        """Keep the events and that the log is covered up to ``position``: all or nothing, idempotent.

        Raises ReplayDiffersError when an event is not what is kept under its number.
        """
        ...

    def position(self, partition: int) -> int:
        """The log position that is covered."""
        ...

    def last_number(self, partition: int) -> int:
        """The number of the newest event kept, 0 when there is none."""
        ...
