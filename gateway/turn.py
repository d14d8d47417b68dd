"""Which gateway of a group holds the one session of raw NMEA: decided by talk on the group's topic.

MQTT lets whoever connects last under a client id throw the other out, so two gateways that both want a
session would take it from each other for ever. Here a gateway asks before it connects, waits for whoever
holds it to answer, and stands by as long as somebody does. Two that claim at once are settled by the broker:
who is thrown out asks, and is answered. Pure: told what is heard and the time, it says what to publish.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

ANSWER_S: Final = 1.0
"""How long an answer is waited for, once our own question has come back from the broker."""

BEAT_S: Final = 3.0
"""How often the holder says that it holds."""

SILENCE_S: Final = 10.0
"""After so long without a word of the holder the others ask: it may be frozen."""

_LONGEST_S: Final = 60.0


class Stand(Enum):
    """Where a gateway stands."""

    AWAY = "no connection to the group"
    ASKING = "asking who holds it"
    STANDING_BY = "standing by"
    CLAIMING = "connecting"
    HOLDING = "holding it"


class Turn:
    """One gateway's view. ``wants`` is whether it should be connected to the session now."""

    def __init__(self, me: str) -> None:
        self.me = me
        self.stand = Stand.AWAY
        self.holder: str | None = None
        self._since = 0.0  # when this stand began, or the holder was heard last
        self._echoed: float | None = None  # when our question came back; None: not yet
        self._wait_s = ANSWER_S
        self._not_before = 0.0  # before then somebody else may claim
        self._said: float | None = None

    @property
    def wants(self) -> bool:
        """Whether to be connected to the session."""
        return self.stand in (Stand.CLAIMING, Stand.HOLDING)

    def join(self, now: float) -> str | None:
        """The group's topic is subscribed, for the first time or again. Returns what to publish."""
        return self._beat(now) if self.stand is Stand.HOLDING else self._ask(now)

    def leave(self) -> None:
        """The connection that the group is heard by is gone: who holds the session goes on, others wait."""
        if not self.wants:
            self.stand = Stand.AWAY

    def hear(self, message: str, now: float) -> str | None:
        """A message of the group's topic, our own included. Returns what to publish."""
        word, _, who = message.partition(" ")
        if who == self.me:
            if word == "who" and self.stand is Stand.ASKING and self._echoed is None:
                self._echoed = now
            return None
        if word == "who":
            if self.wants:
                return self._beat(now)
            if self.stand is Stand.ASKING:
                if who > self.me:
                    return f"who {self.me}"  # it may have come after our question
                self._not_before = now + 2 * ANSWER_S  # it comes first
        elif word == "held" and not self.wants and self.stand is not Stand.AWAY:
            self.stand, self.holder, self._since, self._wait_s = Stand.STANDING_BY, who, now, ANSWER_S
        elif word == "free" and self.stand is Stand.STANDING_BY and who == self.holder:
            return self._ask(now)
        return None

    def tick(self, now: float) -> str | None:
        """Time passes. Returns what to publish."""
        if self.stand is Stand.ASKING:
            asked = self._echoed is not None and now - self._echoed >= self._wait_s
            if asked and now >= self._not_before:
                self.stand, self._since = Stand.CLAIMING, now
            elif self._echoed is None and now - self._since >= SILENCE_S:
                return self._ask(now)
        elif self.stand is Stand.STANDING_BY and now - self._since >= SILENCE_S:
            return self._ask(now)
        elif self.stand is Stand.HOLDING and (self._said is None or now - self._said >= BEAT_S):
            return self._beat(now)
        return None

    def hold(self, now: float) -> str | None:
        """The session is ours: connected and subscribed. Returns what to publish."""
        if self.stand is not Stand.CLAIMING:
            return None
        self.stand, self.holder, self._since = Stand.HOLDING, self.me, now
        return self._beat(now)

    def lose(self, now: float) -> str | None:
        """The session's connection is lost or did not come about. Returns what to publish.

        Whoever loses it soon after it was got waits longer each time.
        """
        if not self.wants:
            return None
        soon = self.stand is Stand.CLAIMING or now - self._since < _LONGEST_S
        self._wait_s = min(self._wait_s * 2, _LONGEST_S) if soon else ANSWER_S
        self.holder = None
        return self._ask(now)

    def free(self) -> str | None:
        """We go. Returns what to publish, and what the broker is to publish when we die: ``will``."""
        held, self.stand = self.stand is Stand.HOLDING, Stand.AWAY
        return self.will if held else None

    @property
    def will(self) -> str:
        """What the broker is to tell the others when this gateway is gone."""
        return f"free {self.me}"

    def _ask(self, now: float) -> str:
        self.stand, self._since, self._echoed = Stand.ASKING, now, None
        return f"who {self.me}"

    def _beat(self, now: float) -> str:
        self._said = now
        return f"held {self.me}"
