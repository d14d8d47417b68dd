"""A message as it came from the broker, on its way to the log."""

from __future__ import annotations

from typing import NamedTuple

from gateway.registry import Fitted
from gateway.report import Report


class Signed(NamedTuple):
    """What a signature that holds says: the map that it is over, which key made it, and whether that key
    held when the report was received (1) or had been revoked before (2)."""

    body: bytes
    key: str
    signature: int


class Arrived(NamedTuple):
    """A message of a fitted device. ``report`` is set when it is already decoded (raw NMEA), ``signed`` once
    its signature was checked."""

    device: str
    fitted: Fitted
    payload: bytes
    received_ms: int
    report: Report | None = None
    signed: Signed | None = None

    @property
    def body(self) -> bytes:
        """The report itself: what is signed, or all that was published."""
        return self.payload if self.signed is None else self.signed.body
