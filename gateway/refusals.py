"""Refused messages on their way to the dead letters: bounded in memory, written off the hot path."""

from __future__ import annotations

import logging
from typing import Final

from feeds.deadletters import DeadLetter, DeadLettersError, Letters
from gateway.batch import Rejected
from gateway.topic import Channel, topic
from streams.records import Form

log = logging.getLogger("corridor.gateway")

_MAX_WAITING_BYTES: Final = 16 << 20
_OVERHEAD: Final = 256


class Refusals:
    """What waits to be kept. ``lost`` counts those for which there was no room."""

    def __init__(self, deadletters: Letters) -> None:
        self.lost = 0
        self._deadletters = deadletters
        self._waiting: list[DeadLetter] = []
        self._bytes = 0

    def add(self, rejected: Rejected) -> None:
        """Keep a copy, unless too many already wait."""
        arrived = rejected.arrived
        size = len(arrived.payload) + _OVERHEAD
        if self._bytes + size > _MAX_WAITING_BYTES:
            self.lost += 1
            return
        self._bytes += size
        channel = Channel.NMEA if rejected.form is Form.NMEA else Channel.REPORT
        self._waiting.append(
            DeadLetter(
                received_ms=arrived.received_ms,
                tenant=arrived.fitted.tenant,
                device=arrived.device,
                topic=topic(arrived.device, channel),
                reason=rejected.reason,
                detail=rejected.detail,
                payload=arrived.payload,
                boot=rejected.boot,
                seq=rejected.seq,
            )
        )

    def take(self) -> list[DeadLetter]:
        """What waits; the caller writes it with ``write``, in a thread if it likes."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        return waiting

    def write(self, letters: list[DeadLetter]) -> None:
        """Write ``letters``; a failure is counted and logged, nothing waits for it."""
        if not letters:
            return
        try:
            self._deadletters.add(letters)
        except DeadLettersError as error:
            self.lost += len(letters)
            log.error("dead_letters_lost count=%d reason=%r", len(letters), str(error))
