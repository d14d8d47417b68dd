"""Which assets a grant covers, and when, as the read model knows them now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from feeds.grants.grant import Grant
from feeds.readmodel import ObjectFilter, ReadModel, StoredObject
from streams.events import Kind

Spans: TypeAlias = tuple[tuple[int, int], ...]
"""Times [from, to) in ms, ascending, apart from each other."""
ALWAYS: Final[Spans] = ((-(2**63), 2**63 - 1),)
_END: Final = ALWAYS[0][1]
_AT_ONCE = 1_000


def assets_of(read: ReadModel, grant: Grant) -> dict[str, Spans]:
    """The times of its assets by id, sorted; only such assets as are of the tenant that granted it.

    Of a fleet those that are in it now. Of ``cover`` those that the consumer covers, from the begin of a
    cover to its end; of ``case`` those with a clearance, from its lodging to its end, that instant too. All
    others at all times: the grant's own period is not looked at. Raises ReadModelAwayError.
    """
    if grant.by_time:
        return _lasting(_covers(read, grant) if grant.assets == "cover" else _cases(read, grant))
    granted: Mapping[str, Any] | str = grant.assets
    if isinstance(granted, Mapping) and "list" in granted:
        known: Iterable[str] = read.objects_by_id(Kind.ASSET, grant.tenant, list(granted["list"]))
    else:
        where = ObjectFilter(fleet=granted["fleet"]) if isinstance(granted, Mapping) else None
        known = (one.id for one in objects(read, Kind.ASSET, grant.tenant, where))
    return dict.fromkeys(sorted(known), ALWAYS)


def within(spans: Spans, t_ms: int) -> bool:
    """Whether a time is in one of ``spans``."""
    return any(begin <= t_ms < end for begin, end in spans)


def _covers(read: ReadModel, grant: Grant) -> Iterator[tuple[str, int, int]]:
    for one in objects(read, Kind.COVER, grant.tenant):
        if one.data["insurer"] == grant.consumer:
            yield one.asset, one.data["from_ms"], one.data["until_ms"]


def _cases(read: ReadModel, grant: Grant) -> Iterator[tuple[str, int, int]]:
    for one in objects(read, Kind.CASE, grant.tenant):
        ended = one.data["ended_ms"]
        yield one.asset, one.data["lodged_ms"], _END if ended is None else ended + 1


def _lasting(found: Iterable[tuple[str, int, int]]) -> dict[str, Spans]:
    """By asset its times, those that meet made one."""
    made: dict[str, list[tuple[int, int]]] = {}
    for asset, begin, end in sorted(found):
        spans = made.setdefault(asset, [])
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif begin < end:
            spans.append((begin, end))
    return {asset: tuple(spans) for asset, spans in made.items() if spans}


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
