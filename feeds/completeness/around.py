"""Around one report: its assurance and completeness, as a feed tells and a verifier checks them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feeds.assurance import Assurance, Bus, Chain, assess, bus_agreement, identified, revoked
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
        return assess(
            head,
            chain="unknown" if start is None else self._history.chain(head["boot"], head["seq"]),
            bus=self.bus(head),
            identity=identified(head, self.keys),
            revoked_ms=revoked(head, self.keys),
        )

    def bus(self, head: Mapping[str, Any]) -> Bus:
        """Whether the bus that the device heard in the start of this report is that of its vehicle."""
        start, asset = self.starts.get(head["boot"]), head["asset"]
        heard = () if start is None else start.vins
        return bus_agreement(head["device"], self.vins.get(asset), heard, self.conflicts.get(asset, ()))

    def completeness(self, head: Mapping[str, Any]) -> dict[str, Any]:
        """How many of the numbers below the report's did not come, and whether the chain holds there."""
        missing, chain = self.at(head["boot"], head["seq"])
        return {"missing_before": missing, "chain": chain}

    def at(self, boot: str, seq: int) -> tuple[int | None, Chain]:
        """As ``completeness``, of the report ``seq`` of a start."""
        start = self.starts.get(boot)
        if start is None:
            return None, "unknown"
        return start.missing_before(seq), self._history.chain(boot, seq)

    def even(self, boot: str) -> tuple[int, int, int]:
        """(first, last, missing): from number first to last of a start, its newest ones, the chain holds and
        so many of those before are missing. (1, 0, 0) where only ``at`` tells.
        """
        start = self.starts.get(boot)
        if start is None or not start.runs or start.uncounted or self._history.twins(boot):
            return 1, 0, 0
        run = start.runs[-1]
        first = max(run.first, start.floor) + 1
        for ranges, after in ((start.broken, 1), (start.unlinked, 1), (start.contested, 2)):
            if ranges:
                first = max(first, ranges[-1][1] + after)
        return first, run.last, start.missing_before(run.last) or 0
