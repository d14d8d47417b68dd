"""Raw NMEA and CAN inside a report, turned into samples beside those that the device decoded itself."""

from __future__ import annotations

from typing import Any

from gateway.errors import RefusedError
from gateway.report import Report


def merge_nmea(report: Report, value: Any) -> None:
    raise RefusedError("not_supported", "embedded nmea is not read yet")


def merge_can(report: Report, value: Any) -> None:
    raise RefusedError("not_supported", "embedded can is not read yet")
