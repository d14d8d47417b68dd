"""Reconcile before filing: the maker's production record against the filings, and against the registry.

`reconcile` compares lists by VIN and chassis number and tells what a person has to look at; nothing is ever
changed. `load` makes a list of a file; `feeds.reconcile.page`, `workbook` and `plain` tell the result as
HTML, Excel and JSON.
"""

from feeds.reconcile.compare import reconcile
from feeds.reconcile.findings import Change, Finding, Kind, Place, Result, Side
from feeds.reconcile.lists import ReconcileError, VehicleList, load

__all__ = [
    "Change",
    "Finding",
    "Kind",
    "Place",
    "ReconcileError",
    "Result",
    "Side",
    "VehicleList",
    "load",
    "reconcile",
]
