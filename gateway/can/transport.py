"""J1939 transport protocol (J1939-21): long messages put together from their packets, overheard.

Broadcasts (BAM) and connections between two addresses (RTS/CTS) are followed per (source, destination),
so transfers of different sources interleave. What can't be completed is dropped and counted, never
guessed: a packet lost or out of order, sizes that don't agree, a pause beyond the standard's timers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.can.j1939 import Id

TP_CM: Final = 60416
TP_DT: Final = 60160

_RTS, _CTS, _END, _BAM, _ABORT = 16, 17, 19, 32, 255
_T1_MS: Final = 750  # between packets of a broadcast
_T2_MS: Final = 1250  # between packets of a connection, after a CTS (T2, T3)
_MIN_BYTES: Final = 9
_MAX_BYTES: Final = 1785
_MAX_OPEN: Final = 32


@dataclass(frozen=True, slots=True)
class Message:
    """A complete message: its last packet's time, its group, who sent it to whom, its bytes."""

    t_ms: int
    pgn: int
    source: int
    destination: int
    data: bytes


@dataclass(slots=True)
class _Transfer:
    pgn: int
    size: int
    packets: int
    broadcast: bool
    last_ms: int
    data: bytearray = field(default_factory=bytearray)

    @property
    def next_packet(self) -> int:
        return len(self.data) // 7 + 1

    def late(self, t_ms: int) -> bool:
        return abs(t_ms - self.last_ms) > (_T1_MS if self.broadcast else _T2_MS)


class Transport:
    """The open transfers of one bus; at most 32, the oldest gives way.

    ``dropped`` counts transfers that were given up. Pure: time comes with the frames.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._open: dict[tuple[int, int], _Transfer] = {}

    def feed(self, t_ms: int, id_: Id, data: bytes) -> Message | None:
        """Take one frame of PGN 60416 or 60160; gives the message that it completes."""
        self._expire(t_ms)
        if len(data) < 8:
            return None
        if id_.pgn == TP_CM:
            self._manage(t_ms, id_, data)
            return None
        return self._collect(t_ms, id_, data)

    def expire(self, t_ms: int) -> None:
        """Give up what has been silent for too long at ``t_ms``."""
        self._expire(t_ms)

    def _expire(self, t_ms: int) -> None:
        for key in [key for key, transfer in self._open.items() if transfer.late(t_ms)]:
            self._drop(key)

    def _drop(self, key: tuple[int, int]) -> None:
        if self._open.pop(key, None) is not None:
            self.dropped += 1

    def _manage(self, t_ms: int, id_: Id, data: bytes) -> None:
        control = data[0]
        key, back = (id_.source, id_.destination), (id_.destination, id_.source)
        if control in (_BAM, _RTS):
            self._begin(t_ms, key, data, broadcast=control == _BAM)
        elif control == _CTS and back in self._open:
            self._resume(t_ms, back, allowed=data[1], packet=data[2])
        elif control == _ABORT:
            self._drop(back)
            self._drop(key)
        elif control == _END:
            self._drop(back)

    def _begin(self, t_ms: int, key: tuple[int, int], data: bytes, *, broadcast: bool) -> None:
        self._drop(key)
        size, packets = int.from_bytes(data[1:3], "little"), data[3]
        if not _MIN_BYTES <= size <= _MAX_BYTES or packets != -(-size // 7):
            self.dropped += 1
            return
        if len(self._open) >= _MAX_OPEN:
            self._drop(min(self._open, key=lambda other: self._open[other].last_ms))
        pgn = int.from_bytes(data[5:8], "little")
        self._open[key] = _Transfer(pgn, size, packets, broadcast, t_ms)

    def _resume(self, t_ms: int, key: tuple[int, int], *, allowed: int, packet: int) -> None:
        """The receiver asks for packets from ``packet`` on, perhaps again; 0 allowed means wait."""
        transfer = self._open[key]
        transfer.last_ms = t_ms
        if allowed == 0:
            return
        if not 1 <= packet <= transfer.next_packet:
            self._drop(key)
            return
        del transfer.data[(packet - 1) * 7 :]

    def _collect(self, t_ms: int, id_: Id, data: bytes) -> Message | None:
        key = (id_.source, id_.destination)
        transfer = self._open.get(key)
        if transfer is None:
            return None
        if data[0] != transfer.next_packet:
            self._drop(key)
            return None
        transfer.data += data[1:8]
        transfer.last_ms = t_ms
        if transfer.next_packet <= transfer.packets:
            return None
        del self._open[key]
        return Message(t_ms, transfer.pgn, id_.source, id_.destination, bytes(transfer.data[: transfer.size]))
