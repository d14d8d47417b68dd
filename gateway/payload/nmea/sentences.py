"""The sentences that carry a fix (RMC, GGA, VTG, GSA, ZDA, GNS, GLL), as typed values.

RMC, GGA, VTG and GSA come with every epoch and are split here; GLL, GNS and ZDA are read by pynmea2, which
costs several times as much a sentence. That both ways agree is proven by test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Final

import pynmea2

KNOT_KMH: Final = 1.852


@dataclass(slots=True)
class Sentence:
    """What one sentence says; None is what it does not say.

    ``tod_ms`` time of day (UTC); ``date`` (year, month, day), two-digit years resolved; ``valid`` whether
    it claims a position; ``mode`` 1 none, 2 2D, 3 3D where it says so.
    """

    kind: str
    talker: str
    tod_ms: int | None = None
    date: tuple[int, int, int] | None = None
    valid: bool | None = None
    mode: int | None = None
    lon: float | None = None
    lat: float | None = None
    alt_m: float | None = None
    speed_kmh: float | None = None
    heading_deg: float | None = None
    hdop: float | None = None
    sats: int | None = None


def parse(body: bytes) -> Sentence | None:
    """Read the text between ``$`` and ``*``; None when it is no sentence that we use.

    Raises ``ValueError`` when it is one of ours and can't be read.
    """
    address = body[:6]
    if len(address) < 6 or address[5:6] != b"," or address[:1] == b"P":
        return None
    kind = address[2:5].decode("ascii", "replace")
    reader = _READERS.get(kind)
    if reader is None:
        return None
    return reader(address[:2].decode("ascii", "replace"), body.decode("latin-1"))


def _rmc(talker: str, body: str) -> Sentence:
    field = body.split(",")
    if len(field) < 10:
        raise ValueError(f"RMC too short: got {len(field)} fields, want at least 10")
    lat, lon = position(field, 3)
    valid = field[2] in ("A", "D") and lat is not None
    knots = number(field[7])
    return Sentence(
        "RMC",
        talker,
        tod_ms=time_of_day(field[1]),
        date=short_date(field[9]),
        valid=valid,
        lon=lon,
        lat=lat,
        speed_kmh=None if knots is None else knots * KNOT_KMH,
        heading_deg=number(field[8]),
    )


def _gga(talker: str, body: str) -> Sentence:
    field = body.split(",")
    if len(field) < 13:
        raise ValueError(f"GGA too short: got {len(field)} fields, want at least 13")
    lat, lon = position(field, 2)
    sats = whole(field[7])
    alt_m = number(field[9])
    quality = whole(field[6])
    return Sentence(
        "GGA",
        talker,
        tod_ms=time_of_day(field[1]),
        valid=bool(quality) and lat is not None,
        mode=_gga_mode(lat, alt_m, sats),
        lon=lon,
        lat=lat,
        alt_m=alt_m,
        hdop=_dop(field[8]),
        sats=sats,
    )


def _gga_mode(lat: float | None, alt_m: float | None, sats: int | None) -> int:
    if lat is None or (sats or 0) < 3:
        return 1
    return 3 if alt_m is not None and (sats or 0) >= 4 else 2


def _gll(talker: str, body: str) -> Sentence:
    field = _fields(body, 7)
    message = pynmea2.GLL(talker, "GLL", field[1:])
    lat, lon = position((message.lat, message.lat_dir, message.lon, message.lon_dir), 0)
    return Sentence(
        "GLL",
        talker,
        tod_ms=_tod_ms(message.timestamp),
        valid=message.status == "A" and message.faa_mode != "N" and lat is not None,
        lon=lon,
        lat=lat,
    )


def _gns(talker: str, body: str) -> Sentence:
    field = _fields(body, 13)
    message = pynmea2.GNS(talker, "GNS", field[1:])
    tod_ms = _tod_ms(message.timestamp)
    lat, lon = position((message.lat, message.lat_dir, message.lon, message.lon_dir), 0)
    sats, alt_m = whole(message.num_sats), number(message.altitude)
    valid = message.mode_indicator[:1] not in ("", "N") and lat is not None
    if valid and field[13:14] in (["U"], ["V"]):  # navigational status: unsafe, not valid
        return Sentence("GNS", talker, tod_ms=tod_ms)
    return Sentence(
        "GNS",
        talker,
        tod_ms=tod_ms,
        valid=valid,
        mode=(3 if alt_m is not None and (sats or 0) > 3 else 2) if valid else 1,
        lon=lon,
        lat=lat,
        alt_m=alt_m,
        hdop=_dop(message.hdop),
        sats=sats,
    )


def _vtg(talker: str, body: str) -> Sentence:
    field = _fields(body, 6)
    if not field[1] or not field[5] or (len(field) > 9 and field[9] in ("E", "N")):
        return Sentence("VTG", talker)
    knots = number(field[5])
    return Sentence(
        "VTG",
        talker,
        speed_kmh=None if knots is None else knots * KNOT_KMH,
        heading_deg=number(field[1]),
    )


def _gsa(talker: str, body: str) -> Sentence:
    field = _fields(body, 3)
    if len(field) < 18:
        return Sentence("GSA", talker)
    return Sentence(
        "GSA",
        talker,
        mode=whole(field[2]),
        hdop=_dop(field[16]) if len(field) <= 19 else None,
        sats=sum(1 for item in field[3:15] if item),
    )


def _zda(talker: str, body: str) -> Sentence:
    message = pynmea2.ZDA(talker, "ZDA", _fields(body, 5)[1:])
    tod_ms = _tod_ms(message.timestamp)
    day, month, year = message.day, message.month, message.year
    if tod_ms is None or not (isinstance(day, int) and isinstance(month, int) and isinstance(year, int)):
        return Sentence("ZDA", talker)
    return Sentence("ZDA", talker, tod_ms=tod_ms, date=_date(year, month, day))


def _tod_ms(value: object) -> int | None:
    """Time of day in ms from what pynmea2 made of the field (it leaves what it can't read as text)."""
    if not isinstance(value, time):
        return None
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * 1000 + (value.microsecond + 500) // 1000


def _dop(text: str) -> float | None:
    """A dilution of precision; several receivers say 99.99 for "not known"."""
    value = number(text)
    return value if value is not None and value < 99.0 else None


_READERS: Final[dict[str, Callable[[str, str], Sentence]]] = {
    "RMC": _rmc,
    "GGA": _gga,
    "GLL": _gll,
    "GNS": _gns,
    "VTG": _vtg,
    "GSA": _gsa,
    "ZDA": _zda,
}


def _fields(body: str, at_least: int) -> list[str]:
    field = body.split(",")
    if len(field) < at_least:
        raise ValueError(f"{field[0]} too short: got {len(field)} fields, want at least {at_least}")
    return field


def number(text: str) -> float | None:
    """A finite number, or None when the field is empty or something else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None


def position(field: Sequence[str], at: int) -> tuple[float | None, float | None]:
    """Latitude and longitude in degrees from four fields ``ddmm.mmm,N,dddmm.mmm,E``, or two None."""
    lat_text, north, lon_text, east = field[at : at + 4]
    if not (lat_text and north and lon_text and east):
        return None, None
    lat, lon = _degrees(lat_text), _degrees(lon_text)
    if lat is None or lon is None or lat > 90 or lon > 180:
        return None, None
    return (-lat if north == "S" else lat), (-lon if east == "W" else lon)


def _degrees(text: str) -> float | None:
    whole_part, point, _ = text.partition(".")
    if not point or not whole_part.isdecimal():
        return None
    minutes = number(text[len(whole_part) - 2 :] if len(whole_part) > 2 else text)
    if minutes is None:
        return None
    return int(whole_part[:-2] or "0") + minutes / 60


def time_of_day(text: str) -> int | None:
    """``hhmmss`` or ``hhmmss.sss`` as ms of the day, or None."""
    head = text[:6]
    if len(head) < 6 or not head.isdecimal() or not head.isascii():
        return None
    hour, minute, second = int(head[:2]), int(head[2:4]), int(head[4:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    fraction = number("0" + text[6:]) if text[6:7] == "." and len(text) > 7 else 0.0
    if fraction is None:
        return None
    return ((hour * 60 + minute) * 60 + second) * 1000 + round(fraction * 1000)


def short_date(text: str) -> tuple[int, int, int] | None:
    """``ddmmyy``: years to 79 are 20xx, later ones 19xx (gpsd's rule; GPS began in 1980)."""
    if len(text) != 6 or not text.isdecimal() or not text.isascii():
        return None
    year = int(text[4:6])
    return _date(year + (2000 if year < 80 else 1900), int(text[2:4]), int(text[:2]))


def _date(year: int, month: int, day: int) -> tuple[int, int, int] | None:
    return (year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 and 1980 <= year < 2100 else None
