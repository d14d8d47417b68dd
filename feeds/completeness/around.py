"""Around one report: its assurance and completeness, as a feed tells and a verifier checks them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feeds.assurance import Assurance, assess, bus_agreement, identified, revoked
from feeds.completeness.start import Start
from feeds.completeness.statement import History


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around the reports of one device, at the time of reading.

    ``starts``: its starts by boot; ``keys``: those enrolled for it; ``vins``: the VIN of each asset by id;
    ``conflicts``: the data of each asset's CONFLICT objects.
    """

    starts: Mapping[str, Start]
    keys: Sequence[Mapping[str, Any]]
    vins: Mapping[str, str]
    conflicts: Mapping[str, Sequence[Mapping[str, Any]]]
    _history: History

    @staticmethod
    def of(
        starts: Mapping[str, Start],
        keys: Sequence[Mapping[str, Any]] = (),
        vins: Mapping[str, str] | None = None,
        conflicts: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    ) -> Around:
        """Made once for a device, asked for each of its reports."""
        return Around(starts, keys, vins or {}, conflicts or {}, History(starts))

    def assurance(self, head: Mapping[str, Any]) -> Assurance:
        """The assurance of the report with this head (a group of the ledger)."""
        start = self.starts.get(head["boot"])
        asset = head["asset"]
        return assess(
            head,
            chain="unknown" if start is None else self._history.chain(head["boot"], head["seq"]),
            bus=bus_agreement(
                head["device"],
                self.vins.get(asset),
                () if start is None else start.vins,
                self.conflicts.get(asset, ()),
            ),
            identity=identified(head, self.keys),
            revoked_ms=revoked(head, self.keys),
        )

    def completeness(self, head: Mapping[str, Any]) -> dict[str, Any]:
        """How many of the numbers below the report's did not come, and whether the chain holds there."""
        start = self.starts.get(head["boot"])
        if start is None:
            return {"missing_before": None, "chain": "unknown"}
        chain = self._history.chain(head["boot"], head["seq"])
        return {"missing_before": start.missing_before(head["seq"]), "chain": chain}
