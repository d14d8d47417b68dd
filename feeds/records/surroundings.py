"""What is known around the records of a tenant's devices when they are read: assurance and completeness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from feeds.completeness import Around
from feeds.ledger.entry import WHOLE, EntryKind
from feeds.ledger.reading import LedgerReader
from feeds.ledger.reports import HEAD
from feeds.readmodel import ObjectFilter, ReadModel
from feeds.records.content import head_of
from feeds.records.page import Record
from streams.events import Kind, object_id

_MOST = 1_000  # conflicts of an asset


@dataclass(frozen=True, slots=True)
class Told:
    """What a feed tells of one report beside its content."""

    assurance: dict[str, Any]
    completeness: dict[str, Any]


class Surroundings:
    """Of one page or export: each device is looked up once."""

    def __init__(self, read: ReadModel, ledgers: Sequence[LedgerReader], tenant: str) -> None:
        self._read, self._ledgers, self._tenant = read, ledgers, tenant
        self._around: dict[tuple[int, str], Around] = {}
        self._vins: dict[str, str] = {}
        self._conflicts: dict[str, list[dict[str, Any]]] = {}

    def prepare(self, assets: Iterable[str]) -> None:
        """Look up what is needed of ``assets``. Raises ReadModelAwayError."""
        new = sorted(set(assets) - self._conflicts.keys())
        held = self._read.objects_by_id(Kind.ASSET, self._tenant, new)
        for id_ in new:
            if id_ in held:
                self._vins[id_] = held[id_].data["vin"]
            found = self._read.objects(Kind.CONFLICT, self._tenant, ObjectFilter(asset=id_), limit=_MOST)
            self._conflicts[id_] = [one.data for one in found]

    def told(self, record: Record) -> Told | None:
        """What is told of a report; None of an event, and of what is redacted. Raises FormatError."""
        if record.opening is None or record.kept.kind is not EntryKind.REPORT:
            return None
        shown = record.opening.shown
        if HEAD not in shown:
            return None
        head = head_of(shown[HEAD][1])
        around = self._of(record.log, head["device"])
        signed = WHOLE in shown and bool(head.get("signature"))
        told = around.assurance(head).plain()
        return Told({**told, "vouched_by": "device" if signed else "gateway"}, around.completeness(head))

    def _of(self, log: int, device: str) -> Around:
        found = self._around.get((log, device))
        if found is None:
            every = (self._ledgers[log], *reversed(self._ledgers))  # a log that ended has none any more
            starts = next((some for one in every if (some := one.starts(device, self._tenant))), {})
            held = self._read.object(Kind.DEVICE, self._tenant, object_id(Kind.DEVICE, device))
            keys = held.data.get("keys", ()) if held is not None else ()
            found = self._around[log, device] = Around.of(starts, keys, self._vins, self._conflicts)
        return found
