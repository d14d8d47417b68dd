"""What a partition's owner appends to the log itself: notes to gates and other partitions, and ticks.

Notes are sent after their events are committed, and before a snapshot covers them: after a crash in between,
folding on from the snapshot gives them again. Nothing is sent before the log is caught up with, and then of
those to this partition only what the engine has not heard. Other partitions may be told again what they
heard, also by one that was the owner and does not know it yet: a note that comes twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streams.engine import Engine
from streams.engine.queues import Note, encode
from streams.homes import Handed, home
from streams.records import NewRecord, RecordKind

_IDLE_S: Final = 60.0
_AGAIN_S: Final = 0.02
_PORTION: Final = 8 << 20  # bytes of notes that are appended at once, but for one that is longer


class Outbox:
    """Notes of committed events that are not in the log yet; of each crossing the newest.

    ``refused``: the log took none when they were sent last.
    """

    def __init__(self, end: int) -> None:
        """``end``: of the log when its owner began; up to there it may hold notes already."""
        self.end, self.refused = end, False
        self._owed: dict[str, Note] = {}
        self._handed: list[Handed] = []
        self._given = 0  # of those handed: how many the last records were of

    def __bool__(self) -> bool:
        return bool(self._owed or self._handed)

    def add(self, notes: Iterable[Note], handed: Iterable[Handed] = ()) -> None:
        """Owe these; they come in the order of their revisions."""
        self._owed.update((note.id, note) for note in notes)
        self._handed += handed

    def records(self, engine: Engine) -> list[NewRecord]:
        """What is to be appended now, some megabytes at most; empty when the engine heard of all.

        What is handed to other partitions comes first, in its order, then one record a gate. They carry the
        engine's now: a note tells nothing newer than what it was made of.
        """
        size = 0
        found: list[NewRecord] = []
        for one in self._handed:
            size += len(one.body)
            if found and size > _PORTION:
                break
            found.append(NewRecord(one.to, RecordKind.NOTE, engine.now_ms, one.key, one.body))
        self._given = len(found)
        return found if self._given < len(self._handed) else found + self._to_gates(engine)

    def _to_gates(self, engine: Engine) -> list[NewRecord]:
        by_gate: dict[str, list[Note]] = {}
        for note in self._owed.values():
            if self._home(note.gate, engine) != engine.partition or not engine.queues.knows(note):
                by_gate.setdefault(note.gate, []).append(note)
        return [
            NewRecord(self._home(gate, engine), RecordKind.NOTE, engine.now_ms, gate, encode(notes))
            for gate, notes in sorted(by_gate.items())
        ]

    @staticmethod
    def _home(gate: str, engine: Engine) -> int:
        return engine.partition if engine.partitions == 1 else home(gate, engine.partitions)

    def all(self, engine: Engine) -> list[NewRecord]:
        """All that is owed; it is not any more."""
        found: list[NewRecord] = []
        while self:
            found += self.records(engine)
            self.clear()
        return found

    def clear(self) -> None:
        """What ``records`` gave last is in the log."""
        if self._given == len(self._handed):
            self._owed.clear()
        del self._handed[: self._given]
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
