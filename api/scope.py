"""What one request may see and do: the one place where every query is filtered by the key's reach.

The reach is the key's tenant; of customs what concerns its gates, of all tenants; of an authority's connector
the releases asked of it.

Routes get a Scope and never the ports behind it, so a route can't forget the filter. What belongs to
another tenant is answered as if it did not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from api.directory import Directory, Label
from api.errors import Problem, not_found
from api.ports import Ports, PositionTable
from api.refusals import refusal
from feeds import cursor
from feeds.completeness import Start
from feeds.cursor import Vector
from feeds.deadletters import DeadLetter
from feeds.keys import Principal, Role
from feeds.ledger.book import EventKey, Kept, ReportKey
from feeds.ledger.reading import LedgerReader
from feeds.readmodel import ObjectFilter, StoredObject
from feeds.readreach import AtGates, OfAuthority, OfConsumer, Reach
from geofences.zone import Gate, Zone
from streams.clearance.regime import RegimeBook
from streams.events import Event, Kind, object_id
from streams.identity import vin
from streams.zones import ZoneBook


@dataclass(frozen=True, slots=True)
class Scope:
    """The ports as ``who`` may use them."""

    ports: Ports
    directory: Directory
    who: Principal

    @property
    def tenant(self) -> str:
        """The key's tenant."""
        return self.who.tenant

    @property
    def reach(self) -> Reach:
        """What everything here is filtered by."""
        if self.who.role is Role.CUSTOMS:
            return AtGates(self.who.gates)
        if self.who.role is Role.AUTHORITY:
            return OfAuthority(self.who.authority or "")
        return self.who.tenant

    def objects(
        self, kind: Kind, where: ObjectFilter, after: tuple[int, str] | None, limit: int
    ) -> list[StoredObject]:
        """As ReadModel.objects."""
        return self.ports.read.objects(kind, self.reach, where, after, limit)

    def object(self, kind: Kind, id_: str) -> StoredObject:
        """One object. Raises Problem 404."""
        found = self.ports.read.object(kind, self.reach, id_)
        if found is None:
            raise not_found(kind.value, id_)
        return found

    def revisions(self, id_: str, before: int | None, limit: int) -> list[Event]:
        """As ReadModel.revisions, of an object whose kind its id names. Raises Problem 404."""
        name = id_.partition("_")[0]
        if name not in set(Kind):
            raise not_found("object", id_)
        self.object(Kind(name), id_)
        return self.ports.read.revisions(Kind(name), self.reach, id_, before, limit)

    def retracted(self, asset: StoredObject, limit: int) -> list[StoredObject]:
        """As ReadModel.retracted, of an asset that this scope gave."""
        return self.ports.read.retracted(self.tenant, self._owned(asset), limit)

    def asset(self, id_or_vin: str) -> StoredObject:
        """An asset by its id or its VIN as entered. Raises Problem 404.

        Of several tenants' assets with one VIN, that with an open case counts first, then the newest.
        """
        read, reach = self.ports.read, self.reach
        found = read.object(Kind.ASSET, reach, id_or_vin)
        if found is None:
            known = read.assets_by_vin(reach, vin.normalise(id_or_vin))
            filed = read.filed([vin.normalise(id_or_vin)]) if len(known) > 1 else {}
            tenants = {tenant for tenant, _ in filed.values()}
            found = next((one for one in known if one.tenant in tenants), known[-1] if known else None)
        if found is None:
            raise not_found("asset", id_or_vin)
        return found

    def filing(self, id_or_reference: str) -> StoredObject:
        """A filing by its id or its reference; of several tenants' the newest. Raises Problem 404."""
        read, reach = self.ports.read, self.reach
        found = read.object(Kind.FILING, reach, id_or_reference)
        if found is None:
            known = read.objects(Kind.FILING, reach, ObjectFilter(reference=id_or_reference), limit=1)
            found = known[0] if known else None
        if found is None:
            raise not_found("filing", id_or_reference)
        return found

    def batch(self, id_or_name: str) -> StoredObject:
        """A batch by its id or its name; of several tenants' the newest. Raises Problem 404."""
        read, reach = self.ports.read, self.reach
        found = read.object(Kind.BATCH, reach, id_or_name)
        if found is None:
            known = read.objects(Kind.BATCH, reach, ObjectFilter(batch=id_or_name), limit=1)
            found = known[0] if known else None
        if found is None:
            raise not_found("batch", id_or_name)
        return found

    def answered_case(self, id_: str) -> StoredObject:
        """The case that an authority decides about, of whatever tenant; the engine says whether it may.

        Raises Problem 404.
        """
        found = self.ports.read.object(Kind.CASE, AtGates(), id_)
        if found is None:
            raise not_found("case", id_)
        return found

    def device(self, name: str) -> StoredObject:
        """A device by its name. Raises Problem 404."""
        found = self.ports.read.object(Kind.DEVICE, self.reach, object_id(Kind.DEVICE, name))
        if found is None:
            raise not_found("device", name)
        return found

    def registered(self, vins: Sequence[str]) -> set[str]:
        """Which of ``vins`` are registered already."""
        return {one for one in vins if self.ports.read.asset_by_vin(self.tenant, one) is not None}

    def events_after(
        self, after: Vector, kinds: Sequence[Kind], limit: int, asset: str | None
    ) -> tuple[list[tuple[str, Event]], Vector]:
        """Events with the cursor after each, and the cursor after all that was looked at."""
        events, end = self.ports.read.window_after(after, self.reach, kinds, limit, asset)
        found, at = [], after
        for event in events:
            at = cursor.advance(at, event.partition, event.number)
            found.append((cursor.encode(at), event))
        return found, end

    def vector(self, text: str | None) -> Vector:
        """The place of an event cursor; None is the beginning, "latest" the end. Raises CursorError."""
        if text is None:
            return cursor.start(self.ports.read.partitions)
        if text == "latest":
            return self.ports.read.head()
        return cursor.decode(text, self.ports.read.partitions)

    def positions(self) -> tuple[PositionTable, dict[str, Label]]:
        """Latest positions and the labels of their assets; officers see assets with an open case."""
        labels = self.directory.labels()
        if isinstance(self.reach, str):
            return own_rows(self.ports.live.snapshot(self.reach), self.reach), labels
        if not isinstance(self.reach, AtGates):
            return self.ports.live.snapshot("").take(np.zeros(0, np.int64)), {}
        seen = self.ports.read.open_assets(self.reach)
        table = self.ports.live.snapshot(None)
        table = table.take(np.array([i for i, of in enumerate(table.asset) if of in seen], np.int64))
        return table, {of: replace(labels[of], name=None, fleet=None) for of in table.asset if of in labels}

    def position(self, asset: StoredObject) -> PositionTable:
        """The latest position of an asset that this scope gave: one row, none when there is none."""
        table = self.ports.live.snapshot(asset.tenant)
        own = [i for i, of in enumerate(table.asset) if of == self._owned(asset)]
        return table.take(np.array(own, np.int64))

    def track(self, asset: StoredObject, start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As Store.track, of an asset that this scope gave."""
        return self.ports.store.track(self._owned(asset), start_ms, end_ms, limit)

    def signals(
        self, asset: StoredObject, names: Sequence[str], start_ms: int, end_ms: int, limit: int
    ) -> pa.Table:
        """As Store.signals, of an asset that this scope gave."""
        return self.ports.store.signals(self._owned(asset), names, start_ms, end_ms, limit)

    def dead_letters(
        self, after: int, limit: int, reason: str | None, device: str | None
    ) -> list[DeadLetter]:
        """Refused reports; those that belong to no tenant are shown to the installation's own."""
        found = self.ports.dead_letters.list(after, limit, self.tenant, reason, device)
        if self.tenant == self.ports.keys.home:
            found += self.ports.dead_letters.list(after, limit, "", reason, device)
        return sorted(found, key=lambda letter: letter.id)[:limit]

    def record(self, key: ReportKey | EventKey) -> tuple[LedgerReader, Kept]:
        """A record of the ledger, with the log that it is in. Raises Problem 404."""
        for ledger in self.ports.ledgers:
            kept = ledger.find(key)
            if kept is not None and kept.tenant == self.tenant:
                return ledger, kept
        raise not_found("record", key.id if isinstance(key, EventKey) else f"{key.device} {key.seq}")

    def starts(self, device: StoredObject) -> dict[int, dict[str, Start]]:
        """By log what came of the starts of a device that this scope gave; logs without any are left out.

        Raises LedgerError.
        """
        name = device.data["device"]
        found = {log: ledger.starts(name, device.tenant) for log, ledger in enumerate(self.ports.ledgers)}
        return {log: starts for log, starts in found.items() if starts}

    def feeds(self, after: tuple[int, str] | None, limit: int) -> list[StoredObject]:
        """Feeds that the key's tenant granted, for its own people only, or was granted; the newest first."""
        found = self.ports.read.objects(Kind.FEED, OfConsumer(self.tenant), None, after, limit)
        return [one for one in found if self._reads(one)]

    def feed(self, id_: str) -> StoredObject:
        """One of ``feeds``. Raises Problem 404."""
        found = self.ports.read.object(Kind.FEED, OfConsumer(self.tenant), id_)
        if found is None or not self._reads(found):
            raise not_found("feed", id_)
        return found

    def own_feed(self, id_: str) -> StoredObject:
        """A feed that the key's tenant granted. Raises Problem 404."""
        found = self.feed(id_)
        if found.tenant != self.tenant:
            raise not_found("feed", id_)
        return found

    def _reads(self, feed: StoredObject) -> bool:
        return feed.tenant != self.tenant or self.who.role in (Role.ADMIN, Role.OPERATOR)

    @property
    def zones(self) -> Sequence[Zone]:
        """Zones of everybody."""
        return self.ports.zones

    @property
    def zone_book(self) -> ZoneBook:
        """All versions of the zones of everybody."""
        return self.ports.zone_book() if self.ports.zone_book is not None else ZoneBook(self.ports.zones)

    @property
    def regimes(self) -> RegimeBook:
        """All versions of the regimes of everybody."""
        return self.directory.regimes.book()

    def may_edit_zones(self, what: str = "zones") -> None:
        """Raises Problem 403 for who is no admin of the installation's own tenant: zones are everybody's, and
        so are regimes."""
        if self.who.role is not Role.ADMIN or self.tenant != self.ports.keys.home:
            raise Problem(403, f"{what} are the installation's: got a key of another tenant or role")

    @property
    def gates(self) -> Sequence[Gate]:
        """The gates: all of them, for officers those they are in charge of."""
        own = self.who.gates if self.who.role is Role.CUSTOMS else ()
        return [gate for gate in self.ports.gates if not own or gate.id in own]

    def gate(self, id_: str) -> Gate:
        """One of ``gates``. Raises Problem 404."""
        for one in self.gates:
            if one.id == id_:
                return one
        raise not_found("gate", id_)

    def now_ms(self) -> int:
        """ms since 1970."""
        return self.ports.now_ms()

    @property
    def is_officer(self) -> bool:
        """Whether the key may act as an officer: nobody may release its own tenant's vehicles."""
        own = self.who.role is Role.ADMIN and self.tenant == self.ports.keys.home
        return own or self.who.role is Role.CUSTOMS

    async def command(self, name: str, data: dict[str, Any], tenant: str | None = None) -> Event:
        """Have one command done, for the tenant whose asset it concerns (the key's own unless given).

        Raises Problem with the reason when it was refused.
        """
        (event,) = await self.commands(name, [data], tenant)
        error = event.data.get("error")
        if error is not None:
            raise refusal(error["code"], error["detail"], data)
        return event

    async def commands(
        self, name: str, data: Sequence[dict[str, Any]], tenant: str | None = None
    ) -> list[Event]:
        """Have commands done; each event says whether it was."""
        bodies = [
            {
                "id": f"cmd_{secrets.token_hex(12)}",
                "command": name,
                "tenant": tenant or self.tenant,
                "by": self.who.name,
                "role": self.who.role.value,
                "data": one,
            }
            for one in data
        ]
        return await self.ports.commands.submit(bodies)

    def _owned(self, asset: StoredObject) -> str:
        if asset.tenant != self.tenant and not isinstance(self.reach, AtGates):
            raise not_found("asset", asset.id)
        return asset.id


def own_rows(table: PositionTable, tenant: str) -> PositionTable:
    """The rows of ``tenant``; the table itself when all are."""
    own = [i for i, of in enumerate(table.tenant) if of == tenant]
    return table if len(own) == len(table) else table.take(np.array(own, np.int64))
