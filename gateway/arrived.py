"""A message as it came from the broker, on its way to the log."""

from __future__ import annotations

from typing import NamedTuple

from gateway.registry import Fitted
from gateway.report import Report


class Arrived(NamedTuple):
    """A message of a fitted device. ``report`` is set when it is already decoded (raw NMEA)."""

    device: str
    fitted: Fitted
    payload: bytes
    received_ms: int
    report: Report | None = None
