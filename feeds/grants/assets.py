"""Which assets a grant covers, as the read model knows them now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from feeds.grants.grant import Grant
from feeds.readmodel import ObjectFilter, ReadModel, StoredObject
from streams.events import Kind

_AT_ONCE = 1_000


def assets_of(read: ReadModel, grant: Grant) -> list[str]:
    """The ids of its assets, sorted; only such as are of the tenant that granted it.

    Of a fleet those that are in it now, of ``cover`` those that the consumer covers, of ``case`` those with a
    clearance. Raises ReadModelAwayError.
    """
    granted: Mapping[str, Any] | str = grant.assets
    if isinstance(granted, Mapping):
        if "list" in granted:
            known = read.objects_by_id(Kind.ASSET, grant.tenant, list(granted["list"]))
            return sorted(known)
        where = ObjectFilter(fleet=granted["fleet"])
        return sorted(one.id for one in objects(read, Kind.ASSET, grant.tenant, where))
    if granted == "tenant":
        return sorted(one.id for one in objects(read, Kind.ASSET, grant.tenant))
    if granted == "case":
        return sorted({one.asset for one in objects(read, Kind.CASE, grant.tenant)})
    covers = objects(read, Kind("cover"), grant.tenant) if "cover" in set(Kind) else ()
    return sorted({one.asset for one in covers if one.data.get("insurer") == grant.consumer})


def objects(
    read: ReadModel, kind: Kind, tenant: str, where: ObjectFilter | None = None
) -> Iterator[StoredObject]:
    """All objects of a kind that a tenant has. Raises ReadModelAwayError."""
    after: tuple[int, str] | None = None
    while True:
        found = read.objects(kind, tenant, where, after, _AT_ONCE)
        yield from found
        if len(found) < _AT_ONCE:
            return
        after = (found[-1].start_ms, found[-1].id)
