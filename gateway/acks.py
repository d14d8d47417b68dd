"""What the gateway owes its devices: answers gathered until they are due, then written as one message.

An answer is due one second after the first thing it says, or as soon as it covers 16 reports. Time is
given by the caller in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import cbor2
import orjson

from streams.records import Form

MAX_REPORTS: Final = 16
MAX_WAIT_S: Final = 1.0


class Answer(NamedTuple):
    """A message for a device's ack topic; ``signed``: it has to be signed yet (CBOR)."""

    device: str
    payload: bytes
    signed: bool = False


@dataclass(slots=True)
class _Boot:
    durable: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    later: dict[tuple[int, str], list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Owed:
    since: float
    form: Form
    count: int = 0
    boots: dict[str, _Boot] = field(default_factory=dict)


class AckBook:
    """Answers by device that are not sent yet. Not to be shared by threads."""

    def __init__(
        self,
        max_reports: int = MAX_REPORTS,
        max_wait_s: float = MAX_WAIT_S,
        keyed: Callable[[str], bool] = lambda device: False,
    ) -> None:
        """``keyed``: whether a device believes signed answers only."""
        self._keyed = keyed
        self._owed: dict[str, _Owed] = {}
        self._full: dict[str, None] = {}
        self._max_reports = max_reports
        self._max_wait_s = max_wait_s

    def __len__(self) -> int:
        return len(self._owed)

    def durable(self, device: str, form: Form, boot: str, seq: int, now: float) -> None:
        """This gateway has made the report durable."""
        self._boot(device, form, boot, now).durable.append(seq)

    def refused(self, device: str, form: Form, boot: str, seq: int, reason: str, now: float) -> None:
        """The report is refused for good."""
        self._boot(device, form, boot, now).refused[seq] = reason

    def later(
        self, device: str, form: Form, boot: str, seq: int, reason: str, retry_s: int, now: float
    ) -> None:
        """The device shall keep the report and send it again after ``retry_s`` seconds."""
        self._boot(device, form, boot, now).later.setdefault((retry_s, reason), []).append(seq)

    def due(self, now: float) -> Iterator[Answer]:
        """Take out the answers that are due, the oldest debt first; one message a boot."""
        for device in list(self._full):
            yield from self._settle(device)
        while self._owed:
            device = next(iter(self._owed))
            if now - self._owed[device].since < self._max_wait_s:
                return
            yield from self._settle(device)

    def _boot(self, device: str, form: Form, boot: str, now: float) -> _Boot:
        owed = self._owed.get(device)
        if owed is None:
            owed = self._owed[device] = _Owed(now, form)
        owed.form = form
        owed.count += 1
        if owed.count >= self._max_reports:
            self._full[device] = None
        found = owed.boots.get(boot)
        if found is None:
            found = owed.boots[boot] = _Boot()
        return found

    def _settle(self, device: str) -> list[Answer]:
        owed = self._owed.pop(device)
        self._full.pop(device, None)
        signed = owed.form is Form.COSE or self._keyed(device)
        form = Form.COSE if signed else owed.form
        return [Answer(device, _message(form, boot, what), signed) for boot, what in owed.boots.items()]


def ranges(numbers: Iterable[int]) -> list[list[int]]:
    """The numbers as ascending ``[first, last]`` ranges."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def _message(form: Form, boot: str, what: _Boot) -> bytes:
    if form is not Form.JSON and not what.refused and not what.later:
        return _all_durable(boot, ranges(what.durable))
    durable = set(what.durable)
    message: dict[str, Any] = {
        "boot": boot,
        "durable": ranges(durable),
        "refused": [[seq, reason] for seq, reason in sorted(what.refused.items()) if seq not in durable],
        "later": sorted(
            [first, last, retry_s, reason]
            for (retry_s, reason), seqs in what.later.items()
            for first, last in ranges(set(seqs) - durable)
        ),
    }
    return orjson.dumps(message) if form is Form.JSON else cbor2.dumps(message)


def _all_durable(boot: str, found: list[list[int]]) -> bytes:
    """What cbor2 would write, in a fraction of its time: nearly every answer is of this shape."""
    out = bytearray(b"\xa4dboot")
    text = boot.encode()
    out += _head(0x60, len(text)) + text + b"gdurable" + _head(0x80, len(found))
    for first, last in found:
        out += b"\x82" + _head(0, first) + _head(0, last)
    out += b"grefused\x80elater\x80"
    return bytes(out)


def _head(major: int, number: int) -> bytes:
    """The head of a CBOR item (RFC 8949 section 3): its major type and its argument."""
    if number < 24:
        return bytes((major | number,))
    for info, size in ((24, 1), (25, 2), (26, 4)):
        if number < 1 << 8 * size:
            return bytes((major | info,)) + number.to_bytes(size, "big")
    return bytes((major | 27,)) + number.to_bytes(8, "big")
