"""Dead letters by way of Kafka: gateways put them into a topic, every API instance keeps a copy.

All are in one partition of the topic, and a letter's id is its place there, so that every instance shows the
same letters under the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

import cbor2
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from feeds.deadletters import DeadLetter, DeadLettersError
from streams.kafka.client import LogAwayError, Marks, asked, consumer, failed, producer
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import DEADLETTERS

_PARTITION: Final = 0
_CONFIRMED_S: Final = 10.0
_AT_ONCE: Final = 256


class LettersOut:
    """Puts letters into the topic; threads may share it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._topic = settings.topic(DEADLETTERS)
        self._producer: Producer = producer(settings, linger_ms=50, compression_type="lz4")

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters; when it returns Kafka has them. Raises DeadLettersError: some may be kept."""
        wrong: list[str] = []
        try:
            for letter in letters:
                self._producer.produce(
                    self._topic,
                    encode(letter),
                    letter.device.encode(),
                    _PARTITION,
                    on_delivery=lambda error, _: wrong.append(str(error)) if error is not None else None,
                )
        except (KafkaException, BufferError) as error:
            raise DeadLettersError(f"dead letters not written: {error}") from error
        left = self._producer.flush(_CONFIRMED_S)
        if left or wrong:
            reason = wrong[0] if wrong else f"no answer within {_CONFIRMED_S:g} s"
            raise DeadLettersError(f"dead letters not written: {len(wrong) or left}: {reason}")

    def close(self) -> None:
        """Give up what is not confirmed."""
        self._producer.purge()


class LettersFeed:
    """The letters after id ``after``, with their ids; not for two threads at once."""

    def __init__(self, settings: KafkaSettings, after: int) -> None:
        self._settings, self._after = settings, after
        self._topic = settings.topic(DEADLETTERS)
        self._marks = Marks(settings, self._topic, settings.partitions)
        self._consumer: Consumer | None = None

    def read(self, timeout_s: float = 0.5) -> list[DeadLetter]:
        """What is new; empty when nothing came in the time. Raises LogError, LogAwayError."""
        client = self._consumer or self._begin()
        first = asked(self._topic, lambda: client.poll(timeout_s))
        letters: list[DeadLetter] = []
        if first is None:
            return letters
        for message in [first, *asked(self._topic, lambda: client.consume(_AT_ONCE, 0))]:
            error = message.error()
            if error is None:
                letters.append(replace(decode(message.value() or b""), id=(message.offset() or 0) + 1))
                continue
            told = failed(error, f"{self._topic} not read")
            if not isinstance(told, LogAwayError):
                raise told
        return letters

    def close(self) -> None:
        """Let go of the connections."""
        client, self._consumer = self._consumer, None
        if client is not None:
            client.close()
        self._marks.close()

    def _begin(self) -> Consumer:
        self._marks.check()
        low, high = self._marks.of(_PARTITION)
        client = consumer(self._settings, auto_offset_reset="earliest")
        client.assign([TopicPartition(self._topic, _PARTITION, min(max(self._after, low), high))])
        self._consumer = client
        return client


def encode(letter: DeadLetter) -> bytes:
    """A letter as the value of a message."""
    return cbor2.dumps({name: value for name, value in asdict(letter).items() if name != "id"})


def decode(body: bytes) -> DeadLetter:
    """The letter in a message's value; one that can't be read is told as such."""
    try:
        return DeadLetter(**cbor2.loads(body))
    except Exception as error:  # whatever lies there, the letters behind it are to be shown
        return DeadLetter(0, "", "", "", "unreadable", f"{type(error).__name__}: {error}", body)
