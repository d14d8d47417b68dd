"""Reports that this gateway made durable a short while ago, so that one sent again is only answered again.

A bounded memory, not a promise: what it has forgotten is appended a second time, and the engine, which
judges by (device, boot, seq, hash), counts it once.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.records import Form


class Known(NamedTuple):
    """What is needed to answer a report again."""

    form: Form
    boot: str
    seq: int


class Recent:
    """The last ``capacity`` to twice ``capacity`` reports, by device and SHA-256 of their bytes."""

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._young: dict[tuple[str, bytes], Known] = {}
        self._old: dict[tuple[str, bytes], Known] = {}

    def find(self, device: str, digest: bytes) -> Known | None:
        """What is known of this report, None when nothing is."""
        key = (device, digest)
        return self._young.get(key) or self._old.get(key)

    def add(self, device: str, digest: bytes, known: Known) -> None:
        """Remember a report that is durable now."""
        if len(self._young) >= self._capacity:
            self._young, self._old = {}, self._young
        self._young[device, digest] = known
