"""The result as plain values, for JSON: one shape for the command, the API and other programs."""

from __future__ import annotations

from typing import Any

from feeds.reconcile.findings import TITLES, Change, Finding, ListInfo, Place, Result


def plain(result: Result, most: int | None = None) -> dict[str, Any]:
    """All of it, or the first ``most`` findings; ``counts`` and ``total`` are always of all."""
    shown = result.findings if most is None else result.findings[:most]
    return {
        "clean": result.clean,
        "agreed": result.agreed,
        "total": len(result.findings),
        "counts": {kind.value: count for kind, count in result.counts.items()},
        "lists": [_list(one) for one in result.lists],
        "findings": [finding(one) for one in shown],
    }


def finding(one: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "kind": one.kind.value,
        "title": TITLES[one.kind],
        "severity": one.severity.value,
        "text": one.text,
        "proposal": one.proposal,
        "what": one.what or None,
        "position": one.position,
        "got": one.got or None,
        "want": one.want or None,
        "places": [_place(place) for place in one.places],
        "changes": [_change(change) for change in one.changes],
    }


def _list(one: ListInfo) -> dict[str, Any]:
    return {
        "side": one.side.value,
        "file": one.file,
        "form": one.form,
        "sheet": one.sheet,
        "rows": one.rows,
        "columns": one.columns,
        "notes": list(one.notes),
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "side": place.side.value,
        "row": place.row,
        "vin_at": place.vin_at,
        "chassis_at": place.chassis_at,
        "vin": place.vin,
        "chassis": place.chassis,
        "reference": place.reference or None,
    }


def _change(change: Change) -> dict[str, Any]:
    return {"side": change.side.value, "address": change.address, "got": change.got, "want": change.want}
