"""The exposure and driving report over the read model, with where its inputs lie in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from api.errors import Problem
from api.render import render
from api.scope import Scope
from feeds.ledger.book import EventKey
from feeds.ledger.errors import LedgerError
from feeds.readmodel import ObjectFilter, StoredObject
from streams.cover.report import Told, report
from streams.events import Kind

_DAY_MS: Final = 86_400_000
_PAGE: Final = 1_000
_MOST: Final = 20_000
_KINDS: Final = (Kind.EXPOSURE, Kind.INCIDENT, Kind.GAP, Kind.HANDOVER, Kind.BREACH)


def report_of(scope: Scope, asset: StoredObject, month: str) -> dict[str, Any]:
    """The report of an asset that this scope gave, in the API's units. Raises Problem."""
    start, end = _around(month)
    found = [_told(scope, kind, asset.id, start, end) for kind in _KINDS]
    made = report(month, *found)
    shown: dict[str, Any] = render(made)
    return {"asset": asset.id, **shown, "ledger": _places(scope, made["inputs"])}


def _around(month: str) -> tuple[int, int]:
    """The month in UTC with a day on both sides, for local time is nowhere further away."""
    year, number = int(month[:4]), int(month[5:])
    first = datetime(year, number, 1, tzinfo=UTC)
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1000 - _DAY_MS, int(after.timestamp()) * 1000 + _DAY_MS


def _told(scope: Scope, kind: Kind, asset: str, start: int, end: int) -> list[Told]:
    where, found = ObjectFilter(asset=asset, start_ms=start, end_ms=end), list[Told]()
    after: tuple[int, str] | None = None
    while True:
        page = scope.objects(kind, where, after, _PAGE)
        found += [Told(one.id, one.revision, one.data) for one in page]
        if len(page) < _PAGE:
            return sorted(found, key=lambda one: one.id)
        if len(found) > _MOST:
            raise Problem(422, f"too much for one report: got more than {_MOST} of kind {kind.value}")
        after = page[-1].start_ms, page[-1].id


def _places(scope: Scope, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By log the range of places of the inputs, and how many of them are there; empty without a ledger."""
    places: dict[int, list[int]] = {}
    try:
        for one in inputs:
            key = EventKey(one["id"], one["revision"])
            for log, ledger in enumerate(scope.ports.ledgers):
                kept = ledger.find(key)
                if kept is not None and kept.tenant == scope.tenant:
                    places.setdefault(log, []).append(kept.place)
                    break
    except LedgerError:
        return []
    return [
        {"log": log, "first": min(held), "last": max(held), "records": len(held)}
        for log, held in sorted(places.items())
    ]
