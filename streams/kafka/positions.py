"""Topic ``positions``: where assets are now, as tables of columns, for those who show it live.

A table holds rows that changed, or that came round: each asset comes round every few minutes, so a reader
who begins that far back has them all. It says up to which log position its partition was folded; of one
asset the row of the highest position counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import KafkaException, Producer

from streams.codec import CodecError
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import POSITIONS

ROUND_S: Final = 300.0
"""Within so many seconds each asset comes round, moving or not."""

ROWS: Final = 8_000
"""Rows of one message at most: some 600 KB before they are compressed."""

_QUEUED_KB: Final = 16 << 10
_WORDS: Final = pa.dictionary(pa.int32(), pa.string())
_SCHEMA: Final = pa.schema(
    [
        pa.field("asset", pa.string()),
        pa.field("tenant", _WORDS),
        pa.field("device", pa.string()),
        pa.field("t", pa.int64()),
        pa.field("seen", pa.int64()),
        pa.field("lon", pa.int32()),
        pa.field("lat", pa.int32()),
        pa.field("speed", pa.int32()),
        pa.field("heading", pa.int32()),
        pa.field("country", _WORDS),
        pa.field("at_gate", pa.bool_()),
        pa.field("trip_mm", pa.int64()),
    ]
)
_TEXTS: Final = ("asset", "tenant", "device", "country")
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Latest positions as columns of equal length, one row an asset, each asset at most once.

    ``position``: of the log, up to which the partition was folded. ``t``: of the position, ``seen``: of the
    newest report received, ms; ``lon``, ``lat``: 1e-7 degree; ``speed``: 0.01 km/h; ``heading``: 0.01 degree;
    unknown is -1 in these two and in ``trip_mm``, "" in ``country`` and ``device``. ``at_gate``: whether it
    is in the zone of a port. Moving, stopped or silent is for the reader to say, by its clock.
    """

    position: int
    asset: Sequence[str]
    tenant: Sequence[str]
    device: Sequence[str]
    t: npt.NDArray[np.int64]
    seen: npt.NDArray[np.int64]
    lon: npt.NDArray[np.int32]
    lat: npt.NDArray[np.int32]
    speed: npt.NDArray[np.int32]
    heading: npt.NDArray[np.int32]
    country: Sequence[str]
    at_gate: npt.NDArray[np.bool_]
    trip_mm: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.asset)


def encode(table: Positions) -> bytes:
    """The bytes of a table: one batch of Arrow's stream format."""
    columns = [pa.array(getattr(table, field.name)).cast(field.type) for field in _SCHEMA]
    schema = _SCHEMA.with_metadata({"position": str(table.position)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_OPTIONS) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return bytes(memoryview(sink.getvalue()))


def decode(body: bytes) -> Positions:
    """The table in ``body``. Raises CodecError."""
    try:
        with pa.ipc.open_stream(body) as reader:
            found = reader.read_all().combine_chunks()
            position = int((reader.schema.metadata or {})[b"position"])
        columns: dict[str, Any] = {}
        for field in fields(Positions)[1:]:
            column = found.column(field.name)
            text = field.name in _TEXTS
            columns[field.name] = column.to_pylist() if text else column.to_numpy()
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise CodecError(f"positions not readable: {error!r}") from error
    return Positions(position, **columns)


class PositionsOut:
    """Publishes tables; never waits and never fails: what Kafka does not take comes round again."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._topic = settings.topic(POSITIONS)
        self._producer = Producer(
            settings.client(
                acks=1,
                linger_ms=20,
                message_timeout_ms=5_000,
                queue_buffering_max_kbytes=_QUEUED_KB,
                message_max_bytes=2 << 20,
            )
        )
        self.dropped = 0

    def publish(self, partition: int, table: Positions) -> None:
        """Hand a table of at most ``ROWS`` rows over; of one that finds no room nothing is kept."""
        try:
            self._producer.produce(self._topic, encode(table), partition=partition, on_delivery=self._done)
        except (BufferError, KafkaException):
            self.dropped += 1
        self._producer.poll(0)

    def _done(self, error: Any, _message: Any) -> None:
        self.dropped += error is not None

    def close(self, wait_s: float = 1.0) -> None:
        """Send what waits, for at most ``wait_s`` seconds."""
        self._producer.flush(wait_s)
