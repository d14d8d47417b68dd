"""The report's cases as CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read Chinese).

A cell that a spreadsheet would take for a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

COLUMNS: Final = (
    *(
        "case",
        "reference",
        "vin",
        "chassis",
        "exporter",
        "kind",
        "gate",
        "direction",
        "day",
        "state",
        "stage",
    ),
    *("batch", "by", "regime", "regime_version", "release_rule", "lodged", "exit_port_s", "line_s"),
    *("to_release_s", "entry_port_s", "total_s", "filing_to_release_s", "within_benchmark", "manual_s"),
    *("held_s", "manual_cause", "delay"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a head line; ``rows`` are the report's, as the API gives them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in COLUMNS])
    return "\ufeff" + text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
