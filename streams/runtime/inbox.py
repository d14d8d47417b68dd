"""Where the records of a partition wait that are given to its owner, and how a hole among them is noticed.

Records are given by one thread, in the order of a stream that may begin anywhere, repeat itself or leap
after a rebalance. Taken in order and without a hole they wait here; if one is ahead, or there is no room,
nothing waits any more: the owner reads the log itself until it has caught up.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from streams.records import LogRecord

_ROOM: Final = 8 << 20
_OVERHEAD: Final = 500  # bytes of a record beside its body


class Inbox:
    """Bounded; for one giver and one owner."""

    def __init__(self, room: int = _ROOM) -> None:
        """``room``: bytes that may wait; one record more is let in."""
        self._room = room
        self._waiting: deque[LogRecord] = deque()
        self._size = 0
        self._tail = 0  # position of the last record that was let in or folded
        self._behind = True
        self.seen = 0  # the highest position that is known to be in the log
        self._changed = threading.Condition()

    def offer(self, record: LogRecord) -> bool:
        """Give a record; False when there is no room for it, and it may be given again.

        One that was given or folded before is let go; one that is ahead makes the owner read the log.
        """
        with self._changed:
            self.seen = max(self.seen, record.position)
            if record.position <= self._tail or self._behind:
                return True
            if record.position > self._tail + 1:
                self._fall_behind()
                return True
            if self._size >= self._room:
                return False
            self._waiting.append(record)
            self._tail, self._size = record.position, self._size + _size(record)
            self._changed.notify()
            return True

    def give_up(self) -> None:
        """What was offered last is not offered again: the owner is to read it."""
        with self._changed:
            self._fall_behind()

    def begin(self, position: int, end: int) -> None:
        """The owner is at ``position``, and the log goes up to ``end``."""
        with self._changed:
            self._waiting.clear()
            self._size, self._tail, self._behind = 0, position, True
            self.seen = max(self.seen, end)

    def take(self, most: int, wait_s: float) -> list[LogRecord]:
        """What follows what was taken before: ``most`` bytes or one record; none after ``wait_s``."""
        with self._changed:
            if not self._waiting and not self._behind:
                self._changed.wait(wait_s)
            found: list[LogRecord] = []
            size = 0
            while self._waiting and (not found or size + _size(self._waiting[0]) <= most):
                record = self._waiting.popleft()
                size += _size(record)
                found.append(record)
            self._size -= size
            return found

    def behind(self, position: int) -> bool:
        """Whether the owner, who has folded up to ``position`` and found nothing here, is to read the log.

        When it has caught up with all that is known of, what is given waits here again.
        """
        with self._changed:
            if self._behind and not self._waiting and position >= self.seen:
                self._behind, self._tail = False, position
            return self._behind

    def wake(self) -> None:
        """End a wait."""
        with self._changed:
            self._changed.notify_all()

    def _fall_behind(self) -> None:
        """What waits is still in order: it is taken first."""
        self._behind = True
        self._changed.notify()


def _size(record: LogRecord) -> int:
    return len(record.body) + _OVERHEAD
