"""From messages as they came to the log records of one append: decoded, checked, grouped by partition.

Pure: the caller owns clock, log and answers. Nothing here is acknowledged; the caller does that once the
records are durable.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from gateway.can import TransportState
from gateway.errors import RefusedError
from gateway.frame import Admitted, build
from gateway.payload import decode
from gateway.recent import Known, Recent
from gateway.registry import Fitted
from gateway.report import Report
from streams.codec import encode_frame
from streams.records import Form, NewRecord, RecordKind


class Arrived(NamedTuple):
    """A message of a fitted device. ``report`` is set when it is already decoded (raw NMEA)."""

    device: str
    fitted: Fitted
    payload: bytes
    received_ms: int
    report: Report | None = None


class Rejected(NamedTuple):
    """A message that is refused for good; ``boot`` and ``seq`` are None when it can't be answered."""

    arrived: Arrived
    form: Form
    reason: str
    detail: str
    boot: str | None
    seq: int | None


class Buses:
    """Half-received CAN transfers by device, so that one may span reports; the newest devices only."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._states: OrderedDict[str, TransportState] = OrderedDict()

    def of(self, device: str) -> TransportState:
        """The state of this device's buses."""
        state = self._states.pop(device, None) or TransportState()
        self._states[device] = state
        if len(self._states) > self._capacity:
            self._states.popitem(last=False)
        return state


@dataclass(slots=True)
class Batch:
    """What one append holds, and what else became of the messages."""

    records: list[NewRecord] = field(default_factory=list)
    kept: list[Admitted] = field(default_factory=list)
    known: list[tuple[Arrived, Known]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    samples: int = 0


def prepare(messages: Sequence[Arrived], recent: Recent, buses: Buses, now_ms: int) -> Batch:
    """Decode ``messages`` and build one frame for each partition among them."""
    batch = Batch()
    by_partition: dict[int, list[Admitted]] = {}
    for arrived in messages:
        digest = sha256(arrived.payload).digest()
        report = arrived.report
        if report is None:
            known = recent.find(arrived.device, digest)
            if known is not None:
                batch.known.append((arrived, known))
                continue
            read = _read(arrived, buses)
            if isinstance(read, Rejected):
                batch.rejected.append(read)
                continue
            report = read
        fitted = arrived.fitted
        by_partition.setdefault(fitted.partition, []).append(
            Admitted(
                arrived.device,
                fitted.asset,
                fitted.tenant,
                arrived.received_ms,
                digest,
                arrived.payload,
                report,
            )
        )
    for partition, admitted in by_partition.items():
        _add_frame(batch, partition, admitted, now_ms)
    return batch


def form_of(payload: bytes) -> Form:
    """The form that the first byte promises: the one to answer in."""
    return Form.JSON if payload[:1] == b"{" else Form.CBOR


def _read(arrived: Arrived, buses: Buses) -> Report | Rejected:
    payload = arrived.payload
    form = form_of(payload)
    try:
        bus = buses.of(arrived.device) if b"can" in payload else None
        return decode(payload, bus, arrived.fitted.datum)
    except RefusedError as error:
        return Rejected(arrived, form, error.reason, error.detail, error.boot, error.seq)
    except Exception as error:  # a fault of ours must not let one report, sent again and again, stop all
        return Rejected(arrived, form, "not_readable", f"decoder failed: {error!r}", None, None)


def _add_frame(batch: Batch, partition: int, admitted: list[Admitted], now_ms: int) -> None:
    result = build(admitted)
    for item, reason, detail in ((r.admitted, r.reason, r.detail) for r in result.refused):
        fitted = Fitted(item.asset, item.tenant, partition)
        arrived = Arrived(item.device, fitted, item.raw, item.received_ms)
        report = item.report
        batch.rejected.append(Rejected(arrived, report.form, reason, detail, report.boot, report.seq))
    if result.frame is not None:
        body = encode_frame(result.frame)
        batch.records.append(NewRecord(partition, RecordKind.FRAME, now_ms, "", body))
        batch.kept += result.kept
        batch.samples += result.frame.samples.num_rows
