"""What one request may see and do: the one place where every query is filtered by the key's tenant.

Routes get a Scope and never the ports behind it, so a route can't forget the filter. What belongs to
another tenant is answered as if it did not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from api.directory import Directory, Label
from api.errors import Problem, not_found
from api.ports import Ports, PositionTable
from feeds import cursor
from feeds.cursor import Vector
from feeds.deadletters import DeadLetter
from feeds.keys import Principal, Role
from feeds.readmodel import ObjectFilter, StoredObject
from geofences.zone import Gate, Zone
from streams.events import Event, Kind, object_id
from streams.identity import vin
from streams.zones import ZoneBook

_STATUS: Final = {"duplicate": 409, "fitted": 409, "taken": 409, "not_fitted": 409, "unknown": 404}


@dataclass(frozen=True, slots=True)
class Scope:
    """The ports as ``who`` may use them."""

    ports: Ports
    directory: Directory
    who: Principal

    @property
    def tenant(self) -> str:
        """The tenant that everything here is filtered by."""
        return self.who.tenant

    def objects(
        self, kind: Kind, where: ObjectFilter, after: tuple[int, str] | None, limit: int
    ) -> list[StoredObject]:
        """As ReadModel.objects."""
        return self.ports.read.objects(kind, self.tenant, where, after, limit)

    def object(self, kind: Kind, id_: str) -> StoredObject:
        """One object. Raises Problem 404."""
        found = self.ports.read.object(kind, self.tenant, id_)
        if found is None:
            raise not_found(kind.value, id_)
        return found

    def revisions(self, id_: str, before: int | None, limit: int) -> list[Event]:
        """As ReadModel.revisions, of an object whose kind its id names. Raises Problem 404."""
        name = id_.partition("_")[0]
        if name not in set(Kind):
            raise not_found("object", id_)
        self.object(Kind(name), id_)
        return self.ports.read.revisions(Kind(name), self.tenant, id_, before, limit)

    def retracted(self, asset: StoredObject, limit: int) -> list[StoredObject]:
        """As ReadModel.retracted, of an asset that this scope gave."""
        return self.ports.read.retracted(self.tenant, self._owned(asset), limit)

    def asset(self, id_or_vin: str) -> StoredObject:
        """An asset by its id or its VIN as entered. Raises Problem 404."""
        found = self.ports.read.object(Kind.ASSET, self.tenant, id_or_vin)
        if found is None:
            found = self.ports.read.asset_by_vin(self.tenant, vin.normalise(id_or_vin))
        if found is None:
            raise not_found("asset", id_or_vin)
        return found

    def device(self, name: str) -> StoredObject:
        """A device by its name. Raises Problem 404."""
        found = self.ports.read.object(Kind.DEVICE, self.tenant, object_id(Kind.DEVICE, name))
        if found is None:
            raise not_found("device", name)
        return found

    def registered(self, vins: Sequence[str]) -> set[str]:
        """Which of ``vins`` are registered already."""
        return {one for one in vins if self.ports.read.asset_by_vin(self.tenant, one) is not None}

    def events_after(
        self, after: Vector, kinds: Sequence[Kind], limit: int, asset: str | None
    ) -> tuple[list[tuple[str, Event]], Vector]:
        """Events with the cursor after each, and the cursor after all of them."""
        found, at = [], after
        for event in self.ports.read.events_after(after, self.tenant, kinds, limit, asset):
            at = cursor.advance(at, event.partition, event.number)
            found.append((cursor.encode(at), event))
        return found, at

    def vector(self, text: str | None) -> Vector:
        """The place of an event cursor; None is the beginning, "latest" the end. Raises CursorError."""
        if text is None:
            return cursor.start(self.ports.read.partitions)
        if text == "latest":
            return self.ports.read.head()
        return cursor.decode(text, self.ports.read.partitions)

    def positions(self) -> tuple[PositionTable, dict[str, Label]]:
        """Latest positions and the labels of their assets."""
        return own_rows(self.ports.live.snapshot(self.tenant), self.tenant), self.directory.labels()

    def position(self, asset: StoredObject) -> PositionTable:
        """The latest position of an asset that this scope gave: one row, none when there is none."""
        table = self.ports.live.snapshot(self.tenant)
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

    @property
    def zones(self) -> Sequence[Zone]:
        """Zones of everybody."""
        return self.ports.zones

    @property
    def zone_book(self) -> ZoneBook:
        """All versions of the zones of everybody."""
        return self.ports.zone_book() if self.ports.zone_book is not None else ZoneBook(self.ports.zones)

    def may_edit_zones(self) -> None:
        """Raises Problem 403 for who is no admin of the installation's own tenant: zones are everybody's."""
        if self.who.role is not Role.ADMIN or self.tenant != self.ports.keys.home:
            raise Problem(403, "zones are the installation's: got a key of another tenant or role")

    @property
    def gates(self) -> Sequence[Gate]:
        """Gates of everybody."""
        return self.ports.gates

    async def command(self, name: str, data: dict[str, Any]) -> Event:
        """Have one command done. Raises Problem with the reason when it was refused."""
        (event,) = await self.commands(name, [data])
        error = event.data.get("error")
        if error is not None:
            raise Problem(_STATUS.get(error["code"], 422), error["detail"], error["code"])
        return event

    async def commands(self, name: str, data: Sequence[dict[str, Any]]) -> list[Event]:
        """Have commands done; each event says whether it was."""
        bodies = [
            {
                "id": f"cmd_{secrets.token_hex(12)}",
                "command": name,
                "tenant": self.tenant,
                "by": self.who.name,
                "data": one,
            }
            for one in data
        ]
        return await self.ports.commands.submit(bodies)

    def _owned(self, asset: StoredObject) -> str:
        if asset.tenant != self.tenant:
            raise not_found("asset", asset.id)
        return asset.id


def own_rows(table: PositionTable, tenant: str) -> PositionTable:
    """The rows of ``tenant``; the table itself when all are."""
    own = [i for i, of in enumerate(table.tenant) if of == tenant]
    return table if len(own) == len(table) else table.take(np.array(own, np.int64))
