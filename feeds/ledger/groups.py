"""Many records' groups as the book keeps them, read by columns: contents and salts to give out, commitments.

The contents lie where they are; only what is asked for is copied, once. The compiled twin of ``entry``'s
``salts_of`` and ``commitment``. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

import cbor2
import numpy as np
import numpy.typing as npt

from feeds.ledger import sha
from feeds.ledger.entry import SALT_BYTES
from feeds.ledger.errors import FormatError
from feeds.ledger.sealing import HEAD_KEYS, Bytes, Places, joined
from geofences.compiled import compiled

NAMES: Final = ("body", "coarse", "driver", "facts", "head", "place", "signals", "whole")
"""The groups of reports and events, sorted as salts are."""
_HASH_BYTES: Final = 32
_KEYS, _KEY_CUTS = joined([cbor2.dumps(name) for name in NAMES])
_LABELS, _LABEL_CUTS = joined([b"\x02" + bytes([len(name)]) + name.encode() for name in NAMES])
_HEAD_KEYS, _HEAD_CUTS = joined([cbor2.dumps(name) for name in HEAD_KEYS])
_SEQ, _RECEIVED = HEAD_KEYS.index("seq"), HEAD_KEYS.index("received_ms")
_DIFFER: Final = frozenset({"seq", "form", "hash", "prev", "samples", "received_ms"})
_EACH: Final = np.array([name in _DIFFER for name in HEAD_KEYS])


class Groups:
    """The groups of some records: ``maps`` and ``salts`` as the book keeps them, b"" of what was redacted.

    Raises FormatError for maps that are none, for other groups than NAMES, and for salts that don't fit.
    """

    def __init__(self, maps: Sequence[bytes], salts: Sequence[bytes]) -> None:
        self._data, cuts = joined(maps)
        self._salts, self._salt_cuts = joined(salts)
        self._begins = np.full((len(NAMES), len(maps)), -1, np.int64)
        self._ends = np.full((len(NAMES), len(maps)), -1, np.int64)
        bad = _find(self._data, cuts, _KEYS, _KEY_CUTS, self._begins, self._ends)
        if bad >= 0:
            raise FormatError(
                f"groups of a record: got {maps[bad][:40].hex()}, want a map of {', '.join(NAMES)}"
            )
        self.there: npt.NDArray[np.bool_] = self._begins >= 0
        """By name and record, whether it has the group."""
        short = np.flatnonzero(np.diff(self._salt_cuts) != SALT_BYTES * self.there.sum(0))
        if len(short):
            got, want = len(salts[short[0]]), SALT_BYTES * int(self.there[:, short[0]].sum())
            raise FormatError(f"salts of a record: got {got} bytes, want {want}")
        self._at = self._salt_cuts[:-1] + SALT_BYTES * (np.cumsum(self.there, axis=0) - self.there)

    def order(self) -> Places:
        """Of each record, a row each, the places in NAMES of its groups as they stand in its map; before them
        those of groups that it has not."""
        return np.ascontiguousarray(np.argsort(self._begins, axis=0).T)

    def contents(self, name: str, which: npt.NDArray[np.bool_]) -> tuple[Bytes, Places]:
        """The contents of a group of the records ``which``, which have it, and where each record's begins;
        one place more for the end."""
        group = NAMES.index(name)
        cuts = np.zeros(len(which) + 1, np.int64)
        np.cumsum(np.where(which, self._ends[group] - self._begins[group], 0), out=cuts[1:])
        out = np.empty(int(cuts[-1]), np.uint8)
        _copy(self._data, self._begins[group], which, cuts, out)
        return out, cuts

    def salts(self, name: str, which: npt.NDArray[np.bool_]) -> Bytes:
        """The salts of a group of the records ``which``, which have it, a row a salt."""
        places = self._at[NAMES.index(name), which]
        return np.asarray(self._salts[places[:, None] + np.arange(SALT_BYTES)])

    def commitments(self, name: str, which: npt.NDArray[np.bool_]) -> Bytes:
        """The commitments of a group of the records ``which``, which have it, a row a hash."""
        group, rows = NAMES.index(name), np.flatnonzero(which)
        label = _LABELS[_LABEL_CUTS[group] : _LABEL_CUTS[group + 1]].copy()
        begins, ends = self._begins[group, rows], self._ends[group, rows]
        out = np.empty((len(rows), _HASH_BYTES), np.uint8)
        make = _commit if sha.FOUND else _commit_one_by_one
        make(self._data, begins, ends, self._salts, self._at[group, rows], label, out)
        return out

    def heads(self, which: npt.NDArray[np.bool_]) -> Heads:
        """The heads of the reports ``which``, which have one."""
        group, rows = NAMES.index("head"), np.flatnonzero(which)
        return Heads(self._data, self._begins[group, rows], self._ends[group, rows])


class Heads:
    """The heads of reports. ``seq``, ``received_ms``; ``sort``: all of a head that doesn't differ from report
    to report, so equal for the reports of one start that are alike.

    Raises FormatError for a head that is none.
    """

    def __init__(self, data: Bytes, begins: Places, ends: Places) -> None:
        self._data, self._begins, self._ends = data, begins, ends
        numbers = np.zeros((2, len(begins)), np.int64)
        cuts = np.zeros(len(begins) + 1, np.int64)
        sorts = np.empty(int((ends - begins).sum()), np.uint8)
        _heads(data, begins, ends, _HEAD_KEYS, _HEAD_CUTS, _EACH, numbers, sorts, cuts)
        flat, places = sorts[: cuts[-1]].tobytes(), cuts.tolist()
        self.seq: list[int] = numbers[0].tolist()
        self.received_ms: list[int] = numbers[1].tolist()
        self.sort = [flat[begin:end] for begin, end in pairwise(places)]
        for at in np.flatnonzero(cuts[1:] == cuts[:-1]).tolist():  # one of other fields, such as older ones
            self._read(at)

    def content(self, at: int) -> bytes:
        """One head as it is kept."""
        return self._data[self._begins[at] : self._ends[at]].tobytes()

    def _read(self, at: int) -> None:
        content = self.content(at)
        try:
            head = dict(cbor2.loads(content))
            self.seq[at], self.received_ms[at] = head["seq"], head["received_ms"]
            rest = {name: value for name, value in head.items() if name not in _DIFFER}
            self.sort[at] = cbor2.dumps(rest, canonical=True)
        except (ValueError, TypeError, KeyError, cbor2.CBORError):
            raise FormatError(f"head of a report: got {content[:40].hex()}, want its fields") from None


def _commit_one_by_one(
    data: Bytes, begins: Places, ends: Places, salts: Bytes, at: Places, label: Bytes, out: Bytes
) -> None:
    """As ``_commit``, where OpenSSL's functions can't be found."""
    mark = label.tobytes()
    for row, (begin, end, salt) in enumerate(zip(begins, ends, at, strict=True)):
        made = sha256(mark + salts[salt : salt + SALT_BYTES].tobytes() + data[begin:end].tobytes()).digest()
        out[row] = np.frombuffer(made, np.uint8)


@compiled
def _commit(data: Any, begins: Any, ends: Any, salts: Any, at: Any, label: Any, out: Any) -> None:
    state = np.empty(sha.STATE_BYTES, np.uint8)
    for row in range(len(begins)):
        sha.begin(state.ctypes)
        sha.take(state.ctypes, label.ctypes, len(label))
        sha.take(state.ctypes, salts[at[row] :].ctypes, 16)
        sha.take(state.ctypes, data[begins[row] :].ctypes, ends[row] - begins[row])
        sha.end(out[row].ctypes, state.ctypes)


@compiled
def _copy(data: Any, begins: Any, which: Any, cuts: Any, out: Any) -> None:
    for row in range(len(which)):
        if which[row]:
            size = cuts[row + 1] - cuts[row]
            out[cuts[row] : cuts[row + 1]] = data[begins[row] : begins[row] + size]


@compiled
def _find(data: Any, cuts: Any, keys: Any, key_cuts: Any, begins: Any, ends: Any) -> Any:
    """Fill ``begins`` and ``ends``; returns the first record that is no map of the names, -1: all are."""
    for record in range(len(cuts) - 1):
        at, end = cuts[record], cuts[record + 1]
        if at == end:
            continue
        count = data[at] & 0x1F
        if data[at] >> 5 != 5 or count > 23:
            return record
        at += 1
        for _ in range(count):
            group = -1
            for one in range(len(key_cuts) - 1):
                if _same(data, at, end, keys, key_cuts[one], key_cuts[one + 1]):
                    group = one
            if group < 0 or begins[group, record] >= 0:
                return record
            at += key_cuts[group + 1] - key_cuts[group]
            if at >= end or data[at] >> 5 != 2:
                return record
            at, size = _size(data, at, end)
            if size < 0 or size > end - at:
                return record
            begins[group, record] = at
            at += size
            ends[group, record] = at
        if at != end:
            return record
    return -1


@compiled
def _heads(
    data: Any, begins: Any, ends: Any, keys: Any, cuts: Any, each: Any, numbers: Any, out: Any, out_cuts: Any
) -> None:
    """Fill ``numbers`` and what is not of ``each`` report: nothing of a head that has other fields."""
    for row in range(len(begins)):
        first = out_cuts[row]
        out_cuts[row + 1] = max(
            _head(data, begins[row], ends[row], keys, cuts, each, numbers[:, row], out, first), first
        )


@compiled
def _head(
    data: Any, at: Any, end: Any, keys: Any, cuts: Any, each: Any, numbers: Any, out: Any, place: Any
) -> Any:
    """The end of what was put at ``place``; -1: the head has other fields."""
    if at >= end or data[at] != 0xA0 | len(each):
        return -1
    at += 1
    for key in range(len(each)):
        first, value = at, np.int64(0)
        if not _same(data, at, end, keys, cuts[key], cuts[key + 1]):
            return -1
        at += cuts[key + 1] - cuts[key]
        if at >= end:
            return -1
        major = data[at] >> 5
        if data[at] == 0xF6:
            at += 1
        elif major <= 3:
            at, value = _size(data, at, end)
            if value < 0 or (major >= 2 and value > end - at):
                return -1
            if major >= 2:
                at += value
        else:
            return -1
        if key in (_SEQ, _RECEIVED):
            if major > 1:
                return -1
            numbers[0 if key == _SEQ else 1] = value if major == 0 else -1 - value
        if not each[key]:
            out[place : place + at - first] = data[first:at]
            place += at - first
    return place if at == end else -1


@compiled
def _same(data: Any, at: Any, end: Any, keys: Any, begin: Any, stop: Any) -> Any:
    size, same = stop - begin, 0
    while same < size and at + same < end and data[at + same] == keys[begin + same]:
        same += 1
    return same == size


@compiled
def _size(data: Any, at: Any, end: Any) -> Any:
    """What follows, and the number of CBOR at ``at``; -1 for none that is short enough."""
    low = np.int64(data[at] & 0x1F)
    at += 1
    if low < 24:
        return at, low
    if low > 27 or end - at < 1 << (low - 24):
        return at, np.int64(-1)
    value = np.int64(0)
    for n in range(1 << (low - 24)):
        value = (value << 8) | np.int64(data[at + n])
    return at + (1 << (low - 24)), value
