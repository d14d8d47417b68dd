"""A compacted topic as a table: the last value of each key is kept for good."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from streams.kafka.client import RETRY_AFTER_S, LogAwayError, Marks, asked, consumer, failed, producer
from streams.kafka.settings import MAX_MESSAGE_BYTES, KafkaSettings
from streams.kafka.topics import REGISTRY
from streams.kafka.wire import OVERHEAD
from streams.log import LogError

Changes = list[tuple[str, bytes | None]]
_AT_ONCE: Final = 1024
_log = logging.getLogger(__name__)


class Table:
    """Keys and values in topic ``name``, which has one partition; threads may share it."""

    def __init__(self, settings: KafkaSettings, name: str = REGISTRY) -> None:
        self.settings = settings
        self.topic = settings.topic(name)
        self._marks = Marks(settings, self.topic, 1)
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._error: KafkaError | None = None

    def put(self, key: str, value: bytes | None) -> None:
        """Set the value of ``key``, or let go of it, and wait until it is kept. Raises LogError."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, bytes | None]) -> None:
        """Set many and wait until all are kept. Raises LogError, LogAwayError: then repeat them all."""
        self.send(values)
        self.flush(self.settings.wait_s)

    def send(self, values: Mapping[str, bytes | None]) -> None:
        """Hand over many in their order, to be waited for by ``flush``. Raises LogError, LogAwayError."""
        for key, value in values.items():
            size = len(key.encode()) + len(value or b"")
            if size + OVERHEAD > MAX_MESSAGE_BYTES:
                want = f"want at most {MAX_MESSAGE_BYTES - OVERHEAD}"
                raise LogError(f"{self.topic}: value of {key} too large: got {size} bytes, {want}")
        self._marks.check()
        with self._lock:
            self._raise_error()
            if self._producer is None:
                self._producer = producer(
                    self.settings, linger_ms=0, message_timeout_ms=0, compression_type="lz4"
                )
            for key, value in values.items():
                self._send(self._producer, key, value)

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until everything handed over is kept. Raises LogAwayError, LogError."""
        client = self._producer
        left = client.flush(timeout_s) if client is not None else 0
        with self._lock:
            self._raise_error()
        if left:
            text = f"{self.topic}: {left} values not confirmed within {timeout_s:g} s"
            raise LogAwayError(text, retry_after=RETRY_AFTER_S)

    def follow(self, changed: Callable[[Changes], None]) -> Following:
        """Call ``changed`` from a thread of its own with every value there is and will be, in order.

        The same key may come more than once, the last time counts; None: it is gone. An error of ``changed``
        ends it. Waits for Kafka when that is away.
        """
        return Following(self.settings, self.topic, changed)

    def close(self) -> None:
        """Let go of the connections; what is not confirmed is given up."""
        with self._lock:
            self._drop()
        self._marks.close()

    def _send(self, client: Producer, key: str, value: bytes | None) -> None:
        def confirmed(error: KafkaError | None, _: Message) -> None:
            if error is not None and client is self._producer and self._error is None:
                self._error = error

        deadline = time.monotonic() + self.settings.wait_s
        while True:
            try:
                client.produce(self.topic, value, key.encode(), 0, on_delivery=confirmed)
                client.poll(0)
                return
            except BufferError:
                if time.monotonic() > deadline:
                    text = f"{self.topic}: too much waits to be confirmed"
                    raise LogAwayError(text, retry_after=RETRY_AFTER_S) from None
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
            raise failed(error, f"{self.topic}: not confirmed")

    def _drop(self) -> None:
        client, self._producer, self._error = self._producer, None, None
        if client is not None:
            client.purge(blocking=False)


class Following:
    """A thread that tells a table's values.

    ``caught_up`` is set when all that was there at the start is told. ``error`` says why it
    ended by itself.
    """

    def __init__(self, settings: KafkaSettings, topic: str, changed: Callable[[Changes], None]) -> None:
        self.caught_up = threading.Event()
        self.error: Exception | None = None
        self._settings, self._topic, self._changed = settings, topic, changed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"kafka-{topic}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it and wait for the thread, unless that is the caller."""
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        client = consumer(self._settings, enable_partition_eof=True, auto_offset_reset="earliest")
        marks = Marks(self._settings, self._topic, 1)
        try:
            self._follow(client, marks)
        except Exception as error:
            self.error = error
            _log.exception("table_not_followed topic=%s", self._topic)
        finally:
            client.close()
            marks.close()

    def _follow(self, client: Consumer, marks: Marks) -> None:
        end = self._end(marks)
        if end is None:
            return
        client.assign([TopicPartition(self._topic, 0, 0)])
        at = 0
        while not self._stopping.is_set():
            if at >= end:
                self.caught_up.set()
            first = asked(self._topic, lambda: client.poll(0.2))
            if first is None:
                continue
            changes: Changes = []
            for message in [first, *asked(self._topic, lambda: client.consume(_AT_ONCE, 0))]:
                error = message.error()
                if error is None:
                    changes.append(((message.key() or b"").decode("utf-8", "replace"), message.value()))
                    at = (message.offset() or 0) + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    at = max(at, message.offset() or 0)
                else:
                    told = failed(error, f"{self._topic} not read")
                    if not isinstance(told, LogAwayError):
                        raise told
            if changes:
                self._changed(changes)

    def _end(self, marks: Marks) -> int | None:
        """Where the topic ends now; asked until Kafka answers, None when it is to stop."""
        while not self._stopping.is_set():
            try:
                marks.check()
                return marks.of(0)[1]
            except LogAwayError as error:
                _log.warning("table_waits topic=%s reason=%s", self._topic, error)
                self._stopping.wait(1.0)
        return None
