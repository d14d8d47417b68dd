"""A receiver's stream: bytes in any portions, fixes out when their epoch is complete."""

from __future__ import annotations

from typing import Final

from gateway.payload.nmea.epoch import Before, Calendar, Epoch, Fix, close, fold
from gateway.payload.nmea.framing import frame
from gateway.payload.nmea.sentences import Sentence, parse

_POSITIONS: Final = frozenset(("RMC", "GGA", "GLL", "GNS"))
_OTHER_TIME_MS: Final = 10


class NmeaSession:
    """State of one receiver between messages: a cut sentence, the open epoch, the date.

    ``dropped`` counts sentences with a wrong or missing checksum, or that can't be read. Memory is
    bounded by one sentence. Not shared between threads.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""
        self._epoch = Epoch()
        self._calendar = Calendar()
        self._before = Before()
        self._last_kind = ""

    def feed(self, data: bytes, received_ms: int) -> list[Fix]:
        """Take the next bytes; gives the fixes whose epoch these bytes ended.

        ``received_ms`` (ms since 1970, UTC) places fixes of receivers that give no date.
        """
        framed = frame(self._rest + data)
        self._rest = framed.rest
        self.dropped += framed.dropped
        fixes: list[Fix] = []
        for body in framed.bodies:
            try:
                sentence = parse(body)
            except ValueError:
                self.dropped += 1
                continue
            if sentence is None:
                self._last_kind = ""
                continue
            if self._begins(sentence):
                fixes += self._close(received_ms)
            self._take(sentence)
        return fixes

    def flush(self, received_ms: int) -> list[Fix]:
        """End the open epoch, and a sentence cut at its end: the receiver was silent, or its session ends."""
        self.dropped += bool(self._rest)
        self._rest = b""
        return self._close(received_ms)

    def _begins(self, sentence: Sentence) -> bool:
        """Whether this sentence belongs to another epoch than the open one."""
        epoch = self._epoch
        if sentence.tod_ms is not None and epoch.tod_ms is not None:
            return abs(sentence.tod_ms - epoch.tod_ms) >= _OTHER_TIME_MS
        return (
            sentence.tod_ms is None
            and sentence.kind in _POSITIONS
            and (sentence.talker, sentence.kind) in epoch.seen
        )

    def _take(self, sentence: Sentence) -> None:
        if sentence.kind == "GSA" and sentence.sats is not None:
            so_far = self._before.sats_used if self._last_kind == "GSA" else 0
            self._before.sats_used = so_far + sentence.sats
            sentence.sats = None
        self._last_kind = sentence.kind
        fold(self._epoch, sentence, self._before)

    def _close(self, received_ms: int) -> list[Fix]:
        epoch, self._epoch = self._epoch, Epoch()
        if epoch.mode:
            self._before.mode = epoch.mode
            self._before.altitude = epoch.mode >= 2 and epoch.alt_m is not None
        fix = close(epoch, self._calendar, received_ms)
        return [] if fix is None else [fix]
