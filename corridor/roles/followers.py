"""The threads of an API instance: each follows a topic and keeps what it says where requests find it.

Kafka away is waited for; whatever else goes wrong is said, and begun again from what is kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from corridor.roles.remotelive import RemoteLive
from feeds.deadletters import DeadLetter, DeadLetters
from feeds.lettertopic import LettersFeed
from feeds.readmodel import ReadModel
from streams.events import Event, Kind
from streams.kafka.feed import Batch, EventFeed, Seen
from streams.kafka.settings import KafkaSettings
from streams.kafka.whereabouts import PositionsFeed
from streams.zones import ZoneBook
from streams.zoneversion import told

_AGAIN_S: Final = 1.0
_POLL_S: Final = 0.2
_log = logging.getLogger("corridor.api")


class Source(Protocol):
    """Something that is read on and on."""

    @property
    def caught_up(self) -> bool:
        """Whether all was given that there was when reading began."""
        ...

    def step(self) -> None:
        """Read what is new and keep it; waits a moment when there is nothing."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


class Follower(threading.Thread):
    """Steps one source for ever; begins again by ``make`` after any error."""

    def __init__(self, name: str, make: Callable[[], Source]) -> None:
        super().__init__(name=name, daemon=True)
        self._make = make
        self.halt = threading.Event()
        self.trouble: str | None = None
        self.caught_up = False

    def run(self) -> None:
        """Until told to stop."""
        while not self.halt.is_set():
            try:
                self._follow(self._make())
            except Exception as error:  # it is all in the topic: said, and read again
                self.trouble = f"{type(error).__name__}: {error}"
                _log.warning("not_followed topic=%s reason=%s", self.name, self.trouble)
                self.halt.wait(_AGAIN_S)

    def _follow(self, source: Source) -> None:
        try:
            while not self.halt.is_set():
                source.step()
                self.trouble = None
                self.caught_up = self.caught_up or source.caught_up
        finally:
            source.close()


class EventSource:
    """Events into the read model; then to those who want to hear of them."""

    def __init__(
        self,
        kafka: KafkaSettings,
        read: ReadModel,
        heard: Sequence[Callable[[Sequence[Event]], None]] = (),
        clean: Callable[[Sequence[Event]], None] = lambda came: None,
    ) -> None:
        """``clean`` is called once the copy has all that the topic held, before that is said, then again
        and again with what came since."""
        self._read, self._heard, self._clean = read, heard, clean
        self._done = False
        seen = {p: Seen(read.position(p), read.last_number(p)) for p in range(kafka.partitions)}
        self._feed = EventFeed(kafka, seen)

    @property
    def caught_up(self) -> bool:
        """See Source."""
        return self._done

    def step(self) -> None:
        """See Source."""
        came: list[Event] = []
        for batch in self._feed.read(_POLL_S):
            self._keep(batch)
            came += batch.events
        if self._done or self._feed.caught_up:
            self._clean(came)
            self._done = True

    def _keep(self, batch: Batch) -> None:
        self._read.apply(batch.partition, batch.position, batch.events)
        for hear in self._heard:
            hear(batch.events)

    def lag(self) -> int:
        """Messages that were not read yet. Raises LogError."""
        return sum(self._feed.lag().values())

    def close(self) -> None:
        """See Source."""
        self._feed.close()


class PositionSource:
    """Positions into the live view."""

    def __init__(self, kafka: KafkaSettings, live: RemoteLive) -> None:
        self._feed, self._live = PositionsFeed(kafka), live

    @property
    def caught_up(self) -> bool:
        """See Source."""
        return self._feed.caught_up

    def step(self) -> None:
        """See Source."""
        for table in self._feed.read(_POLL_S):
            self._live.moved(table)

    def close(self) -> None:
        """See Source."""
        self._feed.close()


class LetterSource:
    """Dead letters into this instance's copy."""

    caught_up = True  # nobody waits for these

    def __init__(
        self,
        kafka: KafkaSettings,
        letters: DeadLetters,
        kept: Callable[[Sequence[DeadLetter]], Sequence[DeadLetter]] = lambda came: came,
    ) -> None:
        """``kept`` says which of those that came are kept; it is asked when none came, too."""
        self._feed, self._letters = LettersFeed(kafka, letters.newest()), letters
        self._kept = kept

    def step(self) -> None:
        """See Source."""
        kept = self._kept(self._feed.read(_POLL_S))
        if kept:
            self._letters.add(kept)

    def close(self) -> None:
        """See Source."""
        self._feed.close()


class Book:
    """All versions of zones as the events tell them; ``book`` is never changed once it is given out."""

    def __init__(self, base: ZoneBook, read: ReadModel) -> None:
        self.book = base.copy()
        self._revisions: dict[str, int] = {}
        found, _ = read.changed(Kind.ZONE)
        for one in found:
            history = read.revisions(Kind.ZONE, one.tenant, one.id, limit=10_000)
            self.heard(sorted(history, key=lambda event: event.revision))

    def heard(self, events: Sequence[Event]) -> None:
        """Put the zones among these in force."""
        new = [event for event in events if event.kind is Kind.ZONE and self._is_new(event)]
        if new:
            book = self.book.copy()
            book.put([told(event.data) for event in new])
            self.book = book

    def _is_new(self, event: Event) -> bool:
        newer = event.revision > self._revisions.get(event.id, 0)
        if newer:
            self._revisions[event.id] = event.revision
        return newer
