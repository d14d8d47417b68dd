"""Which reports are plain (see ``gateway.plain``), and where in their bytes everything lies: compiled.

Items are those of CBOR (RFC 8949): a head of a major type and five bits, then 0 to 8 bytes of argument. The
functions are compiled into those of ``gateway.plain``, too: touch that file after an edit here.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gateway.columns import SPECS, TIME
from gateway.payload import MAX_BYTES
from gateway.payload.envelope import MAX_SAMPLES, MAX_SEQ
from geofences.compiled import compiled

LISTS: Final = (TIME.wire, *(spec.wire for spec in SPECS))
"""The keys that hold lists."""
PAD: Final = 32
"""Bytes behind the last report: a head and a key are looked at beyond it before that is noticed."""
TAKEN, COUNT, BOOT_AT, BOOT_SIZE, BOOT_NUMBER, SEQUENCE, PREV_AT, WIDTH = range(8)
"""What ``scan`` tells of a report: whether it is plain, its samples, where its boot lies, its boot_n (-1:
none), its seq, where its prev lies (0: none); and how many these are."""

_V, _BOOT, _BOOT_N, _SEQ, _PREV, _DATUM = range(len(LISTS), len(LISTS) + 6)
_KEYS: Final = (*LISTS, "v", "boot", "boot_n", "seq", "prev", "datum")
_LON, _LAT = LISTS.index("lon"), LISTS.index("lat")
_NEEDED: Final = 1 | 1 << _V | 1 << _BOOT | 1 << _SEQ
_WGS84: Final = int.from_bytes(b"wgs84", "little")


def _words(name: str) -> tuple[int, int]:
    """Up to 15 characters and their number as two numbers."""
    padded = name.encode().ljust(15, b"\0") + bytes([len(name)])
    return int.from_bytes(padded[:8], "little"), int.from_bytes(padded[8:], "little")


NAMES: Final = np.array([_words(name) for name in _KEYS], np.int64)
"""int64[keys, 2]: the keys that are known, as ``scan`` takes them."""
LOW: Final = np.array([TIME.low, *(spec.low for spec in SPECS)])
"""The least value of each list."""
HIGH: Final = np.array([TIME.high, *(spec.high for spec in SPECS)])
"""The greatest value of each list."""
WHOLE: Final = np.array([False, *(spec.whole for spec in SPECS)])
"""Whether a list holds whole numbers only."""


@compiled
def _swapped(word: Any) -> Any:
    """The 8 bytes in the other order."""
    word = np.uint64(word)
    few, some = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
    word = word >> np.uint64(8) & few | (word & few) << np.uint64(8)
    word = word >> np.uint64(16) & some | (word & some) << np.uint64(16)
    return word >> np.uint64(32) | word << np.uint64(32)


@compiled
def head(data: Any, words: Any, at: Any) -> Any:
    """Major type, low five bits, argument (as int64) of the item at ``at``, and where it goes on."""
    major, info = np.int64(data[at]) >> 5, np.int64(data[at]) & 31
    if info < 24:
        return major, info, info, at + 1
    if info > 27:
        return 8, info, np.int64(0), at + 1  # indefinite length or reserved
    size = 1 << (info - 24)
    argument = _swapped(words[at + 1]) >> np.uint64(64 - 8 * size)
    return major, info, np.int64(argument), at + 1 + size


@compiled
def number_at(data: Any, words: Any, at: Any, bits: Any, floats: Any, singles: Any) -> Any:
    """Kind (0 neither, 1 number, 2 null), value and where it goes on; ``bits``, ``floats`` and ``singles``
    are one place in memory."""
    major, info, argument, on = head(data, words, at)
    if major == 7 and info == 27:
        bits[0] = argument
        return 1, floats[0], on
    if major == 0 and argument >= 0:
        return 1, np.float64(argument), on
    if major == 1 and argument >= 0:
        return 1, np.float64(-1 - argument), on
    if major == 7 and info == 22:
        return 2, 0.0, on
    if major == 7 and info == 26:
        bits[0] = argument
        return 1, np.float64(singles[0]), on
    if major == 7 and info == 25:
        exponent, fraction = argument >> 10 & 31, np.float64(argument & 1023)
        if exponent == 0:
            value = fraction * 2.0**-24
        elif exponent == 31:
            return 0, 0.0, on
        else:
            value = (fraction + 1024.0) * 2.0 ** np.float64(exponent - 25)
        return 1, -value if argument >> 15 else value, on
    return 0, 0.0, on


@compiled
def _key(data: Any, at: Any, names: Any, guess: Any) -> Any:
    """Number of the key at ``at``, -1 for one that is not known, and where it goes on."""
    size: Any = np.int64(data[at]) - 0x60
    if size < 1 or size > 15:
        return -1, at
    low, high = np.int64(0), size << 56
    for i in range(size):
        if i < 8:
            low |= np.int64(data[at + 1 + i]) << (8 * i)
        else:
            high |= np.int64(data[at + 1 + i]) << (8 * (i - 8))
    if names[guess, 0] == low and names[guess, 1] == high:
        return guess, at + 1 + size
    for number in range(len(names)):
        if names[number, 0] == low and names[number, 1] == high:
            return number, at + 1 + size
    return -1, at


@compiled
def scan(
    data: Any,
    words: Any,
    starts: Any,
    wanted: Any,
    names: Any,
    low: Any,
    high: Any,
    whole: Any,
    reports: Any,
    lists: Any,
) -> None:
    """Find the plain reports: fills ``reports`` int64[n, 8] and where the items of their lists begin."""
    bits = np.zeros(1, np.int64)
    floats, singles = bits.view(np.float64), bits.view(np.float32)
    order = np.zeros(64, np.int64)  # the keys of the report before: the next one mostly has the same
    for n in range(len(starts) - 1):
        size = starts[n + 1] - starts[n]
        if wanted[n] and 0 < size <= MAX_BYTES:
            reports[n, 0] = _scan_one(
                data,
                words,
                starts[n],
                starts[n + 1],
                names,
                low,
                high,
                whole,
                reports[n],
                lists[n],
                order,
                bits,
                floats,
                singles,
            )


@compiled
def _scan_one(
    data: Any,
    words: Any,
    at: Any,
    end: Any,
    names: Any,
    low: Any,
    high: Any,
    whole: Any,
    report: Any,
    lists: Any,
    order: Any,
    bits: Any,
    floats: Any,
    singles: Any,
) -> bool:
    """Whether the report from ``at`` to ``end`` is plain."""
    major, _, keys, at = head(data, words, at)
    if major != 5 or keys < 0 or keys > len(order):
        return False
    seen, samples = np.int64(0), np.int64(-1)
    lon_nulls = lat_nulls = np.int64(0)
    report[BOOT_NUMBER] = -1
    for k in range(keys):
        key, at = _key(data, at, names, order[k])
        if key < 0 or seen >> key & 1 or at >= end:
            return False
        seen |= np.int64(1) << key
        order[k] = key
        major, info, argument, on = head(data, words, at)
        null = major == 7 and info == 22
        if key < len(lists):
            if major != 4 or argument < 0 or argument > MAX_SAMPLES or (samples >= 0 and argument != samples):
                return False
            samples = argument
            lists[key] = at = on
            nulls = np.int64(0)
            for _ in range(samples):
                if at >= end or (key == 0 and data[at] > 31):
                    return False
                kind, value, at = number_at(data, words, at, bits, floats, singles)
                if kind == 2:
                    nulls += 1
                    continue
                if kind == 0 or not (low[key] <= value <= high[key]):
                    return False
                if whole[key] and value != np.rint(value):
                    return False
            if key == _LON:
                lon_nulls = nulls
            elif key == _LAT:
                lat_nulls = nulls
            continue
        if key == _V:
            if major != 0 or argument != 1:
                return False
        elif key == _SEQ:
            if major != 0 or argument < 0 or argument > MAX_SEQ:
                return False
            report[SEQUENCE] = argument
        elif key == _BOOT_N:
            if not null and (major != 0 or argument < 0 or argument > 2**31 - 1):
                return False
            report[BOOT_NUMBER] = -1 if null else argument
        elif key == _BOOT:
            if major != 3 or argument < 1 or argument > 64 or on + argument > end:
                return False
            report[BOOT_AT], report[BOOT_SIZE] = on, argument
            for i in range(on, on + argument):
                if data[i] < 0x21 or data[i] > 0x7E:
                    return False
            on += argument
        elif key == _PREV:
            if not null and (major != 2 or argument != 32 or on + 32 > end):
                return False
            if not null:
                report[PREV_AT] = on
                on += 32
        else:
            text = np.int64(0)
            if major != 3 or argument != 5 or on + 5 > end:
                return False
            for i in range(5):
                text |= np.int64(data[on + i]) << (8 * i)
            if text != _WGS84:
                return False
            on += 5
        at = on
    if at != end or seen & _NEEDED != _NEEDED:
        return False
    if not seen >> _LON & 1:
        lon_nulls = samples
    if not seen >> _LAT & 1:
        lat_nulls = samples
    if lon_nulls != lat_nulls:
        return False
    report[COUNT] = samples
    if 0 < lon_nulls < samples:  # the same samples?
        lon, lat = lists[_LON], lists[_LAT]
        for _ in range(samples):
            if (data[lon] == 0xF6) != (data[lat] == 0xF6):
                return False
            lon, lat = head(data, words, lon)[3], head(data, words, lat)[3]
    return True
