"""Effects and their facts out of the read model, as items of lanes.

Facts are those of the moment that the event was told (revisions up to its number), so that the message of an
effect is the same whenever it is made, as far as retention keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from feeds.authority.connectors import Connector
from feeds.authority.effects import KINDS, PARTS, Effect, Route, effects
from feeds.authority.messages import Facts
from feeds.readmodel import ObjectFilter, ReadModel
from streams.events import Event, Kind

_PAGE: Final = 256
_SEALS: Final = 20
Data = Mapping[str, Any]
Routes = Callable[[Data], Sequence[Route]]
"""What the regime of a case (its data) tells to whom; of a filing whose case is not known its own data."""


class EffectItems:
    """``Items`` of lanes (see ``feeds.outbound.lane``): the effects of events for one connector."""

    def __init__(self, read: ReadModel, routes: Routes) -> None:
        self._read, self._routes = read, routes

    def newest(self, partition: int) -> int:
        """See Items.newest."""
        number = self._read.last_number(partition)
        return number * PARTS + PARTS - 1 if number else 0

    def after(self, partition: int, number: int, connector: Connector, limit: int) -> Sequence[Effect]:
        """See Items.after."""
        found: list[Effect] = []
        event_number = max(number // PARTS - 1, 0)
        while True:
            events = self._read.partition_after(partition, event_number, None, KINDS, _PAGE)
            for event in events:
                found += [one for one in self._of(event, connector) if one.number > number]
                if len(found) >= limit:
                    return found[:limit]
            if len(events) < _PAGE:
                return found
            event_number = events[-1].number

    def one(self, partition: int, number: int, connector: Connector) -> Effect | None:
        """See Items.one."""
        event = self._read.event(partition, number // PARTS)
        if event is None:
            return None
        return next((one for one in self._of(event, connector) if one.number == number), None)

    def _of(self, event: Event, connector: Connector) -> list[Effect]:
        case = self._case(event)
        before = None
        if event.revision > 1:
            earlier = self._read.revisions(event.kind, event.tenant, event.id, event.revision, 1)
            before = earlier[0].data if earlier else None
        found = effects(event, before, self._routes(case))
        return [one for one in found if one.authority == connector.authority]

    def _case(self, event: Event) -> Data:
        """The data of the event's case: its regime never changes, so any revision does."""
        if event.kind is Kind.CASE:
            return event.data
        case = self._read.object(Kind.CASE, event.tenant, str(event.data.get("case")))
        return event.data if case is None else case.data


class FactReader:
    """The facts of an effect. ``ports``: UN/LOCODE by gate and country."""

    def __init__(self, read: ReadModel, ports: Mapping[str, Mapping[str, str]]) -> None:
        self._read, self._ports = read, ports

    def facts(self, partition: int, effect: Effect) -> Facts:
        """What was known when the event of ``effect`` was told."""
        number = effect.number // PARTS

        def then(kind: Kind, id_: str) -> Data:
            return self._then(partition, number, kind, effect.tenant, id_)

        own = then(effect.kind, effect.object)
        case = own if effect.kind is Kind.CASE else then(Kind.CASE, effect.case)
        filing = own if effect.kind is Kind.FILING else then(Kind.FILING, str(case.get("filing")))
        seals = self._read.objects(Kind.SEAL, effect.tenant, ObjectFilter(asset=effect.asset), limit=_SEALS)
        return Facts(
            filing=filing,
            case=case,
            asset=then(Kind.ASSET, effect.asset),
            release=own if effect.kind is Kind.RELEASE else {},
            seals=tuple(then(Kind.SEAL, one.id) for one in seals),
            ports=self._ports.get(str(case.get("gate") or filing.get("gate")), {}),
        )

    def _then(self, partition: int, number: int, kind: Kind, tenant: str, id_: str) -> Data:
        """The object's data as of event ``number``; the newest there is when retention has deleted that one.

        An object that was told first by a later event (a case by the step of its filing) is not known then.
        """
        before: int | None = None
        while True:
            rows = self._read.revisions(kind, tenant, id_, before, _PAGE)
            for event in rows:
                if event.partition != partition or event.number <= number:
                    return event.data
            if len(rows) < _PAGE:
                break
            before = rows[-1].revision
        if rows and rows[-1].revision == 1:
            return {}
        kept = self._read.object(kind, tenant, id_)
        return {} if kept is None else kept.data
