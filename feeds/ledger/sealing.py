"""Many records at once: the heads of reports as CBOR, contents as the book keeps them, and their entries.

The compiled twin of ``entry.seal`` and ``cbor.group_map``: the same bytes. Records' groups lie in one buffer,
those of a record by name: rows of ``begins`` and ``ends`` are groups in the order of ``NAMES``, columns are
records; a group that a record has not begins at -1. Pure.
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
from feeds.ledger.entry import ENTRY_BYTES, SALT_BYTES, WHOLE
from geofences.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
NAMES: Final = ("coarse", "driver", "facts", "head", "place", "signals", WHOLE)
"""Groups of a report, sorted; the last one is the record as a whole."""
_WHOLE: Final = NAMES.index(WHOLE)
_IN_MAP: Final = (WHOLE, "place", "coarse", "signals", "driver", "facts", "head")
_MAPPED: Final = np.array([NAMES.index(name) for name in _IN_MAP])
HEAD_KEYS: Final = (
    "key",
    "seq",
    "boot",
    "form",
    "hash",
    "prev",
    "asset",
    "topic",
    "boot_n",
    "device",
    "samples",
    "verdict",
    "signature",
    "received_ms",
)
"""Of a report's head, as canonical CBOR has them: shorter names first."""
TEXTS: Final = (None, *HEAD_KEYS, "new", "conflict")
"""What the texts of ``heads`` begin with."""
_NEW, _CONFLICT = len(TEXTS) - 2, len(TEXTS) - 1
_HEAD_FIXED: Final = 1 + sum(len(cbor2.dumps(key)) for key in HEAD_KEYS) + 9 * 6 + 34 * 2 + 9


def joined(parts: Sequence[bytes]) -> tuple[Bytes, Places]:
    """Some bytes as one, and where each begins; one place more for the end."""
    ends = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=ends[1:])
    return np.frombuffer(b"".join(parts), np.uint8), ends


_LABELS, _LABEL_CUTS = joined([b"\x02" + bytes([len(name)]) + name.encode() for name in NAMES])
_KEYS, _KEY_CUTS = joined([cbor2.dumps(name) for name in NAMES])


def heads(
    conflict: npt.NDArray[np.bool_],
    texts: tuple[Bytes, Places],
    codes: npt.NDArray[np.int32],
    numbers: Places,
    counted: npt.NDArray[np.bool_],
    hashes: tuple[Bytes, Bytes, npt.NDArray[np.bool_]],
) -> tuple[Bytes, Places]:
    """The heads of reports one after the other, and where each begins.

    ``texts``: TEXTS and others as CBOR; ``codes``: of each report the places there of key, boot, asset,
    topic and device; ``numbers``: seq, form, boot_n (where ``counted``), samples, signature, received_ms;
    ``hashes``: its own, that it names, whether it names one.
    """
    data, cuts = texts
    size = int((cuts[1:] - cuts[:-1])[codes].sum()) + len(codes) * _HEAD_FIXED
    out, begins = np.empty(size, np.uint8), np.zeros(len(codes) + 1, np.int64)
    _heads(conflict, data, cuts, codes, numbers, counted, *hashes, out, begins)
    return out, begins


def contents(data: Bytes, begins: Places, ends: Places) -> list[bytearray]:
    """Of each record the map of its groups as CBOR."""
    count = begins.shape[1]
    size = int((ends - begins).sum()) + count * (1 + len(_KEYS) + 5 * len(NAMES))
    out, cuts = bytearray(size), np.zeros(count + 1, np.int64)
    _maps(data, begins, ends, _MAPPED, _KEYS, _KEY_CUTS, np.frombuffer(out, np.uint8), cuts)
    return [out[begin:end] for begin, end in pairwise(cuts.tolist())]


def entries(starts: Bytes, data: Bytes, begins: Places, ends: Places, salts: Bytes) -> list[bytes]:
    """The entries of records; ``starts``: what stands before their hashes, ``salts``: a row a record, one
    after the other for its groups by name."""
    made = np.empty((len(starts), ENTRY_BYTES), np.uint8)
    made[:, : starts.shape[1]] = starts
    commit = _commit if sha.FOUND else _commit_one_by_one
    commit(data, begins, ends, salts, _LABELS, _LABEL_CUTS, made)
    flat = made.tobytes()
    return [flat[at : at + ENTRY_BYTES] for at in range(0, len(flat), ENTRY_BYTES)]


def signals(
    said: Places, begins: Places, packed: bytes, size: int, names: bytes, extras: tuple[Bytes, Places]
) -> tuple[Bytes, Places]:
    """The group ``signals`` of reports ``said``, one after the other, and where each begins.

    ``packed``: the rows of all samples, ``size`` bytes each; ``begins``: the first one of each report and one
    place more; ``names``: CBOR of the columns; ``extras``: CBOR of each one's further signals, and where it
    begins.
    """
    rows = begins[said + 1] - begins[said]
    count = int(rows.sum()) * size + len(said) * (1 + len(names) + 9) + len(extras[0])
    out, cuts = np.empty(count, np.uint8), np.zeros(len(said) + 1, np.int64)
    flat, named = np.frombuffer(packed, np.uint8), np.frombuffer(names, np.uint8)
    _signals(begins[said] * size, rows * size, flat, named, *extras, out, cuts)
    return out, cuts


def _commit_one_by_one(
    data: Bytes, begins: Places, ends: Places, salts: Bytes, labels: Bytes, cuts: Places, out: Bytes
) -> None:
    """As ``_commit``, where OpenSSL's functions can't be found."""
    flat, marks = data.tobytes(), [labels[cuts[n] : cuts[n + 1]].tobytes() for n in range(len(NAMES))]
    for record in range(begins.shape[1]):
        parts, salted = [b"\x03"], salts[record].tobytes()
        for group, mark in enumerate(marks):
            begin, end = int(begins[group, record]), int(ends[group, record])
            if begin < 0:
                continue
            made = sha256(mark + salted[:SALT_BYTES] + flat[begin:end]).digest()
            salted = salted[SALT_BYTES:]
            if group == _WHOLE:
                out[record, 20:52] = np.frombuffer(made, np.uint8)
            else:
                parts += [mark[1:], made]
        out[record, 52:84] = np.frombuffer(sha256(b"".join(parts)).digest(), np.uint8)


@compiled
def _commit(data: Any, begins: Any, ends: Any, salts: Any, labels: Any, cuts: Any, out: Any) -> None:
    state = np.empty(sha.STATE_BYTES, np.uint8)
    parts = np.empty(1 + len(labels) + 32 * len(begins), np.uint8)
    parts[0] = 3
    last = len(begins) - 1
    for record in range(begins.shape[1]):
        at, salt = 1, 0
        for group in range(len(begins)):
            begin = begins[group, record]
            if begin < 0:
                continue
            label = labels[cuts[group] : cuts[group + 1]]
            sha.begin(state.ctypes)
            sha.take(state.ctypes, label.ctypes, len(label))
            sha.take(state.ctypes, salts[record, salt:].ctypes, 16)
            sha.take(state.ctypes, data[begin:].ctypes, ends[group, record] - begin)
            salt += 16
            if group == last:
                sha.end(out[record, 20:].ctypes, state.ctypes)
            else:
                at = _put(parts, at, label, 1, len(label))
                sha.end(parts[at:].ctypes, state.ctypes)
                at += 32
        sha.begin(state.ctypes)
        sha.take(state.ctypes, parts.ctypes, at)
        sha.end(out[record, 52:].ctypes, state.ctypes)


@compiled
def _maps(
    data: Any, begins: Any, ends: Any, order: Any, keys: Any, key_cuts: Any, out: Any, cuts: Any
) -> None:
    at = 0
    for record in range(begins.shape[1]):
        first = at
        at += 1
        count = 0
        for group in order:
            begin, end = begins[group, record], ends[group, record]
            if begin < 0:
                continue
            count += 1
            at = _put(out, at, keys, key_cuts[group], key_cuts[group + 1])
            at = _number(out, at, 0x40, end - begin)
            at = _put(out, at, data, begin, end)
        out[first] = 0xA0 | count
        cuts[record + 1] = at


@compiled
def _heads(
    conflict: Any,
    texts: Any,
    cuts: Any,
    codes: Any,
    numbers: Any,
    counted: Any,
    hashes: Any,
    prevs: Any,
    named: Any,
    out: Any,
    begins: Any,
) -> None:
    at = 0
    for record in range(len(codes)):
        out[at] = 0xA0 | 14
        at += 1
        for key in range(14):
            at = _put(out, at, texts, cuts[key + 1], cuts[key + 2])
            text, number = -1, -1
            if key == 0:
                text = codes[record, 0]
            elif key == 1:
                number = 0
            elif key == 2:
                text = codes[record, 1]
            elif key == 3:
                number = 1
            elif key == 4:
                at = _number(out, at, 0x40, 32)
                at = _put(out, at, hashes, record * 32, record * 32 + 32)
            elif key == 5 and named[record]:
                at = _number(out, at, 0x40, 32)
                at = _put(out, at, prevs, record * 32, record * 32 + 32)
            elif key == 5:
                text = 0
            elif key == 6:
                text = codes[record, 2]
            elif key == 7:
                text = codes[record, 3]
            elif key == 8 and counted[record]:
                number = 2
            elif key == 8:
                text = 0
            elif key == 9:
                text = codes[record, 4]
            elif key == 10:
                number = 3
            elif key == 11:
                text = _CONFLICT if conflict[record] else _NEW
            elif key == 12:
                number = 4
            else:
                number = 5
            if text >= 0:
                at = _put(out, at, texts, cuts[text], cuts[text + 1])
            if number >= 0:
                value = numbers[number, record]
                at = _number(out, at, 0x00, value) if value >= 0 else _number(out, at, 0x20, -1 - value)
        begins[record + 1] = at


@compiled
def _signals(
    firsts: Any, lengths: Any, packed: Any, names: Any, extras: Any, extra_cuts: Any, out: Any, cuts: Any
) -> None:
    at = 0
    for record in range(len(firsts)):
        out[at] = 0x83
        at = _put(out, at + 1, names, 0, len(names))
        at = _number(out, at, 0x40, lengths[record])
        at = _put(out, at, packed, firsts[record], firsts[record] + lengths[record])
        at = _put(out, at, extras, extra_cuts[record], extra_cuts[record + 1])
        cuts[record + 1] = at


@compiled
def _put(out: Any, at: Any, data: Any, begin: Any, end: Any) -> Any:
    out[at : at + end - begin] = data[begin:end]
    return at + end - begin


@compiled
def _number(out: Any, at: Any, major: Any, value: Any) -> Any:
    """A number of CBOR as short as it can be."""
    if value < 24:
        out[at] = major | value
        return at + 1
    more, size = 0, 1
    while size < 8 and value >> (8 * size):
        size *= 2
        more += 1
    out[at] = major | (24 + more)
    for n in range(size):
        out[at + 1 + n] = (value >> (8 * (size - 1 - n))) & 0xFF
    return at + 1 + size
