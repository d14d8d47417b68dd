"""What the gateway counts, and the snapshot of it that others read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gateway.batch import Batch


@dataclass(slots=True)
class Metrics:
    """Counters since the start; names are those of ``/metrics`` without their prefix."""

    messages: int = 0
    payload_bytes: int = 0
    reports: int = 0
    samples: int = 0
    repeated: int = 0
    frames: int = 0
    frame_bytes: int = 0
    acks: int = 0
    ignored_topics: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    appends: int = 0
    append_s: float = 0.0
    append_last_s: float = 0.0
    append_max_s: float = 0.0

    def appended(self, seconds: float) -> None:
        """An append took so long."""
        self.appends += 1
        self.append_s += seconds
        self.append_last_s = seconds
        self.append_max_s = max(self.append_max_s, seconds)

    def durable(self, batch: Batch) -> None:
        """What a batch held is in the log."""
        self.reports += len(batch.kept)
        self.samples += batch.samples
        self.frames += len(batch.records)
        self.frame_bytes += sum(len(record.body) for record in batch.records)

    def snapshot(self) -> dict[str, Any]:
        """All counters as JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"refused": dict(self.refused), "later": dict(self.later)}
