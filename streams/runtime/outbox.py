"""What a partition's owner appends to the log itself: notes to gates, and ticks.

Notes are sent after their events are committed, and before a snapshot covers them: after a crash in between,
folding on from the snapshot gives them again. Those that the log holds already are folded on the way, so
nothing is sent before the log is caught up with, and then only what the engine has not heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streams.engine import Engine
from streams.engine.queues import Note, encode
from streams.records import NewRecord, RecordKind

_IDLE_S: Final = 60.0
_AGAIN_S: Final = 0.02


class Outbox:
    """Notes of committed events that are not in the log yet; of each crossing the newest.

    ``refused``: the log took none when they were sent last.
    """

    def __init__(self, end: int) -> None:
        """``end``: of the log when its owner began; up to there it may hold notes already."""
        self.end, self.refused = end, False
        self._owed: dict[str, Note] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    def add(self, notes: Iterable[Note]) -> None:
        """Owe these; they come in the order of their revisions."""
        self._owed.update((note.id, note) for note in notes)

    def records(self, engine: Engine) -> list[NewRecord]:
        """What is to be appended now, one record a gate; empty when the engine heard of all.

        They carry the engine's now: a note tells nothing newer than what it was made of.
        """
        by_gate: dict[str, list[Note]] = {}
        for note in self._owed.values():
            if not engine.queues.knows(note):
                by_gate.setdefault(note.gate, []).append(note)
        return [
            NewRecord(engine.partition, RecordKind.NOTE, engine.now_ms, gate, encode(notes))
            for gate, notes in sorted(by_gate.items())
        ]

    def clear(self) -> None:
        """All of it is in the log."""
        self._owed.clear()
        self.refused = False


class Beat:
    """When a tick is due: after a minute without a record, or soon while assets wait to be gone through
    again. Times are in seconds of any clock that never goes back."""

    def __init__(self, now_s: float) -> None:
        self._last = now_s

    def due(self, now_s: float, records: int, again: bool) -> bool:
        """Whether to append one. ``records``: read in the last step; ``again``: whether assets wait."""
        if not records and now_s - self._last < (_AGAIN_S if again else _IDLE_S):
            return False
        self._last = now_s
        return not records
