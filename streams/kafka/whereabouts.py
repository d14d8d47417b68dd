"""Topic ``positions`` read: from far enough back that every asset has come round, then what moves."""

from __future__ import annotations

import logging
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.codec import CodecError
from streams.kafka.client import LogAwayError, Marks, asked, consumer, failed
from streams.kafka.positions import ROUND_S, Positions, decode
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import POSITIONS

_AT_ONCE = 256
_log = logging.getLogger(__name__)


class PositionsFeed:
    """Tables of all partitions, each partition's in order; not for two threads at once.

    Nothing is asked of Kafka before the first ``read``.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings, self.topic = settings, settings.topic(POSITIONS)
        self._marks = Marks(settings, self.topic, settings.partitions)
        self._consumer: Consumer | None = None
        self._left: dict[int, int] = {}  # offset before which reading must get to be caught up

    def read(self, timeout_s: float = 0.5) -> list[Positions]:
        """What is new; empty when nothing came within the time. A table that can't be read is left out.

        Raises LogAwayError when the first read finds no Kafka, LogError for a topic that is missing.
        """
        client = self._consumer or self._begin()
        first = asked(self.topic, lambda: client.poll(timeout_s))
        if first is None:
            return []
        tables: list[Positions] = []
        for message in [first, *asked(self.topic, lambda: client.consume(_AT_ONCE, 0))]:
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    continue
                told = failed(error, f"{self.topic} not read")
                if not isinstance(told, LogAwayError):
                    raise told
                continue
            partition, offset = message.partition() or 0, message.offset() or 0
            if offset + 1 >= self._left.get(partition, 0):
                self._left.pop(partition, None)
            try:
                tables.append(decode(message.value() or b""))
            except CodecError as reason:
                _log.warning("positions_unusable partition=%s offset=%s reason=%s", partition, offset, reason)
        return tables

    @property
    def caught_up(self) -> bool:
        """Whether all was given that the topic held when reading began."""
        return self._consumer is not None and not self._left

    def close(self) -> None:
        """Let go of the connections."""
        client, self._consumer = self._consumer, None
        if client is not None:
            client.close()
        self._marks.close()

    def _begin(self) -> Consumer:
        self._marks.check()
        since = int((time.time() - 1.2 * ROUND_S) * 1000)
        client = consumer(self.settings, auto_offset_reset="earliest")
        try:
            wanted = [TopicPartition(self.topic, p, since) for p in range(self.settings.partitions)]
            starts = asked(self.topic, lambda: client.offsets_for_times(wanted, self.settings.wait_s))
            for start in starts:
                _, high = self._marks.of(start.partition)
                if start.offset < 0:  # nothing that new
                    start.offset = high
                if start.offset < high:
                    self._left[start.partition] = high
            client.assign(starts)
        except BaseException:
            client.close()
            raise
        self._consumer = client
        return client
