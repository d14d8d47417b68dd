"""The log in Kafka: one message a record, acknowledged when all replicas in sync have it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, Message, Producer

from streams.kafka.client import RETRY_AFTER_S, LogAwayError, Marks, failed, producer
from streams.kafka.clock import Clock
from streams.kafka.reading import Readers
from streams.kafka.settings import MAX_MESSAGE_BYTES, KafkaSettings
from streams.kafka.topics import LOG, REGISTRY
from streams.kafka.wire import OVERHEAD, headers_of
from streams.log import LogError
from streams.records import LogRecord, NewRecord


class KafkaLog:
    """A Log (see ``streams.log``) in topic ``log``; threads and processes may share it.

    Nothing is asked of Kafka before the first call. Three things differ from a log in one file. Several
    records are not all or none: after an error each may be in the log or not, and the same may be appended
    again (a report is known by device, boot, number and hash, a command by its id). An append that was
    given up may still arrive. And ``trim`` lets go of nothing: that is the topic's retention.

    Nothing is appended by a machine whose clock is not Kafka's (see ``streams.kafka.clock``).
    """

    def __init__(self, settings: KafkaSettings, clock: Clock | None = None) -> None:
        self.settings, self.clock = settings, clock or Clock()
        self.topic = settings.topic(LOG)
        self._marks = Marks(settings, self.topic, settings.partitions)
        self._readers = Readers(settings, self.topic, self._marks)
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._poller: threading.Thread | None = None
        self._closed = False

    @property
    def partitions(self) -> int:
        """How many partitions are stated; each call holds the topic to it."""
        return self.settings.partitions

    def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append, wait for all replicas in sync, and return each one's position.

        Raises LogError before anything is sent for a record that is too large or has no such partition, or
        when the topic is missing. Raises LogAwayError (a LogFullError) after at most ``settings.wait_s`` and
        a little when Kafka does not take all of them, ClockOffError (one too) when the clock is off.
        """
        if not records:
            return []
        for record in records:
            self._require(record)
        self._marks.check()
        client = self._sending()
        self.clock.require(lambda: self._ask_time(client))
        sent_ms = self.clock.now_ms()
        group = _Group(len(records))
        deadline = time.monotonic() + self.settings.wait_s
        for index, record in enumerate(records):
            self._send(client, record, group, index, deadline)
        if not group.wait(deadline + 1.0):
            text = f"{self.topic}: not acknowledged within {self.settings.wait_s:g} s"
            raise LogAwayError(text, retry_after=RETRY_AFTER_S)
        if group.error is not None:
            if group.error.fatal():
                self._drop(client)
            raise failed(group.error, f"{self.topic}: not appended")
        if min(group.positions) < 1:  # confirmed as a repetition that the broker knows no more of
            raise LogAwayError(f"{self.topic}: appended at a place not told", retry_after=RETRY_AFTER_S)
        self.clock.compare(sent_ms, group.stamped_ms or sent_ms)
        return group.positions

    def _ask_time(self, client: Producer) -> None:
        """Have Kafka stamp a message that means nothing, in a topic that keeps only the newest of a key."""
        group, sent_ms = _Group(1), self.clock.now_ms()

        def confirmed(error: KafkaError | None, message: Message) -> None:
            group.done(0, error, message)

        client.produce(self.settings.topic(REGISTRY), b"{}", b"clock", 0, on_delivery=confirmed)
        if group.wait(time.monotonic() + self.settings.wait_s) and group.error is None and group.stamped_ms:
            self.clock.compare(sent_ms, group.stamped_ms)

    def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
        """See Log.read. Raises LogAwayError, LogError, LogCorruptError."""
        self._require_partition(partition)
        return self._readers.read(partition, after, max_bytes)

    def end(self, partition: int) -> int:
        """See Log.end."""
        self._require_partition(partition)
        return self._marks.of(partition)[1]

    def trimmed(self, partition: int) -> int:
        """Up to this position the topic's retention has let go of records."""
        self._require_partition(partition)
        return self._marks.of(partition)[0]

    def trim(self, partition: int, through: int) -> int:
        """Nothing goes: Kafka's retention does it."""
        self._require_partition(partition)
        return 0

    def close(self) -> None:
        """Let go of all connections; the log can't be used after it."""
        with self._lock:
            client, self._producer, self._closed = self._producer, None, True
            poller = self._poller
        if client is not None:
            client.purge(blocking=False)
        if poller is not None:
            poller.join()
        self._readers.close()
        self._marks.close()

    def _send(self, client: Producer, record: NewRecord, group: _Group, index: int, deadline: float) -> None:
        def confirmed(error: KafkaError | None, message: Message) -> None:
            group.done(index, error, message)

        while True:
            try:
                client.produce(
                    self.topic,
                    record.body,
                    record.key.encode(),
                    record.partition,
                    on_delivery=confirmed,
                    headers=headers_of(record),
                )
                return
            except BufferError:  # others wait as well: room comes as they are acknowledged or given up
                if time.monotonic() > deadline:
                    text = f"{self.topic}: too much waits to be acknowledged"
                    raise LogAwayError(text, retry_after=RETRY_AFTER_S) from None
                group.pause(0.01)
            except Exception as error:
                raise self._refused(client, error) from None

    def _refused(self, client: Producer, error: Exception) -> Exception:
        told: Any = error.args[0] if error.args else None
        if not isinstance(told, KafkaError):
            return error
        if told.fatal() or told.code() == KafkaError._FATAL:
            self._drop(client)
            return LogAwayError(
                f"{self.topic}: {told.str()}; a new producer begins", retry_after=RETRY_AFTER_S
            )
        return failed(told, f"{self.topic}: not appended")

    def _sending(self) -> Producer:
        with self._lock:
            if self._closed:
                raise LogError(f"{self.topic}: the log is closed")
            if self._producer is None:
                timeout_ms = int(self.settings.wait_s * 1000)
                self._producer = producer(self.settings, linger_ms=0, message_timeout_ms=timeout_ms)
            if self._poller is None:
                self._poller = threading.Thread(target=self._poll, name="kafka-log", daemon=True)
                self._poller.start()
            return self._producer

    def _drop(self, client: Producer) -> None:
        with self._lock:
            if self._producer is client:
                self._producer = None

    def _poll(self) -> None:
        """Serve the acknowledgements of all threads that append."""
        while True:
            with self._lock:
                client = self._producer
                if self._closed:
                    return
            if client is None:
                time.sleep(0.05)
            else:
                client.poll(0.2)

    def _require(self, record: NewRecord) -> None:
        self._require_partition(record.partition)
        size = len(record.body) + len(record.key.encode()) + OVERHEAD
        if size > MAX_MESSAGE_BYTES:
            want = f"want at most {MAX_MESSAGE_BYTES - OVERHEAD}"
            raise LogError(
                f"{self.topic}: record too large: got {size - OVERHEAD} bytes with its key, {want}"
            )

    def _require_partition(self, partition: int) -> None:
        if not 0 <= partition < self.settings.partitions:
            raise LogError(f"no such partition: got {partition}, want 0 to {self.settings.partitions - 1}")


class _Group:
    """The records of one append, until Kafka has answered for each of them."""

    def __init__(self, count: int) -> None:
        self.positions = [0] * count
        self.error: KafkaError | None = None
        self.stamped_ms: int | None = None
        self._left = count
        self._all = threading.Event()

    def done(self, index: int, error: KafkaError | None, message: Message) -> None:
        """Called once for each by the polling thread."""
        if error is not None:
            self.error = error if self.error is None or error.fatal() else self.error
        else:
            offset = message.offset()
            self.positions[index] = -1 if offset is None or offset < 0 else offset + 1
            kind, stamped = message.timestamp()
            if kind == TIMESTAMP_LOG_APPEND_TIME:
                self.stamped_ms = stamped
        self._left -= 1
        if not self._left:
            self._all.set()

    def wait(self, deadline: float) -> bool:
        """Whether all were answered for before ``deadline`` (monotonic seconds)."""
        return self._all.wait(max(0.0, deadline - time.monotonic()))

    def pause(self, seconds: float) -> None:
        """Give others time."""
        self._all.wait(seconds)
