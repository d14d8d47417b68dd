"""What is known around the records of a tenant's devices when they are read: assurance and completeness."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from feeds.assurance import Bus, Chain, assess, identified_from, revoked
from feeds.completeness import Around, Start
from feeds.ledger.entry import WHOLE
from feeds.ledger.groups import NAMES
from feeds.ledger.reading import LedgerReader
from feeds.ledger.reports import HEAD
from feeds.readmodel import ObjectFilter, ReadModel
from feeds.records.content import head_of
from feeds.records.page import Page
from streams.events import Kind, object_id

_Key: TypeAlias = tuple[tuple[str, int, str, Bus], tuple[bool, bool, Chain, int | None]]
"""(Vouched by, signature, verdict, bus), (identity, received after its key was revoked, chain, missing)."""
_MOST = 1_000  # conflicts of an asset, and of the tenant in one query


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
        self._alike: dict[tuple[int, bytes, bool], _Alike] = {}
        self._made: dict[_Key, Told] = {}

    def prepare(self, assets: Iterable[str]) -> None:
        """Look up what is needed of ``assets``. Raises ReadModelAwayError."""
        new = sorted(set(assets) - self._conflicts.keys())
        for id_, held in self._read.objects_by_id(Kind.ASSET, self._tenant, new).items():
            self._vins[id_] = held.data["vin"]
        self._conflicts |= {id_: [] for id_ in new}
        every = self._read.objects(Kind.CONFLICT, self._tenant, limit=_MOST) if new else []
        if len(every) < _MOST:
            for one in every:
                if one.asset in self._conflicts and one.asset in new:
                    self._conflicts[one.asset].append(one.data)
            return
        for id_ in new:
            found = self._read.objects(Kind.CONFLICT, self._tenant, ObjectFilter(asset=id_), limit=_MOST)
            self._conflicts[id_] = [one.data for one in found]

    def told(self, page: Page) -> list[Told | None]:
        """What is told of each report of a page, of alike ones the same object; None of an event, and of what
        is redacted. Raises FormatError, LedgerError, ReadModelAwayError."""
        found: list[Told | None] = [None] * len(page.found)
        headed = page.reports & page.shown[NAMES.index(HEAD)]
        heads, rows = page.groups.heads(headed), np.flatnonzero(headed).tolist()
        whole = page.shown[NAMES.index(WHOLE)].tolist()
        keys = [(page.found[row].log, sort, whole[row]) for row, sort in zip(rows, heads.sort, strict=True)]
        new = {key: at for at, key in enumerate(keys) if key not in self._alike}
        if new:
            self._look_up({key: head_of(heads.content(at)) for key, at in new.items()})
        for row, key, seq, received_ms in zip(rows, keys, heads.seq, heads.received_ms, strict=True):
            found[row] = self._alike[key].told(seq, received_ms)
        return found

    def _look_up(self, heads: Mapping[tuple[int, bytes, bool], dict[str, Any]]) -> None:
        wanted: dict[int, set[str]] = {}
        for (log, _, _), head in heads.items():
            if (log, head["device"]) not in self._around:
                wanted.setdefault(log, set()).add(head["device"])
        for log, devices in wanted.items():
            self._devices(log, sorted(devices))
        for (log, sort, whole), head in heads.items():
            signed = whole and bool(head.get("signature"))
            around = self._around[log, head["device"]]
            by = "device" if signed else "gateway"
            self._alike[log, sort, whole] = _Alike(around, head, by, self._made)

    def _devices(self, log: int, devices: Sequence[str]) -> None:
        starts: dict[str, dict[str, Start]] = {}
        left = devices
        for one in (self._ledgers[log], *reversed(self._ledgers)):  # a log that ended has none any more
            if left:
                starts |= {device: some for device, some in one.starts_of(left, self._tenant).items() if some}
                left = [device for device in left if device not in starts]
        ids = {device: object_id(Kind.DEVICE, device) for device in devices}
        held = self._read.objects_by_id(Kind.DEVICE, self._tenant, list(ids.values()))
        for device, id_ in ids.items():
            keys = held[id_].data.get("keys", ()) if id_ in held else ()
            of = Around.of(starts.get(device, {}), keys, self._vins, self._conflicts)
            self._around[log, device] = of


class _Alike:
    """What is told of reports whose heads differ in nothing but number and time."""

    def __init__(self, around: Around, head: dict[str, Any], vouched_by: str, made: dict[_Key, Told]) -> None:
        self._around, self._head, self._made = around, head, made
        self._boot = head["boot"]
        self._even = around.even(self._boot)
        self._from = identified_from(head, around.keys)
        self._revoked_ms = revoked(head, around.keys)
        self._until = math.inf if self._revoked_ms is None else self._revoked_ms
        self._bus = around.bus(head)
        self._sort = (vouched_by, head.get("signature") or 0, head["verdict"], self._bus)

    def told(self, seq: int, received_ms: int) -> Told:
        """Of the report of this number, received then."""
        first, last, missing = self._even
        chain: Chain = "holds"
        before: int | None = missing
        if not first <= seq <= last:
            before, chain = self._around.at(self._boot, seq)
        key = (received_ms >= self._from, received_ms > self._until, chain, before)
        made = self._made.get((self._sort, key))
        if made is None:
            head = {**self._head, "received_ms": received_ms}
            assured = assess(
                head, chain=chain, bus=self._bus, identity=key[0], revoked_ms=self._revoked_ms
            ).plain()
            told = Told({**assured, "vouched_by": self._sort[0]}, {"missing_before": before, "chain": chain})
            made = self._made[self._sort, key] = told
        return made
