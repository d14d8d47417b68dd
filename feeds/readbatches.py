"""Batches as the officers of some gates see them: with those of its cases only that are at their gates."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from feeds.readreach import AtGates, Reach, of_objects
from feeds.readsql import StoredObject
from streams.events import Event, Kind

_AT_ONCE: Final = 500
_Row = TypeVar("_Row", Event, StoredObject)


def within(db: sqlite3.Connection, reach: Reach, found: Sequence[_Row]) -> list[_Row]:
    """``found`` with the lists of batches cut to the cases in ``reach``."""
    if not isinstance(reach, AtGates) or not reach.gates:
        return list(found)
    named = [case for one in found if one.kind is Kind.BATCH for case in _cases(one.data)]
    if not named:
        return list(found)
    seen = _seen(db, reach, [str(case.get("case")) for case in named])
    return [one if one.kind is not Kind.BATCH else replace(one, data=cut(one.data, seen)) for one in found]


def cut(data: dict[str, Any], seen: Iterable[str]) -> dict[str, Any]:
    """The data of a batch with only those cases that are in ``seen``."""
    kept = set(seen)
    return {**data, "cases": [case for case in _cases(data) if case.get("case") in kept]}


def _cases(data: dict[str, Any]) -> list[dict[str, Any]]:
    return data.get("cases") or []


def _seen(db: sqlite3.Connection, reach: AtGates, ids: Sequence[str]) -> set[str]:
    term, of = of_objects(Kind.CASE, reach)
    different = sorted(set(ids))
    found: set[str] = set()
    for start in range(0, len(different), _AT_ONCE):
        some = different[start : start + _AT_ONCE]
        rows = db.execute(
            f"SELECT id FROM objects WHERE kind = 'case' AND id IN ({','.join('?' * len(some))}) AND {term}",
            (*some, *of),
        )
        found.update(id_ for (id_,) in rows)
    return found
