"""Carries frames from the log into a store, each partition from the store's own position.

The store commits samples and position together, so a writer that dies anywhere goes on where the store is
and nothing is lost or doubled. A frame that can't be read is parked (counted, logged, passed over): what it
holds stays in the log. When the store is away the writer's caller waits; nothing is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from feeds.store.port import Store
from feeds.store.schema import UnsoundFrameError, check
from streams.codec import CodecError, decode_frame
from streams.log import Log
from streams.records import Frame, LogRecord, RecordKind

_LOG = logging.getLogger(__name__)
BATCH_SAMPLES: Final = 50_000
_READ_BYTES: Final = 8 << 20  # frames with raw bytes: about 20,000 samples


class StoreWriter:
    """The store's consumer of the log. One thread calls ``step``; ``parked`` counts unreadable frames."""

    def __init__(
        self, log: Log, store: Store, partitions: Sequence[int], *, batch_samples: int = BATCH_SAMPLES
    ) -> None:
        self._log = log
        self._store = store
        self._partitions = tuple(partitions)
        self._batch_samples = batch_samples
        self.parked = 0

    def step(self) -> int:
        """Store the next batch of each partition; returns how many records went, 0: caught up.

        Raises StoreAwayError or LogError; the same records come again at the next call.
        """
        return sum(self._partition_step(partition) for partition in self._partitions)

    def lag(self) -> int:
        """Records in the log that are not stored yet."""
        return sum(self._log.end(p) - self._store.position(p) for p in self._partitions)

    def _partition_step(self, partition: int) -> int:
        position = start = self._store.position(partition)
        frames: list[Frame] = []
        samples, unreadable = 0, 0
        while samples < self._batch_samples:
            records = self._log.read(partition, position, _READ_BYTES)
            if not records:
                break
            for record in records:
                frame = self._frame(record) if record.kind is RecordKind.FRAME else None
                if frame is not None:
                    frames.append(frame)
                    samples += frame.samples.num_rows
                unreadable += frame is None and record.kind is RecordKind.FRAME
            position = records[-1].position
        if position == start:
            return 0
        self._store.write(partition, position, frames)
        self.parked += unreadable
        return position - start

    def _frame(self, record: LogRecord) -> Frame | None:
        try:
            frame = decode_frame(record.body)
            check(frame)
            return frame
        except (CodecError, UnsoundFrameError) as error:
            _LOG.error(
                "store_frame_parked partition=%d position=%d error=%s",
                record.partition,
                record.position,
                error,
            )
            return None
