"""What is durable of deliveries, in a compacted topic of Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, Message, Producer, TopicPartition

from feeds.outbound.asks import PREFIX
from streams.kafka.client import LogAwayError, Marks, asked, consumer, failed, producer
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import DELIVERIES

_CONFIRMED_S: Final = 10.0
_POLL_S: Final = 0.02


class TopicNotes:
    """Notes (see ``feeds.outbound.lane``) in topic ``deliveries``. Raises LogError and LogAwayError."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings, self._topic = settings, settings.topic(DELIVERIES)
        self._marks = Marks(settings, self._topic, settings.partitions)
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._asks: dict[int, tuple[int, dict[str, bytes]]] = {}  # where the topic ended then, and the asks

    def asks(self, partition: int) -> dict[str, bytes]:
        """See AskNotes.asks; read only when something was written since."""
        _, high = self._marks.of(partition)
        end, found = self._asks.get(partition, (-1, {}))
        if end != high:
            found = {key: value for key, value in self.load(partition).items() if key.startswith(PREFIX)}
            self._asks[partition] = high, found
        return dict(found)

    def load(self, partition: int) -> dict[str, bytes]:
        """See Notes.load."""
        low, high = self._marks.of(partition)
        kept: dict[str, bytes] = {}
        if low >= high:
            return kept
        client = consumer(self._settings, enable_partition_eof=True, auto_offset_reset="earliest")
        try:
            client.assign([TopicPartition(self._topic, partition, low)])
            while True:
                message = asked(self._topic, lambda: client.poll(self._settings.wait_s))
                if message is None:
                    raise failed(KafkaError(KafkaError._TIMED_OUT), f"{self._topic} not read")
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        return kept
                    raise failed(error, f"{self._topic} not read")
                key, value = (message.key() or b"").decode(), message.value()
                if value is None:
                    kept.pop(key, None)
                else:
                    kept[key] = value
                if (message.offset() or 0) + 1 >= high:
                    return kept
        finally:
            client.close()

    def put(self, partition: int, values: Mapping[str, bytes | None]) -> None:
        """See Notes.put. Partitions don't wait for each other."""
        answers: list[KafkaError | None] = []

        def confirmed(error: KafkaError | None, _: Message) -> None:
            answers.append(error)

        with self._lock:
            if self._producer is None:
                self._producer = producer(self._settings, linger_ms=0, compression_type="lz4")
            client = self._producer
        deadline = time.monotonic() + _CONFIRMED_S
        for key, value in values.items():
            client.produce(self._topic, value, key.encode(), partition, on_delivery=confirmed)
        while len(answers) < len(values) and time.monotonic() < deadline:
            client.poll(_POLL_S)  # another thread may be told of ours
        wrong = [error for error in answers if error is not None]
        left = len(values) - len(answers)
        if left or wrong:
            with self._lock:
                if self._producer is client:  # what others have in it fails, and is tried again
                    self._producer = None
            client.purge()
            if wrong:
                raise failed(wrong[0], f"{self._topic}: not confirmed")
            raise LogAwayError(f"{self._topic}: {left} notes not confirmed", retry_after=2.0)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            self._producer = None
        self._marks.close()
