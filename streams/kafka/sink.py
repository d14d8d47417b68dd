"""Events into topic ``events``: handed over at once, confirmed by ``flush``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from streams.codec import CodecError
from streams.events import Event
from streams.kafka.bodies import bodies, marks_header, read_marks
from streams.kafka.client import Marks, asked, consumer, failed, producer
from streams.kafka.settings import MAX_MESSAGE_BYTES, KafkaSettings
from streams.kafka.topics import EVENTS
from streams.kafka.wire import OVERHEAD
from streams.log import LogError

TAIL: Final = 256  # messages: more than another writer can have had under way when it stopped


class SinkAwayError(Exception):
    """Kafka does not take or confirm events now; begin again by ``recover`` and try later."""


class EventGapError(Exception):
    """Events with a hole in their numbers; the message names it."""


class KafkaSink:
    """A Sink (see ``streams.sink``) for all partitions of a worker; threads may share it.

    ``apply`` hands over and does not wait; after ``flush`` everything handed over is on all replicas in sync.
    Until then position and number say what was handed over, which arrives in this order or, after an error,
    not at all: then what is known is forgotten and read again from the topic. Two workers that write the
    same events, in a change of owner, do no harm: readers know events by their numbers.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self.topic = settings.topic(EVENTS)
        self._marks = Marks(settings, self.topic, settings.partitions)
        self._lock = threading.RLock()
        self._known: dict[int, tuple[int, int]] = {}
        self._producer: Producer | None = None
        self._error: KafkaError | None = None

    def apply(self, partition: int, position: int, events: Sequence[Event]) -> None:
        """Hand over the events and that the log is covered up to ``position``; those known are left out.

        Events are not compared with those that are known. Raises SinkAwayError when Kafka is away and
        what may wait for it is full, EventGapError when numbers are missing, LogError when an event is
        too large.
        """
        with self._lock:
            self._raise_error()
            covered, last = self._of(partition)
            fresh = [event for event in events if event.number > last]
            for want, event in enumerate(fresh, last + 1):
                if event.number != want:
                    text = f"events of partition {partition} have a hole: got {event.number}, want {want}"
                    raise EventGapError(text)
            if not fresh and position <= covered:
                return
            ready = list(bodies(max(position, covered), last, fresh))
            for _, _, body in ready:
                if len(body) + OVERHEAD > MAX_MESSAGE_BYTES:
                    want_bytes = f"want at most {MAX_MESSAGE_BYTES - OVERHEAD}"
                    raise LogError(f"{self.topic}: event too large: got {len(body)} bytes, {want_bytes}")
            for covered, last, body in ready:
                self._send(partition, covered, last, body)
                self._known[partition] = covered, last

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until everything handed over is confirmed. Raises SinkAwayError."""
        with self._lock:
            client = self._producer
        left = client.flush(timeout_s) if client is not None else 0
        with self._lock:
            self._raise_error()
        if left:
            raise SinkAwayError(f"{self.topic}: {left} messages not confirmed within {timeout_s:g} s")

    def position(self, partition: int) -> int:
        """The log position that is covered. Raises LogError."""
        with self._lock:
            return self._of(partition)[0]

    def last_number(self, partition: int) -> int:
        """The number of the newest event, 0 when there is none. Raises LogError."""
        with self._lock:
            return self._of(partition)[1]

    def waiting(self) -> int:
        """Messages that are not confirmed yet."""
        client = self._producer
        return len(client) if client is not None else 0

    def forget(self, partition: int) -> None:
        """Let go of what is known of a partition: another worker has it now, or had it meanwhile."""
        with self._lock:
            self._known.pop(partition, None)

    def close(self) -> None:
        """Let go of all connections; what is not confirmed is given up."""
        with self._lock:
            self._drop()
        self._marks.close()

    def _of(self, partition: int) -> tuple[int, int]:
        known = self._known.get(partition)
        if known is None:
            self._marks.check()
            known = self._known[partition] = tail(self.settings, self._marks, self.topic, partition)
        return known

    def _send(self, partition: int, position: int, number: int, body: bytes) -> None:
        if self._producer is None:
            # nothing times out: a message that went missing would be a hole before those that follow it
            self._producer = producer(
                self.settings,
                linger_ms=5,
                message_timeout_ms=0,
                compression_type="lz4",
                enable_gapless_guarantee=True,
            )
        client, deadline = self._producer, time.monotonic() + self.settings.wait_s
        headers = marks_header(position, number)

        def confirmed(error: KafkaError | None, _: Message) -> None:
            if error is not None and client is self._producer and self._error is None:
                self._error = error

        while True:
            try:
                client.produce(self.topic, body, partition=partition, on_delivery=confirmed, headers=headers)
                client.poll(0)
                return
            except BufferError:
                if time.monotonic() > deadline:
                    self._drop()
                    text = f"{self.topic}: too much waits to be confirmed for {self.settings.wait_s:g} s"
                    raise SinkAwayError(text) from None
                client.poll(0.1)
            except Exception as error:
                told: Any = error.args[0] if error.args else None
                if not isinstance(told, KafkaError):
                    raise
                self._error = self._error or told
                self._raise_error()

    def _raise_error(self) -> None:
        error = self._error
        if error is not None:
            self._drop()
            raise SinkAwayError(str(failed(error, f"{self.topic}: not confirmed")))

    def _drop(self) -> None:
        """Give up what is not confirmed and forget what is known."""
        client, self._producer = self._producer, None
        if client is not None:
            client.purge(blocking=False)
        self._known.clear()
        self._error = None


def tail(settings: KafkaSettings, marks: Marks, topic: str, partition: int) -> tuple[int, int]:
    """The log position covered and the newest event's number, as the end of the topic has them.

    The largest of the last messages count, not the last: a former owner's may have come after the present
    one's. Raises LogError.
    """
    low, high = marks.of(partition)
    position = number = 0
    for message in messages(settings, topic, partition, max(low, high - TAIL), high):
        try:
            covered, last = read_marks(message.headers())  # type: ignore[arg-type]
        except CodecError as error:
            raise LogError(f"{topic}/{partition} at offset {message.offset()}: {error}") from None
        position, number = max(position, covered), max(number, last)
    return position, number


def messages(settings: KafkaSettings, topic: str, partition: int, start: int, end: int) -> Iterator[Message]:
    """The messages at offsets from ``start`` to before ``end`` that are there. Raises LogError."""
    if start >= end:
        return
    client: Consumer = consumer(settings, enable_partition_eof=True)
    try:
        client.assign([TopicPartition(topic, partition, start)])
        deadline = time.monotonic() + settings.wait_s
        while True:
            message = asked(topic, lambda: client.poll(0.2))
            error = message.error() if message is not None else None
            if message is not None and error is None:
                deadline = time.monotonic() + settings.wait_s
                yield message
                if (message.offset() or 0) + 1 >= end:
                    return
            elif error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            elif time.monotonic() > deadline:
                raise failed(KafkaError(KafkaError._TIMED_OUT), f"{topic}/{partition} not read")
    finally:
        client.close()
