"""From messages as they came to the log records of one append: decoded, checked, grouped by partition.

Pure: the caller owns clock, log and answers. Nothing here is acknowledged; the caller does that once the
records are durable.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np

from gateway.arrived import Arrived as Arrived
from gateway.arrived import Signed as Signed
from gateway.can import TransportState
from gateway.errors import RefusedError
from gateway.frame import Admitted, build
from gateway.payload import decode
from gateway.plain import Plain, read_plain
from gateway.plainframe import interleaved, plain_frame
from gateway.recent import Known, Recent
from streams.codec import encode_frame
from streams.records import Form, Frame, NewRecord, RecordKind
from streams.signing.cose import FIRST

_SIGNED: Final = bytes((FIRST,))


class Rejected(NamedTuple):
    """A message that is refused for good; ``boot`` and ``seq`` are None when it can't be answered."""

    arrived: Arrived
    form: Form
    reason: str
    detail: str
    boot: str | None
    seq: int | None


class Kept(NamedTuple):
    """A report that the batch's records hold: whose it is, its SHA-256 and what answers it."""

    device: str
    hash: bytes
    known: Known


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
    kept: list[Kept] = field(default_factory=list)
    known: list[tuple[Arrived, Known]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    samples: int = 0


def prepare(messages: Sequence[Arrived], recent: Recent, buses: Buses, now_ms: int) -> Batch:
    """Decode ``messages`` and build one frame for each partition among them."""
    batch = Batch()
    by_partition: dict[int, tuple[list[Arrived], list[bytes]]] = {}
    for arrived in messages:
        digest = sha256(arrived.payload).digest()
        if arrived.report is None:
            known = recent.find(arrived.device, digest)
            if known is not None:
                batch.known.append((arrived, known))
                continue
        group = by_partition.get(arrived.fitted.partition)
        if group is None:
            group = by_partition[arrived.fitted.partition] = ([], [])
        group[0].append(arrived)
        group[1].append(digest)
    for partition, (found, digests) in by_partition.items():
        _add_frame(batch, partition, found, digests, buses, now_ms)
    return batch


def form_of(payload: bytes) -> Form:
    """The form that the first byte promises: the one to answer in."""
    if payload[:1] == _SIGNED:
        return Form.COSE
    return Form.JSON if payload[:1] == b"{" else Form.CBOR


def _add_frame(
    batch: Batch, partition: int, arrived: list[Arrived], digests: list[bytes], buses: Buses, now_ms: int
) -> None:
    """One record of all that can be taken: the plain reports at once, the others one by one."""
    tried = [found.report is None and found.fitted.datum == "wgs84" for found in arrived]
    plain = read_plain([found.body for found in arrived], tried)
    if plain.taken.all():
        _add(batch, partition, now_ms, plain_frame(arrived, digests, plain))
        _keep_plain(batch, arrived, digests, plain)
        return
    places: dict[int, int] = {}  # of each other report, by its identity
    others: list[Admitted] = []
    for place in np.flatnonzero(~plain.taken).tolist():
        read = _read(arrived[place], digests[place], buses)
        if isinstance(read, Rejected):
            batch.rejected.append(read)
        else:
            others.append(read)
            places[id(read)] = place
    result = build(others)
    for item, reason, detail in ((r.admitted, r.reason, r.detail) for r in result.refused):
        report = item.report
        refused = Rejected(arrived[places[id(item)]], report.form, reason, detail, report.boot, report.seq)
        batch.rejected.append(refused)
    for item in result.kept:
        report = item.report
        batch.kept.append(Kept(item.device, item.hash, Known(report.form, report.boot, report.seq)))
    frame = result.frame
    taken = np.flatnonzero(plain.taken)
    if len(taken):
        some, hashes = [arrived[n] for n in taken.tolist()], [digests[n] for n in taken.tolist()]
        _keep_plain(batch, some, hashes, plain)
        both = plain_frame(some, hashes, plain)
        at = np.array([places[id(item)] for item in result.kept], np.int64)
        frame = both if frame is None else interleaved(frame, both, np.concatenate([at, taken]))
    if frame is not None:
        _add(batch, partition, now_ms, frame)


def _read(arrived: Arrived, digest: bytes, buses: Buses) -> Admitted | Rejected:
    payload, fitted, report, signed = arrived.payload, arrived.fitted, arrived.report, arrived.signed
    form = form_of(payload)
    try:
        if report is None:
            bus = buses.of(arrived.device) if b"can" in payload else None
            report = decode(arrived.body, bus, fitted.datum)
            if signed is not None:
                report.form = Form.COSE
    except RefusedError as error:
        return Rejected(arrived, form, error.reason, error.detail, error.boot, error.seq)
    except Exception as error:  # a fault of ours must not let one report, sent again and again, stop all
        return Rejected(arrived, form, "not_readable", f"decoder failed: {error!r}", None, None)
    return Admitted(
        arrived.device,
        fitted.asset,
        fitted.tenant,
        arrived.received_ms,
        digest,
        payload,
        report,
        signed and signed.signature,
        signed and signed.key,
    )


def _keep_plain(batch: Batch, arrived: list[Arrived], digests: list[bytes], plain: Plain) -> None:
    seqs = plain.seq.tolist()
    batch.kept += [
        Kept(found.device, digest, Known(Form.CBOR if found.signed is None else Form.COSE, boot, seq))
        for found, digest, boot, seq in zip(arrived, digests, plain.boot, seqs, strict=True)
    ]


def _add(batch: Batch, partition: int, now_ms: int, frame: Frame) -> None:
    batch.records.append(NewRecord(partition, RecordKind.FRAME, now_ms, "", encode_frame(frame)))
    batch.samples += frame.samples.num_rows
