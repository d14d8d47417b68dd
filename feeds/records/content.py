"""The shown groups of a record as readable JSON values. Pure.

Numbers keep their integer units (``_ms``, ``_e7``, ``_mm``, ``_ckmh``); what was not measured is null.
Samples are columns of equal length, as a device sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import cbor2
import numpy as np
import orjson

from feeds.ledger.entry import WHOLE, EntryKind
from feeds.ledger.errors import FormatError
from feeds.ledger.reports import (
    BUS,
    COARSE,
    COARSE_GROUP,
    DRIVER,
    FACTS,
    HEAD,
    PLACE,
    PLACE_GROUP,
    SIGNALS_GROUP,
)


def readable(kind: EntryKind, name: str, contents: Sequence[bytes]) -> list[Any] | None:
    """The contents of one group of some records of a kind; None of ``whole``, which has nothing that the
    others lack. Raises FormatError for content that is none.
    """
    if name == WHOLE or (kind is EntryKind.REPORT and name not in _READERS):
        return None
    try:
        if kind is EntryKind.EVENT:
            return [orjson.loads(content) for content in contents]
        return _READERS[name](contents)
    except (ValueError, TypeError, LookupError, cbor2.CBORError) as error:
        raise FormatError(f"content of a record: {error}") from None


def head_of(content: bytes) -> dict[str, Any]:
    """The head of a report, hashes as bytes. Raises FormatError."""
    try:
        head: dict[str, Any] = cbor2.loads(content)
        return head
    except (ValueError, cbor2.CBORError) as error:
        raise FormatError(f"head of a report: {error}") from None


def _head(contents: Sequence[bytes]) -> list[Any]:
    return [
        {name: value.hex() if type(value) is bytes else value for name, value in head_of(content).items()}
        for content in contents
    ]


def _signals(contents: Sequence[bytes]) -> list[Any]:
    opened = [cbor2.loads(content) for content in contents]
    alike: dict[tuple[str, ...], list[int]] = {}
    for at, (names, _, _) in enumerate(opened):
        alike.setdefault(tuple(names), []).append(at)
    found: list[Any] = [None] * len(opened)
    for names, places in alike.items():
        columns = _columns(np.dtype([(name, BUS[name]) for name in names]), [opened[at][1] for at in places])
        order = [name for name in BUS.names or () if name in names]
        for at, one in zip(places, columns, strict=True):
            count = len(one[order[0]])
            made = {name: one[name] for name in order if one[name].count(None) < count}
            for row, name, value in opened[at][2]:
                made.setdefault(name, [None] * count)[row] = value
            found[at] = made
    return found


def _columns(dtype: np.dtype[Any], parts: Sequence[bytes]) -> list[dict[str, list[Any]]]:
    """Of each of some packed rows their columns; those of all at once, as each has few."""
    size = dtype.itemsize
    ends = np.cumsum([0, *map(len, parts)])
    if not size or (ends % size).any():
        raise ValueError(f"rows of a report: got {[len(part) for part in parts][:3]} bytes, want {size} each")
    rows, cuts = np.frombuffer(b"".join(parts), dtype), (ends // size).tolist()
    columns = []
    for name in dtype.names or ():
        column = rows[name]
        absent = np.isnan(column) if column.dtype.kind == "f" else column == np.iinfo(column.dtype).min
        values = column.tolist()
        for at in np.flatnonzero(absent).tolist():
            values[at] = None
        columns.append((name, values))
    return [{name: values[begin:end] for name, values in columns} for begin, end in pairwise(cuts)]


def _each(contents: Sequence[bytes]) -> list[Any]:
    return [cbor2.loads(content) for content in contents]


_READERS: Final[dict[str, Callable[[Sequence[bytes]], list[Any]]]] = {
    HEAD: _head,
    PLACE_GROUP: lambda contents: list(_columns(PLACE, contents)),
    COARSE_GROUP: lambda contents: list(_columns(COARSE, contents)),
    SIGNALS_GROUP: _signals,
    DRIVER: _each,
    FACTS: _each,
}
