"""Rows of a feed as a reader gets them, checked: entries, openings, inclusion, order. Pure but for tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from feeds.ledger.entry import Opening, check_opening, decode
from feeds.ledger.errors import FormatError, LedgerError, ProofError
from feeds.ledger.merkle import leaf_hash
from feeds.ledger.tiles import WIDTH
from feeds.ledger.tree import VerifiedNodes
from feeds.records.columns import GROUPS, SCHEMA


class RowError(Exception):
    """A record that does not hold; ``log`` and ``place`` say which."""

    def __init__(self, log: int, place: int, why: str) -> None:
        super().__init__(f"log {log}, place {place}: {why}")
        self.log, self.place, self.why = log, place, why


def table_of(stream: bytes) -> pa.Table:
    """The rows of an Arrow stream that a feed sent, its metadata kept. Raises FormatError."""
    try:
        with pa.ipc.open_stream(stream) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FormatError(f"page is no Arrow stream: {str(error)[:200]}") from None
    if not table.schema.equals(SCHEMA, check_metadata=False):
        got = ", ".join(table.schema.names[:40])
        raise FormatError(f"page has other columns: got {got}, want {', '.join(SCHEMA.names)}")
    return table


def check(table: pa.Table, nodes: Mapping[int, VerifiedNodes], above: Mapping[int, int]) -> dict[int, int]:
    """Check each row; ``nodes``: by log the tree under its head, ``above``: by log the last place known.

    Returns by log the last place now. Raises RowError at the first that does not hold.
    """
    last = dict(above)
    for row in table.to_pylist():
        log, place = row["log"], row["place"]
        try:
            if log not in nodes:
                raise ProofError("no signed head of its log came with the page")
            if place <= last.get(log, -1):
                raise ProofError(f"out of order: after place {last[log]}")
            _check_row(row, nodes[log])
        except LedgerError as error:
            raise RowError(log, place, str(error)) from None
        last[log] = place
    return last


def _check_row(row: dict[str, Any], nodes: VerifiedNodes) -> None:
    entry = decode(row["entry"])
    number, at = divmod(row["place"], WIDTH)
    # a tile that was verified is proof enough: its hashes are those under the signed root
    if not 0 <= row["place"] < nodes.size or nodes.tile(0, number)[at] != leaf_hash(row["entry"]):
        raise ProofError(f"the entry is not in the tree of {nodes.size} at this place")
    shown, hidden = {}, {}
    for group in GROUPS:
        content, salt, committed = (row[f"{part}_{group}"] for part in ("content", "salt", "hidden"))
        if (content is None) != (salt is None):  # content without its salt would be kept unproven
            raise ProofError(f"group {group}: content and salt go together")
        if content is not None and salt is not None:
            shown[group] = (salt, content)
        if committed is not None:
            hidden[group] = committed
    if not row["redacted"]:
        check_opening(entry, Opening(shown, hidden))
    elif shown or hidden or row["assurance"] is not None or row["checks"] is not None:
        raise ProofError("it is said to be redacted, and has contents")
