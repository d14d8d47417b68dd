"""Which report goes out when: the device protocol's rules of sending, without a clock or a socket.

At most 64 reports are unacknowledged in flight; each is sent again after 10 s, doubling to 10 minutes,
with jitter, always the same bytes; an ``ack`` that names a report durable or refused ends it, ``later``
moves its next sending. What is not acknowledged stays in the flash memory whatever happens here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from firmware_sim.flash import Flash, Key
from firmware_sim.noise import fraction
from firmware_sim.wire import Ack

MAX_IN_FLIGHT = 64
FIRST_RETRY_S = 10.0
LAST_RETRY_S = 600.0


@dataclass(slots=True)
class _Flight:
    due_s: float
    tries: int = 0


@dataclass(slots=True)
class Counters:
    """What a unit can say about its sending."""

    sent: int = 0
    sent_again: int = 0
    durable: int = 0
    refused: int = 0
    later: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class Outbox:
    """The sending side of one unit; times are seconds of any steady clock."""

    def __init__(self, flash: Flash, name: str) -> None:
        self.flash, self.name = flash, name
        self.counters = Counters()
        self._waiting: deque[Key] = deque(flash.keys())
        self._flying: dict[Key, _Flight] = {}

    def add(self, key: Key) -> None:
        """A new report is stored."""
        self._waiting.append(key)

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def next_due_s(self) -> float | None:
        """When something may be sent next: 0 for at once, None for nothing to send."""
        if self._waiting and len(self._flying) < MAX_IN_FLIGHT:
            return 0.0
        return min((flight.due_s for flight in self._flying.values()), default=None)

    def take(self, now_s: float, limit: int = MAX_IN_FLIGHT) -> list[Key]:
        """The reports to send now, oldest first, counted as sent: those due again, then new ones."""
        found: list[Key] = []
        for key, flight in list(self._flying.items()):
            if key not in self.flash:
                del self._flying[key]
            elif flight.due_s <= now_s and len(found) < limit:
                found.append(key)
        while self._waiting and len(self._flying) < MAX_IN_FLIGHT and len(found) < limit:
            key = self._waiting.popleft()
            if key in self.flash:
                self._flying[key] = _Flight(now_s)
                found.append(key)
        for key in found:
            flight = self._flying[key]
            self.counters.sent += 1
            self.counters.sent_again += flight.tries > 0
            flight.due_s = now_s + self._pause_s(key, flight.tries)
            flight.tries += 1
        return found

    def _pause_s(self, key: Key, tries: int) -> float:
        pause = min(FIRST_RETRY_S * 2.0 ** min(tries, 10), LAST_RETRY_S)
        return pause * (0.8 + 0.4 * fraction(self.name, key.boot, key.seq, tries))

    def acknowledge(self, ack: Ack, now_s: float) -> None:
        """Take an answer of the gateway: forget what is durable or refused, hold back what is "later"."""
        ends = [*ack.durable, *((seq, seq) for seq, _ in ack.refused)]
        refused = dict(ack.refused)
        for key in self.flash.forget(ack.boot, ends):
            self._flying.pop(key, None)
            if key.seq in refused:
                self.counters.refused += 1
                self._reason(refused[key.seq])
            else:
                self.counters.durable += 1
        for first, last, seconds, reason in ack.later:
            for key, flight in self._flying.items():
                if key.boot == ack.boot and first <= key.seq <= last:
                    flight.due_s = now_s + min(max(seconds, 1.0), LAST_RETRY_S)
                    self.counters.later += 1
                    self._reason(reason)

    def _reason(self, reason: str) -> None:
        self.counters.reasons[reason] = self.counters.reasons.get(reason, 0) + 1

    def connected(self, now_s: float) -> None:
        """A new connection: what was in flight on the old one is soon sent again, its pauses start over."""
        for key, flight in self._flying.items():
            flight.tries = 1 if flight.tries else 0
            flight.due_s = min(flight.due_s, now_s + self._pause_s(key, 0))
