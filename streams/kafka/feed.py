"""Events out of topic ``events`` for read models: in order, each once, from where the reader stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.codec import CodecError
from streams.events import Event
from streams.kafka.bodies import read_body, read_marks
from streams.kafka.client import RETRY_AFTER_S, LogAwayError, Marks, asked, consumer, failed
from streams.kafka.settings import KafkaSettings
from streams.kafka.sink import TAIL, EventGapError
from streams.kafka.topics import EVENTS
from streams.log import LogError

_AT_ONCE: Final = 256
_log = logging.getLogger(__name__)


class Seen(NamedTuple):
    """What a reader has of a partition: the log position covered and the newest event's number."""

    position: int = 0
    number: int = 0


class Batch(NamedTuple):
    """New events of one partition, in order; with them the log is covered up to ``position``."""

    partition: int
    position: int
    events: list[Event]


class EventFeed:
    """All partitions of topic ``events`` from where ``seen`` says on; not for two threads at once.

    A partition that ``seen`` lacks is read from its start. Nothing is asked of Kafka before the first
    ``read``.
    """

    def __init__(self, settings: KafkaSettings, seen: Mapping[int, Seen] | None = None) -> None:
        self.settings = settings
        self.topic = settings.topic(EVENTS)
        self._seen = {p: Seen(*(seen or {}).get(p, Seen())) for p in range(settings.partitions)}
        self._marks = Marks(settings, self.topic, settings.partitions)
        self._consumer: Consumer | None = None
        self._next: dict[int, int] = {}  # offset that comes next
        self._ends: dict[int, int] = {}  # of the topic when reading began
        self._whole: set[int] = set()  # partitions that are read from their start

    def read(self, timeout_s: float = 1.0) -> list[Batch]:
        """What is new; empty when nothing came within the time, also while Kafka is away.

        Raises LogAwayError when the first read finds no Kafka, LogError for what can't be read,
        EventGapError when numbers are missing: the reader's state and this feed end there.
        """
        client = self._consumer or self._begin()
        first = asked(self.topic, lambda: client.poll(timeout_s))
        if first is None:
            return []
        batches: dict[int, Batch] = {}
        for message in [first, *asked(self.topic, lambda: client.consume(_AT_ONCE, 0))]:
            self._take(client, message, batches)
        return list(batches.values())

    def seen(self) -> dict[int, Seen]:
        """What was given so far, by partition."""
        return dict(self._seen)

    @property
    def caught_up(self) -> bool:
        """Whether all was given that the topic held when reading began."""
        return bool(self._ends) and all(self._next[p] >= end for p, end in self._ends.items())

    def lag(self) -> dict[int, int]:
        """Messages that are in the topic and were not given yet, by partition. Raises LogError."""
        ends = {p: self._marks.of(p)[1] for p in self._seen}
        return {p: max(0, end - self._next.get(p, 0)) for p, end in ends.items()}

    def close(self) -> None:
        """Let go of the connections."""
        client, self._consumer = self._consumer, None
        if client is not None:
            client.close()
        self._marks.close()

    def _begin(self) -> Consumer:
        self._marks.check()
        bounds = {p: self._marks.of(p) for p in self._seen}
        client = consumer(self.settings)
        try:
            for partition, (low, high) in bounds.items():
                self._next[partition] = start = self._start(client, partition, low, high)
                if start == low:
                    self._whole.add(partition)
            client.assign([TopicPartition(self.topic, p, start) for p, start in self._next.items()])
        except BaseException:
            client.close()
            raise
        self._ends = {p: high for p, (_, high) in bounds.items()}
        self._consumer = client
        return client

    def _start(self, client: Consumer, partition: int, low: int, high: int) -> int:
        """Before the first message that has more than was seen, found by halving.

        Messages grow but for those of a former owner among them, so it is some messages before what halving
        finds; where that is not enough, the hole shows and the whole is read.
        """
        seen = self._seen[partition]
        if seen == Seen():
            return low
        first, last = low, high
        while first < last:
            middle = (first + last) // 2
            position, number = self._marks_at(client, partition, middle)
            if position > seen.position or number > seen.number:
                last = middle
            else:
                first = middle + 1
        return max(low, first - TAIL)

    def _marks_at(self, client: Consumer, partition: int, offset: int) -> tuple[int, int]:
        client.assign([TopicPartition(self.topic, partition, offset)])
        deadline = time.monotonic() + self.settings.wait_s
        while time.monotonic() < deadline:
            message = asked(self.topic, lambda: client.poll(0.2))
            if message is not None and message.error() is None:
                try:
                    return read_marks(message.headers())  # type: ignore[arg-type]
                except CodecError as error:
                    raise self._unreadable(message, error) from None
        text = f"{self.topic}/{partition}: nothing came in {self.settings.wait_s:g} s"
        raise LogAwayError(text, retry_after=RETRY_AFTER_S)

    def _take(self, client: Consumer, message: Message, batches: dict[int, Batch]) -> None:
        error, partition = message.error(), message.partition()
        if error is not None:
            if error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise LogError(f"{self.topic}/{partition}: what comes next is not there: {error.str()}")
            told = failed(error, f"{self.topic} not read")
            if not isinstance(told, LogAwayError):
                raise told
            return
        assert partition is not None
        offset = message.offset() or 0
        if offset != self._next[partition]:
            return  # fetched before this partition began anew
        try:
            body = read_body(partition, message.value() or b"")
        except CodecError as reason:
            raise self._unreadable(message, reason) from None
        seen = self._seen[partition]
        fresh = [event for event in body.events if event.number > seen.number]
        if fresh and fresh[0].number != seen.number + 1:
            self._hole(client, partition, offset, fresh[0].number)
            return
        self._next[partition] = offset + 1
        position = max(seen.position, body.position)
        if fresh or position > seen.position:
            number = fresh[-1].number if fresh else seen.number
            self._seen[partition] = Seen(position, number)
            before = batches.get(partition)
            events = before.events + fresh if before is not None else fresh
            batches[partition] = Batch(partition, position, events)

    def _hole(self, client: Consumer, partition: int, offset: int, got: int) -> None:
        """Read the partition from its start, if that was not done; else say where the hole is."""
        want = self._seen[partition].number + 1
        text = f"{self.topic}/{partition} at offset {offset}: got event {got}, want {want}"
        low = self._marks.of(partition)[0]
        if partition in self._whole:
            raise EventGapError(text)
        _log.warning("events_read_anew reason=%r", text)
        self._whole.add(partition)
        self._next[partition] = low
        client.assign([TopicPartition(self.topic, p, start) for p, start in self._next.items()])

    def _unreadable(self, message: Message, error: CodecError) -> LogError:
        return LogError(f"{self.topic}/{message.partition()} at offset {message.offset()}: {error}")
