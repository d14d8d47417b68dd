"""Whether this machine's clock goes with Kafka's: records carry our time, and the engine believes it.

A gateway whose clock is an hour ahead would take all deadlines an hour forward, for good; one an hour behind
would have every fix of its trucks look as if it came from the future. Kafka stamps each message when it is
appended, so every confirmation tells how far we are apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from streams.kafka.client import LogAwayError

MOST_MS: Final = 60_000
"""How far the clocks may be apart."""
_RETRY_S: Final = 5.0


class ClockOffError(LogAwayError):
    """Nothing is appended while the clock is off; set it, and it goes on by itself."""


class Clock:
    """What confirmations told of the clock. Threads may share it."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.now_ms = now_ms
        self._lock = threading.Lock()
        self._off_ms: int | None = None
        self._asked = float("-inf")

    @property
    def off_ms(self) -> int | None:
        """How far ahead our clock was when last compared; None when it never was."""
        return self._off_ms

    def compare(self, sent_ms: int, stamped_ms: int) -> None:
        """A message that was sent at ``sent_ms`` and just confirmed was stamped ``stamped_ms`` by Kafka."""
        now = self.now_ms()
        with self._lock:
            ahead, behind = sent_ms - stamped_ms, stamped_ms - now
            self._off_ms = ahead if ahead > 0 else -behind if behind > 0 else 0

    def require(self, ask: Callable[[], None]) -> None:
        """Raises ClockOffError when the clock is off. ``ask`` leads to a ``compare``, if there was none yet
        or, now and then, while it is off."""
        off = self._off_ms
        if off is None or abs(off) > MOST_MS:
            with self._lock:
                due = time.monotonic() - self._asked >= _RETRY_S or off is None
                self._asked = time.monotonic() if due else self._asked
            if due:
                ask()
                off = self._off_ms
        if off is not None and abs(off) > MOST_MS:
            way = "ahead of" if off > 0 else "behind"
            raise ClockOffError(
                f"this machine's clock is {abs(off) / 1000:.0f} s {way} Kafka's, want at most "
                f"{MOST_MS / 1000:.0f} s: nothing is taken until it is set",
                retry_after=_RETRY_S,
            )
