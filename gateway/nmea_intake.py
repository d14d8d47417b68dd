"""The raw NMEA lines that wait for the log: taken in order, given back only when they are durable.

The broker's window bounds what waits here: it sends no more until the first of them are acknowledged.
What an append could not take is offered again before anything newer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.admission import MAX_BYTES, UNSIGNED, has_key
from gateway.batch import Arrived, Rejected
from gateway.nmea_uplink import Uplink
from gateway.registry import Registry
from streams.codec import CodecError, decode_frame
from streams.log import Log
from streams.records import Form, RecordKind

_RECOVERED_RECORDS = 64
_RECOVERED_BYTES = 32 << 20


class Line(NamedTuple):
    """A message of a raw NMEA topic; ``done`` is called when it may be acknowledged."""

    device: str
    payload: bytes
    received_ms: int
    done: Callable[[], None]


@dataclass(slots=True)
class Taken:
    """What one append takes of the lines: its reports, and whom to tell when it has succeeded."""

    arrived: list[Arrived]
    done: list[Callable[[], None]]
    rejected: list[Rejected]
    unknown: int = 0

    def settle(self) -> None:
        """Everything here is durable, or never will be."""
        for done in self.done:
            done()


class NmeaIntake:
    """Lines of all receivers, in the order of their arrival."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._waiting: deque[Line] = deque()
        self._again: list[Taken] = []
        self._uplinks: dict[str, Uplink] = {}
        self._open: set[str] = set()
        self._looked_ms = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    def due(self, now_ms: int) -> bool:
        """Whether ``take`` has something to do."""
        return bool(self._waiting or self._again) or self._to_look(now_ms)

    def add(self, line: Line) -> None:
        """Take a message in."""
        self._waiting.append(line)

    def take(self, now_ms: int) -> Taken:
        """All that waits, as reports: first what an earlier append could not take."""
        taken = Taken([], [], [])
        for earlier in self._again:
            taken.arrived += earlier.arrived
            taken.done += earlier.done
        self._again.clear()
        lines, self._waiting = self._waiting, deque()
        by_device: dict[str, list[Line]] = {}
        for line in lines:
            taken.done.append(line.done)
            by_device.setdefault(line.device, []).append(line)
        for device, found in by_device.items():
            self._take_device(device, found, taken)
        if self._to_look(now_ms):
            self._complete(now_ms, taken)
        return taken

    def put_back(self, taken: Taken) -> None:
        """The append failed: offer these again."""
        self._again.append(taken)

    def settle(self, taken: Taken) -> None:
        """The append succeeded. While something earlier waits, its repeats among these wait as well."""
        if self._again:
            self._again.append(Taken([], taken.done, []))
        else:
            taken.settle()

    def abandon(self) -> None:
        """The connection has gone, so that no one can acknowledge any more: let go of what waits."""
        for line in self._waiting:
            line.done()
        for taken in self._again:
            taken.settle()
        self._waiting.clear()
        self._again.clear()

    def forget(self) -> None:
        """Another gateway goes on: let go of what waits, and of the epochs that it will complete."""
        self.abandon()
        self._uplinks, self._open = {}, set()

    def expect_repeats(self) -> None:
        """The session was resumed: what was not acknowledged comes again."""
        for uplink in self._uplinks.values():
            uplink.expect_repeats()

    def recover(self, log: Log) -> None:
        """Rebuild the open epochs from the newest records of the log, whatever was here. Raises LogError."""
        uplinks: dict[str, Uplink] = {}
        for partition in range(log.partitions):
            after = max(0, log.end(partition) - _RECOVERED_RECORDS)
            for record in log.read(partition, after, _RECOVERED_BYTES):
                if record.kind is RecordKind.FRAME:
                    _recover_frame(record.body, uplinks)
        self._uplinks, self._open = uplinks, set(uplinks)
        self.expect_repeats()

    def _take_device(self, device: str, lines: list[Line], taken: Taken) -> None:
        fitted = self._registry.lookup(device)
        if fitted is None:
            self._uplinks.pop(device, None)
            taken.unknown += len(lines)
            return
        received_ms = lines[-1].received_ms
        if has_key(fitted, received_ms):
            self._forget_device(device)
            taken.rejected += [
                Rejected(
                    Arrived(device, fitted, line.payload, line.received_ms),
                    Form.NMEA,
                    "unsigned",
                    UNSIGNED,
                    None,
                    None,
                )
                for line in lines
            ]
            return
        payloads = []
        for line in lines:
            if len(line.payload) <= MAX_BYTES:
                payloads.append(line.payload)
                continue
            detail = f"message too large: got {len(line.payload)} bytes, want at most {MAX_BYTES}"
            arrived = Arrived(device, fitted, line.payload, line.received_ms)
            taken.rejected.append(Rejected(arrived, Form.NMEA, "too_large", detail, None, None))
        found = self._uplinks.setdefault(device, Uplink()).take(payloads, received_ms)
        if found is not None:
            raw, report = found
            report.datum = fitted.datum
            self._open.add(device)
            taken.arrived.append(Arrived(device, fitted, raw, received_ms, report))

    def _forget_device(self, device: str) -> None:
        self._uplinks.pop(device, None)
        self._open.discard(device)

    def _to_look(self, now_ms: int) -> bool:
        """Silence is looked for twice a second, and only where an epoch may be open."""
        return bool(self._open) and abs(now_ms - self._looked_ms) >= 500

    def _complete(self, now_ms: int, taken: Taken) -> None:
        self._looked_ms = now_ms
        for device in list(self._open):
            uplink, fitted = self._uplinks.get(device), self._registry.lookup(device)
            if uplink is None or fitted is None or has_key(fitted, now_ms):
                self._open.discard(device)
            elif uplink.silent(now_ms):
                self._open.discard(device)
                report = uplink.complete(now_ms)
                if report is not None:
                    report.datum = fitted.datum
                    taken.arrived.append(Arrived(device, fitted, b"", now_ms, report))


def _recover_frame(body: bytes, uplinks: dict[str, Uplink]) -> None:
    try:
        reports = decode_frame(body).reports
    except CodecError:
        return  # nobody can read it: the epochs that it may have left open are lost, the start is not
    forms = reports.column("form").to_pylist()
    for row in (row for row, form in enumerate(forms) if form == Form.NMEA):
        found = {name: reports.column(name)[row].as_py() for name in ("device", "raw", "seq", "received_ms")}
        uplink = uplinks.setdefault(found["device"], Uplink())
        uplink.recover(found["raw"], found["seq"], found["received_ms"])
