"""Who owns which partition: a consumer group that shares out partitions and reads nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from streams.kafka.client import LogAwayError, Marks, consumer, failed
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import LOG

_SESSION_S: Final = 6.0
_log = logging.getLogger(__name__)
Told = Callable[[frozenset[int]], None]


class Members:
    """This process among those of group ``role``; each partition of the log is owned by one of them.

    ``assigned`` and ``revoked`` are called from a thread of its own with the partitions that came or go; the
    next owner begins when ``revoked`` has returned. A process that is frozen or cut off for longer than
    ``session_s`` loses its partitions before it knows (``revoked`` comes when it wakes), so what an owner
    does must do no harm when two do it. An error of a callback ends the membership: ``error`` says which.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        role: str,
        assigned: Told,
        revoked: Told,
        *,
        session_s: float = _SESSION_S,
    ) -> None:
        self.error: Exception | None = None
        self._settings, self._topic, self._group = settings, settings.topic(LOG), settings.topic(role)
        self._assigned, self._revoked, self._session_s = assigned, revoked, session_s
        self._owned: frozenset[int] = frozenset()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"kafka-{self._group}", daemon=True)
        self._thread.start()

    @property
    def owned(self) -> frozenset[int]:
        """The partitions that are ours, as far as we know."""
        return self._owned

    @property
    def alive(self) -> bool:
        """Whether we are still a member, or will be when Kafka is back."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def close(self) -> None:
        """Leave: ``revoked`` is called for all that is owned, then the others share it."""
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            if self._topic_is_there():
                self._belong()
        except Exception as error:
            self.error = error
            _log.exception("membership_ended group=%s", self._group)

    def _belong(self) -> None:
        client = consumer(
            self._settings,
            group_id=self._group,
            partition_assignment_strategy="cooperative-sticky",
            session_timeout_ms=int(self._session_s * 1000),
            heartbeat_interval_ms=int(self._session_s * 250),
            auto_offset_reset="latest",
            queued_min_messages=1,
        )
        try:
            client.subscribe([self._topic], on_assign=self._came, on_revoke=self._goes, on_lost=self._goes)
            while not self._stopping.is_set():
                message = client.poll(0.2)
                error = message.error() if message is not None else None
                if error is not None:
                    told = failed(error, f"group {self._group}")
                    if not isinstance(told, LogAwayError):
                        raise told
        finally:
            client.close()

    def _came(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        places = [TopicPartition(p.topic, p.partition, OFFSET_END) for p in partitions]
        client.incremental_assign(places)
        client.pause(places)
        new = frozenset(p.partition for p in partitions)
        self._owned |= new
        if new:
            _log.info("partitions_assigned group=%s partitions=%s", self._group, sorted(new))
            self._assigned(new)

    def _goes(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        gone = frozenset(p.partition for p in partitions) & self._owned
        self._owned -= gone
        if gone:
            _log.info("partitions_revoked group=%s partitions=%s", self._group, sorted(gone))
            self._revoked(gone)

    def _topic_is_there(self) -> bool:
        """Asked until Kafka answers; false when it is to stop. Raises LogError."""
        marks = Marks(self._settings, self._topic, self._settings.partitions)
        try:
            while not self._stopping.is_set():
                try:
                    marks.check()
                    return True
                except LogAwayError as error:
                    _log.warning("membership_waits group=%s reason=%s", self._group, error)
                    self._stopping.wait(1.0)
        finally:
            marks.close()
        return False
