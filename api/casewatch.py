"""Which assets have cases at which gates, kept up by events: what officers may be told of, at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from feeds.readbatches import cut
from feeds.readreach import AT_GATES, AtGates, Reach
from streams.events import Change, Event, Kind


class CaseWatch:
    """Cases of all tenants by asset: each with its gate and whether it is open. For one thread."""

    def __init__(self) -> None:
        self._of: defaultdict[str, dict[str, tuple[str, bool]]] = defaultdict(dict)
        self._asset: dict[str, str] = {}

    def load(self, places: Iterable[tuple[str, str, str, bool]]) -> None:
        """Become what ``ReadModel.case_places`` tells."""
        self._of.clear()
        self._asset.clear()
        for case, asset, gate, is_open in places:
            self._put(case, asset, gate, is_open)

    def take(self, event: Event) -> bool:
        """Take a case's event; whether it was one."""
        if event.kind is not Kind.CASE:
            return False
        if event.change is Change.RETRACTED:
            self._of[event.asset].pop(event.id, None)
            self._asset.pop(event.id, None)
        else:
            gate, ended = event.data.get("gate"), event.data.get("ended_ms")
            self._put(event.id, event.asset, gate or "", ended is None)
        return True

    def is_open(self, asset: str, reach: AtGates) -> bool:
        """Whether ``asset`` has an open case within ``reach``."""
        return any(is_open and _at(gate, reach) for gate, is_open in self._of.get(asset, {}).values())

    def sees(self, reach: Reach, event: Event) -> bool:
        """Whether who has ``reach`` may be told of ``event``."""
        if isinstance(reach, str):
            return event.tenant == reach
        if not isinstance(reach, AtGates) or event.kind not in AT_GATES:
            return False
        if event.kind is Kind.REGIME:
            return True
        if event.kind in (Kind.CASE, Kind.FILING):
            return _at(event.data.get("gate") or "", reach)
        if event.kind is Kind.BATCH:
            return any(self._case_at(one.get("case"), reach) for one in event.data.get("cases") or ())
        return any(_at(gate, reach) for gate, _ in self._of.get(event.asset, {}).values())

    def shown(self, reach: Reach, event: Event) -> Event:
        """``event`` as who has ``reach`` may be told of it: of a batch only the cases within it."""
        if event.kind is not Kind.BATCH or not isinstance(reach, AtGates) or not reach.gates:
            return event
        named = [one.get("case") for one in event.data.get("cases") or ()]
        seen = [case for case in named if self._case_at(case, reach)]
        return event if len(seen) == len(named) else replace(event, data=cut(event.data, seen))

    def open_rows(self, assets: Sequence[str], reach: AtGates) -> list[int]:
        """The places in ``assets`` of those that have an open case within ``reach``."""
        return [row for row, asset in enumerate(assets) if asset in self._of and self.is_open(asset, reach)]

    def _put(self, case: str, asset: str, gate: str, is_open: bool) -> None:
        self._of[asset][case] = (gate, is_open)
        self._asset[case] = asset

    def _case_at(self, case: str | None, reach: AtGates) -> bool:
        held = self._of.get(self._asset.get(case or "", ""), {}).get(case or "")
        return held is not None and _at(held[0], reach)


def _at(gate: str, reach: AtGates) -> bool:
    return not reach.gates or gate in reach.gates
