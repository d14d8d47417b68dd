"""Open objects that a later revision may change, and how each revision is announced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streams.events import Change, Kind

Announce = Callable[[Kind, str, int, Change, int, dict[str, Any]], None]
"""(kind, id, revision, change, t_ms, data): one revision of one object of the asset in hand."""


@dataclass(slots=True)
class Revised:
    """An object's id and how often it was announced."""

    kind: Kind
    id: str
    revision: int = 0

    def announce(self, say: Announce, t_ms: int, data: dict[str, Any]) -> None:
        """Say the next revision: created by the first, amended by the others."""
        self.revision += 1
        say(
            self.kind,
            self.id,
            self.revision,
            Change.CREATED if self.revision == 1 else Change.AMENDED,
            t_ms,
            data,
        )
