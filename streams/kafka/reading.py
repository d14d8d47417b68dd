"""Reading a topic from given positions on: consumers that stay where their last reader stopped."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from streams.kafka.client import RETRY_AFTER_S, LogAwayError, Marks, asked, consumer, failed
from streams.kafka.settings import KafkaSettings
from streams.kafka.wire import record_of
from streams.log import LogError
from streams.records import LogRecord

_IDLE: Final = (4, 32)  # consumers kept for the next readers, at least and at most: each holds up to 4 MB
_AT_ONCE: Final = 256


class Readers:
    """Reads records for many threads; who reads on from where a read ended finds it fetched already."""

    def __init__(self, settings: KafkaSettings, topic: str, marks: Marks) -> None:
        self._settings, self._topic, self._marks = settings, topic, marks
        self._idle: list[_Reader] = []  # the one used last is the last
        self._most = min(max(_IDLE[0], settings.partitions), _IDLE[1])
        self._lock = threading.Lock()
        self._closed = False

    def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
        """See Log.read. Raises LogAwayError, LogError, LogCorruptError."""
        reader = self._at(partition, after)
        if reader is None:
            low, high = self._marks.of(partition)
            if after >= high or low == high:
                return []
            reader = self._any(partition)
            reader.go(partition, max(after, low))
        try:
            found = reader.read(self._marks, max_bytes)
        except BaseException:
            reader.close()
            raise
        self._back(reader)
        return found

    def close(self) -> None:
        """Let go of all connections that are not in use."""
        with self._lock:
            self._closed, idle = True, self._idle
            self._idle = []
        for reader in idle:
            reader.close()

    def _at(self, partition: int, offset: int) -> _Reader | None:
        with self._lock:
            if self._closed:
                raise LogError(f"{self._topic}: the log is closed")
            for reader in self._idle:
                if (reader.partition, reader.next) == (partition, offset):
                    self._idle.remove(reader)
                    return reader
        return None

    def _any(self, partition: int) -> _Reader:
        """An idle one, if possible of that partition, which is used anew; else one more."""
        with self._lock:
            same = [reader for reader in self._idle if reader.partition == partition]
            if same or len(self._idle) >= self._most:
                reader = (same or self._idle)[0]
                self._idle.remove(reader)
                return reader
        return _Reader(self._settings, self._topic)

    def _back(self, reader: _Reader) -> None:
        with self._lock:
            self._idle.append(reader)
            over = self._idle.pop(0) if self._closed or len(self._idle) > self._most else None
        if over is not None:
            over.close()


class _Reader:
    """One consumer at one place of one partition; ``next`` is the offset that it gives next."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings, self._topic = settings, topic
        self._consumer: Consumer = consumer(settings)
        self._kept: deque[Message] = deque()
        self.partition, self.next = -1, -1

    def go(self, partition: int, offset: int) -> None:
        """Give from ``offset`` on."""
        self._kept.clear()
        self.partition, self.next = partition, offset
        self._consumer.assign([TopicPartition(self._topic, partition, offset)])

    def read(self, marks: Marks, max_bytes: int) -> list[LogRecord]:
        """What there is from ``next`` on, at least one record if there is one."""
        found: list[LogRecord] = []
        size = 0
        while True:
            if not self._kept:
                self._fetch(marks, wait=not found)
            if not self._kept:
                return found
            message = self._kept[0]
            size += len(message)
            if found and size > max_bytes:
                return found
            self._kept.popleft()
            offset = message.offset()
            assert offset is not None
            found.append(
                record_of(self.partition, offset, message.key(), message.value(), message.headers())  # type: ignore[arg-type]
            )
            self.next = offset + 1

    def _fetch(self, marks: Marks, *, wait: bool) -> None:
        """Take what has arrived; with ``wait``, until something has or there is nothing."""
        self._keep(asked(self._topic, lambda: self._consumer.consume(_AT_ONCE, 0)))
        if self._kept or not wait:
            return
        low, high = marks.of(self.partition)
        if self.next >= high:
            return
        if self.next < low:  # retention was quicker than the reader
            self.go(self.partition, low)
        deadline = time.monotonic() + self._settings.wait_s
        while not self._kept:
            message = asked(self._topic, lambda: self._consumer.poll(0.2))
            self._keep([message] if message is not None else [])
            if time.monotonic() > deadline and not self._kept:
                text = f"{self._topic}/{self.partition}: nothing came in {self._settings.wait_s:g} s"
                raise LogAwayError(text, retry_after=RETRY_AFTER_S)
        self._keep(asked(self._topic, lambda: self._consumer.consume(_AT_ONCE, 0)))

    def _keep(self, messages: list[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                if (message.offset() or 0) >= self.next:
                    self._kept.append(message)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                text = (
                    f"{self._topic}/{self.partition}: offset {self.next} is not there any more: {error.str()}"
                )
                raise LogAwayError(text, retry_after=RETRY_AFTER_S)
            elif not error.retriable():
                told = failed(error, f"{self._topic}/{self.partition} not read")
                if not isinstance(told, LogAwayError):
                    raise told

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()
