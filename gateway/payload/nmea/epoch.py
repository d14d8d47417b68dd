"""One fix out of the sentences of one epoch, and the date that its time of day belongs to.

An epoch is what a receiver says of one instant. Its sentences carry the same time of day or none; a
sentence with another time begins the next epoch. Where later sentences of an epoch repeat a value, the
last one counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from gateway.payload.nmea.sentences import Sentence

_DAY_MS: Final = 86_400_000
_HALF_DAY_MS: Final = 43_200_000
_CLOCK_SLACK_MS: Final = 60_000
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MERGED: Final = ("alt_m", "speed_kmh", "heading_deg", "hdop", "sats")


@dataclass(frozen=True, slots=True)
class Fix:
    """One epoch, in the units of the wire's columns.

    ``t_ms`` ms since 1970, UTC; ``timed`` is False when the receiver gave no date, so that the day (or
    the whole instant) comes from the time of receipt. ``fix`` 1 time only, 2 2D, 3 3D; position and
    movement are None below 2.
    """

    t_ms: int
    timed: bool
    fix: int
    lon: float | None = None
    lat: float | None = None
    alt_m: float | None = None
    speed_kmh: float | None = None
    heading_deg: float | None = None
    hdop: float | None = None
    sats: int | None = None


@dataclass(slots=True)
class Epoch:
    """The open epoch: what its sentences said so far."""

    tod_ms: int | None = None
    date: tuple[int, int, int] | None = None
    clocked: bool = False  # a sentence other than an invalid RMC gave the time
    mode: int = 0
    seen: set[tuple[str, str]] = field(default_factory=set)
    lon: float | None = None
    lat: float | None = None
    alt_m: float | None = None
    speed_kmh: float | None = None
    heading_deg: float | None = None
    hdop: float | None = None
    sats: int | None = None


@dataclass(slots=True)
class Calendar:
    """Which day a time of day belongs to; ``last_ms`` is the latest instant known with its date."""

    last_ms: int | None = None

    def instant(self, epoch: Epoch, received_ms: int) -> tuple[int, bool]:
        """The epoch's instant in ms and whether the receiver itself gave the date.

        A date in the epoch counts; else the day that brings the time nearest to the last dated epoch
        (midnight passes without a date in GGA); else the latest such time not after the receipt.
        """
        if epoch.tod_ms is None:
            return received_ms, False
        if epoch.date is not None:
            self.last_ms = _midnight_ms(epoch.date) + epoch.tod_ms
            return self.last_ms, True
        if self.last_ms is not None:
            days = (self.last_ms - epoch.tod_ms + _HALF_DAY_MS) // _DAY_MS
            self.last_ms = days * _DAY_MS + epoch.tod_ms
            return self.last_ms, True
        latest_ms = received_ms + _CLOCK_SLACK_MS
        return (latest_ms - epoch.tod_ms) // _DAY_MS * _DAY_MS + epoch.tod_ms, False


def _midnight_ms(day: tuple[int, int, int]) -> int:
    year, month, day_of_month = day
    first = date(year, month, 1) + timedelta(days=day_of_month - 1)
    return (first.toordinal() - _EPOCH_ORDINAL) * _DAY_MS


@dataclass(slots=True)
class Before:
    """What RMC and GLL lean on, as they claim a position without saying whether it is 2D or 3D."""

    mode: int = 0  # of the epoch before
    altitude: bool = False  # whether the epoch before had a position with an altitude
    sats_used: int = 0  # satellites that the latest GSA sentences named


def fold(epoch: Epoch, sentence: Sentence, before: Before) -> None:
    """Take one sentence into the open epoch."""
    kind = sentence.kind
    epoch.seen.add((sentence.talker, kind))
    if sentence.tod_ms is not None:
        epoch.tod_ms = sentence.tod_ms
        epoch.clocked = epoch.clocked or kind != "RMC" or bool(sentence.valid)
    if sentence.date is not None and (kind == "ZDA" or sentence.valid):
        epoch.date = sentence.date
    mode = _mode(epoch, sentence, before)
    if mode is not None:
        epoch.mode = 3 if mode == 2 and epoch.mode == 3 else mode
    if sentence.valid:
        epoch.lon, epoch.lat = sentence.lon, sentence.lat
    for name in _MERGED:
        value = getattr(sentence, name)
        if value is not None:
            setattr(epoch, name, value)


def _mode(epoch: Epoch, sentence: Sentence, before: Before) -> int | None:
    if sentence.kind == "GSA":
        return sentence.mode
    if sentence.valid is None:
        return None
    if not sentence.valid:
        return 1
    if sentence.mode is not None:
        return sentence.mode
    altitude = before.altitude if epoch.mode == 0 else epoch.alt_m is not None
    if before.sats_used > 3 or altitude:
        return 3
    return 3 if sentence.kind == "RMC" and before.mode == 3 else 2


def close(epoch: Epoch, calendar: Calendar, received_ms: int) -> Fix | None:
    """The fix of a finished epoch; None when it says neither where nor, with a date, when."""
    if epoch.mode >= 2 and epoch.lat is not None:
        t_ms, timed = calendar.instant(epoch, received_ms)
        return Fix(
            t_ms,
            timed,
            min(epoch.mode, 3),
            epoch.lon,
            epoch.lat,
            epoch.alt_m,
            epoch.speed_kmh,
            epoch.heading_deg,
            epoch.hdop,
            epoch.sats,
        )
    if not (epoch.mode and epoch.clocked) or (epoch.date is None and calendar.last_ms is None):
        return None
    t_ms, timed = calendar.instant(epoch, received_ms)
    return Fix(t_ms, timed, 1, sats=epoch.sats)
