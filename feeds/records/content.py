"""The shown groups of a record as readable JSON values. Pure.

Numbers keep their integer units (``_ms``, ``_e7``, ``_mm``, ``_ckmh``); what was not measured is null.
Samples are columns of equal length, as a device sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import cbor2
import numpy as np
import numpy.typing as npt
import orjson

from feeds.ledger.entry import WHOLE, EntryKind
from feeds.ledger.errors import FormatError
from feeds.ledger.reports import (
    COARSE,
    COARSE_GROUP,
    DRIVER,
    FACTS,
    HEAD,
    PLACE,
    PLACE_GROUP,
    SIGNALS_GROUP,
    read_signals,
)


def readable(kind: EntryKind, shown: Mapping[str, tuple[bytes, bytes]]) -> dict[str, Any]:
    """The content of each shown group by name, but of ``whole``, which has nothing that the others lack.

    Raises FormatError for content that is none.
    """
    try:
        if kind is EntryKind.EVENT:
            return {name: orjson.loads(content) for name, (_, content) in shown.items() if name != WHOLE}
        return {name: _READERS[name](content) for name, (_, content) in shown.items() if name in _READERS}
    except (ValueError, TypeError, KeyError, cbor2.CBORError) as error:
        raise FormatError(f"content of a record: {error}") from None


def head_of(content: bytes) -> dict[str, Any]:
    """The head of a report, hashes as bytes. Raises FormatError."""
    try:
        head: dict[str, Any] = cbor2.loads(content)
        return head
    except (ValueError, cbor2.CBORError) as error:
        raise FormatError(f"head of a report: {error}") from None


def _head(content: bytes) -> dict[str, Any]:
    return {
        name: value.hex() if isinstance(value, bytes) else value for name, value in head_of(content).items()
    }


def _signals(content: bytes) -> dict[str, Any]:
    rows, extras = read_signals(content)
    found = {name: one for name, one in _columns(rows).items() if one.count(None) < len(one)}
    for row, name, value in extras:
        found.setdefault(name, [None] * len(rows))[row] = value
    return found


def _columns(rows: npt.NDArray[Any]) -> dict[str, list[Any]]:
    plan = _plan(rows.dtype)
    if not len(rows):
        return {name: [] for name, _ in plan}
    found = {}
    # as Python's numbers all at once: a report has few rows, and a call of NumPy a column costs more
    for (name, null), values in zip(plan, zip(*rows.tolist(), strict=True), strict=True):
        if null is None:
            found[name] = [None if one != one else one for one in values]
        elif null in values:
            found[name] = [None if one == null else one for one in values]
        else:
            found[name] = list(values)
    return found


@lru_cache(16)
def _plan(dtype: np.dtype[Any]) -> list[tuple[str, int | None]]:
    """Of each column what stands for "not measured"; None: NaN does."""
    kinds = [(name, dtype[name]) for name in dtype.names or ()]
    return [(name, None if one.kind == "f" else int(np.iinfo(one).min)) for name, one in kinds]


_READERS: Final[dict[str, Callable[[bytes], Any]]] = {
    HEAD: _head,
    PLACE_GROUP: lambda content: _columns(np.frombuffer(content, PLACE)),
    COARSE_GROUP: lambda content: _columns(np.frombuffer(content, COARSE)),
    SIGNALS_GROUP: _signals,
    DRIVER: cbor2.loads,
    FACTS: cbor2.loads,
}
