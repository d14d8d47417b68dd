"""Reconciling as a whole: production against filings, what the registry adds, and each list by itself.

Pure: lists in, findings out, in an order that depends on the lists only.
"""

from __future__ import annotations

from dataclasses import replace

from feeds.reconcile.alone import Alone
from feeds.reconcile.book import NAMES, Book, Indexed
from feeds.reconcile.findings import Finding, Kind, Result, Side
from feeds.reconcile.lists import VehicleList
from feeds.reconcile.othervin import OtherVin
from feeds.reconcile.samevin import SameVin

_ORDER = {kind: number for number, kind in enumerate(Kind)}


def reconcile(production: VehicleList, filings: VehicleList, registry: VehicleList | None = None) -> Result:
    """What a person has to look at before these vehicles are filed.

    The registry may hold other vehicles too: that one is not filed, or not registered, is no finding.
    """
    book = Book()
    made, filed = Indexed(production), Indexed(filings)
    same = SameVin(made, filed, book)
    same.run()
    OtherVin(made, filed, book).run()
    lists = [production, filings]
    others = [made, filed]
    if registry is not None:
        known = Indexed(registry)
        book.findings = [_with_registry(finding, known) for finding in book.findings]
        SameVin(known, filed, book).run(skip_explained=True)
        OtherVin(known, filed, book).by_chassis(skip_explained=True)
        lists.append(registry)
        others.append(known)
    for at, of in enumerate(others):
        only = None if of.side is not Side.REGISTRY else {*made.by_vin, *filed.by_vin}
        Alone(of, others[at + 1 :], book, only).run()
    findings = tuple(sorted(book.findings, key=_place))
    counts: dict[Kind, int] = {}
    for finding in findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
    return Result(tuple(one.info() for one in lists), same.agreed, findings, counts)


def _with_registry(finding: Finding, known: Indexed) -> Finding:
    """The finding with the registry's word on it."""
    if finding.what == "vin" and finding.want and finding.got:
        found = [code for code in (finding.want, finding.got) if code in known.by_vin]
        if len(found) == 1:
            return replace(
                finding, text=f"{finding.text} {NAMES[Side.REGISTRY].capitalize()} has {found[0]}."
            )
    if finding.what == "chassis" and finding.kind is not Kind.SCHEME:
        vin = next((place.vin for place in finding.places), "")
        held = [known.chassis[row] for row in known.by_vin.get(vin, ()) if known.chassis[row]]
        if held:
            return replace(finding, text=f"{finding.text} {NAMES[Side.REGISTRY].capitalize()} has {held[0]}.")
    return finding


def _place(finding: Finding) -> tuple[int, str, int, str]:
    first = finding.places[0]
    return _ORDER[finding.kind], first.side.value, first.row, finding.text
