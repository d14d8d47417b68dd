"""Raw NMEA of plain receivers: what a receiver published becomes reports that carry its lines.

A receiver has no boot, no sequence number and no acks; the broker keeps its lines until the log holds
them. One report holds what a receiver published between two appends; a fix belongs to the report whose
lines completed its epoch. Pure: clock and log are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.columns import SPECS, TIME
from gateway.payload.nmea import Fix, NmeaSession
from gateway.report import Report
from streams.records import Form

BOOT: Final = "nmea"
"""The boot of every report made here: a receiver does not tell when it started."""

SILENCE_MS: Final = 1_500
"""An epoch that nothing has been added to for so long is complete: receivers send once a second."""

_TAIL_BYTES: Final = 65_536
_SPECS: Final = {spec.wire: spec for spec in SPECS}
_COLUMNS: Final = ("lon", "lat", "alt_m", "speed_kmh", "heading_deg", "hdop", "sats", "fix")


class Uplink:
    """One receiver. Its reports' ``seq`` is the time of receipt in ms times 1,000, or one more than the last.

    So ``seq`` grows across restarts without a memory of its own, and its gaps mean nothing.
    """

    def __init__(self) -> None:
        self._session = NmeaSession()
        self._tail = b""
        self._repeats_from: int | None = None
        self._seq = -1
        self._fed_ms: int | None = None

    def take(self, payloads: Sequence[bytes], received_ms: int) -> tuple[bytes, Report] | None:
        """The raw bytes and the report of what was published; None when all of it was there before."""
        fresh = b"".join(payload for payload in payloads if not self._repeats(payload))
        if not fresh:
            return None
        dropped = self._session.dropped
        fixes = self._session.feed(fresh, received_ms)
        self._remember(fresh)
        self._fed_ms = received_ms
        return fresh, self._report(fixes, received_ms, self._session.dropped - dropped)

    def silent(self, now_ms: int) -> bool:
        """Whether nothing has come for ``SILENCE_MS`` (or the clock was set back)."""
        return self._fed_ms is None or not 0 <= now_ms - self._fed_ms < SILENCE_MS

    def complete(self, now_ms: int) -> Report | None:
        """The report of an epoch that silence has completed, if one was open; it has no bytes of its own."""
        fixes = self._session.flush(now_ms)
        return self._report(fixes, now_ms, 0) if fixes else None

    def expect_repeats(self) -> None:
        """The broker may now deliver again, in order, what it believes was not acknowledged."""
        self._repeats_from = 0

    def recover(self, raw: bytes, seq: int, received_ms: int) -> None:
        """Take in a report of this receiver from the log, in the order of the log, after a restart."""
        self._seq = max(self._seq, seq)
        if raw:
            self._session.feed(raw, received_ms)
            self._remember(raw)
            self._fed_ms = received_ms
        else:
            self._session.flush(received_ms)

    def _repeats(self, payload: bytes) -> bool:
        if self._repeats_from is None:
            return False
        at = self._tail.find(payload, self._repeats_from) if payload else 0
        self._repeats_from = None if at < 0 else at + len(payload)
        return at >= 0

    def _remember(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-_TAIL_BYTES:]

    def _report(self, fixes: Sequence[Fix], received_ms: int, dropped: int) -> Report:
        self._seq = max(self._seq + 1, received_ms * 1_000)
        sound = [fix for fix in fixes if TIME.low <= fix.t_ms <= TIME.high]
        columns: dict[str, list[Any]] = {"t": [fix.t_ms for fix in sound]}
        for name in _COLUMNS:
            values = [_possible(name, getattr(fix, name)) for fix in sound]
            if any(value is not None for value in values):
                columns[name] = values
        dropped += len(fixes) - len(sound)
        return Report(BOOT, None, self._seq, None, "wgs84", Form.NMEA, columns, dropped=dropped)


def _possible(name: str, value: float | None) -> float | None:
    """A value that no receiver can mean counts as not measured: the rest of its sentence may be right."""
    spec = _SPECS[name]
    return value if value is not None and spec.low <= value <= spec.high else None
