"""What all clients of Kafka share: their errors, and the few calls that ask a broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from streams.kafka.settings import MAX_MESSAGE_BYTES, KafkaSettings
from streams.log import LogError, LogFullError

_T = TypeVar("_T")
RETRY_AFTER_S: Final = 2.0
_PAUSE_S: Final = 0.05
_NEW_S: Final = 0.5  # what was made a moment ago, a broker may not know yet

MISSING: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})
"""Errors that say: there is no such topic or partition."""

_FINAL: Final = MISSING | {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
    KafkaError._INVALID_ARG,
}


class LogAwayError(LogFullError):
    """Kafka can't be reached, or has too few replicas in sync; try again after ``retry_after`` seconds.

    Of an append nothing is known then: the records may be in the log, and the same again does no harm.
    """


def failed(error: KafkaError, doing: str) -> LogError:
    """The error to raise for ``error``: LogAwayError when trying again may help, else LogError."""
    text = f"{doing}: {error.str()} ({error.name()})"
    if error.code() in MISSING:
        return LogError(f"{text}; run `corridor topics create`")
    if error.code() in _FINAL:
        return LogError(text)
    return LogAwayError(text, retry_after=RETRY_AFTER_S)


def asked(doing: str, call: Callable[[], _T]) -> _T:
    """The answer of ``call``, its KafkaException turned into LogAwayError or LogError."""
    try:
        return call()
    except KafkaException as error:
        raise failed(error.args[0], doing) from None


def producer(settings: KafkaSettings, **more: Any) -> Producer:
    """An idempotent producer: acknowledged by all replicas in sync, in order, each message once."""
    config = settings.client(
        enable_idempotence=True,
        acks="all",
        partitioner="murmur2_random",
        message_max_bytes=MAX_MESSAGE_BYTES,
        queue_buffering_max_kbytes=64 << 10,
        topic_metadata_propagation_max_ms=1_000,  # topics are checked first; a missing one is told at once
        retry_backoff_ms=50,
    )
    return Producer(config | _dotted(more))


def consumer(settings: KafkaSettings, **more: Any) -> Consumer:
    """A consumer that commits nothing and holds little ahead of its reader."""
    config = settings.client(
        group_id=settings.topic("reader"),
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        auto_offset_reset="error",
        check_crcs=True,
        fetch_wait_max_ms=100,  # a seek waits for the fetch that is under way
        fetch_queue_backoff_ms=5,  # the default of 1 s is how long a full queue pauses fetching
        queued_min_messages=10_000,
        queued_max_messages_kbytes=4 << 10,
        max_partition_fetch_bytes=2 << 20,
        fetch_max_bytes=MAX_MESSAGE_BYTES + (1 << 20),
        message_max_bytes=MAX_MESSAGE_BYTES,
        isolation_level="read_uncommitted",
    )
    return Consumer(config | _dotted(more))


def _dotted(more: dict[str, Any]) -> dict[str, Any]:
    return {name if name == "error_cb" else name.replace("_", "."): value for name, value in more.items()}


class Trouble:
    """What a client last said of its connection: a call that fails tells only that time was up."""

    def __init__(self) -> None:
        self._text = ""

    def __call__(self, error: KafkaError) -> None:
        """Librdkafka's ``error_cb``; served by the client's ``poll``."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._text = error.str()

    def to(self, text: str) -> str:
        """``text`` and why, if that is known."""
        return f"{text} ({self._text})" if self._text else text


class Marks:
    """Where a topic's partitions begin and end, asked on a connection that no long fetch holds up.

    The first call finds out whether the topic is there and has ``partitions``.
    """

    def __init__(self, settings: KafkaSettings, topic: str, partitions: int) -> None:
        self._settings, self._topic, self._partitions = settings, topic, partitions
        self._client: Consumer | None = None
        self._trouble = Trouble()
        self._lock = threading.Lock()
        self._checked = False

    def check(self) -> None:
        """Raises LogError when the topic is missing or has another number of partitions, LogAwayError."""
        if self._checked:
            return
        wait_s, deadline = self._settings.wait_s, time.monotonic() + _NEW_S
        while True:
            try:
                found = self._asking().list_topics(timeout=wait_s)
            except KafkaException as error:
                raise self._failed(error, f"topic {self._topic}") from None
            topic = found.topics.get(self._topic)
            if topic is not None:
                break
            if time.monotonic() > deadline:
                raise LogError(f"topic {self._topic} is missing; run `corridor topics create`")
            time.sleep(_PAUSE_S)
        if len(topic.partitions) != self._partitions:
            got = len(topic.partitions)
            raise LogError(f"topic {self._topic}: got {got} partitions, want {self._partitions}")
        self._checked = True

    def of(self, partition: int) -> tuple[int, int]:
        """The first offset that is there, and the one that the next message gets."""
        self.check()
        where = TopicPartition(self._topic, partition)
        deadline = time.monotonic() + self._settings.wait_s
        while True:
            left, client = max(0.1, deadline - time.monotonic()), self._asking()
            try:
                return client.get_watermark_offsets(where, timeout=left)
            except KafkaException as error:  # also while a partition changes its leader
                code, pause = error.args[0].code(), _PAUSE_S
                late = time.monotonic() + pause > deadline
                told = self._failed(error, f"{self._topic}/{partition} not asked for its end")
                if code == KafkaError._UNKNOWN_PARTITION:
                    self._forget(client)
                    pause = _NEW_S
                if late or code in _FINAL - MISSING:
                    raise told from None
                time.sleep(min(pause, left))

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _asking(self) -> Consumer:
        with self._lock:
            if self._client is None:
                self._client = consumer(self._settings, queued_min_messages=1, error_cb=self._trouble)
            return self._client

    def _forget(self, client: Consumer) -> None:
        """Ask on another connection from now on.

        A client that heard of a partition without a leader, as while Kafka starts, believes that for the age
        of its metadata (15 minutes) when it only asks.
        """
        with self._lock:
            if self._client is client:  # closed with its last user: other threads may be asking on it
                self._client = None

    def _failed(self, error: KafkaException, doing: str) -> LogError:
        self._asking().poll(0)  # it says there what is wrong with the connection
        return failed(error.args[0], self._trouble.to(doing))
