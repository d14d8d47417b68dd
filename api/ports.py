"""What the API needs from the rest of the process, as ports; ``corridor/`` builds what stands behind them.

The API decides nothing about trucks: it checks a request, appends commands, and shows what the read model,
the store and the live view hold. Methods marked async are awaited on the server's loop; all others are
called from worker threads and may block.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry

from feeds.deadletters import DeadLetters
from feeds.grants.reads import FeedReads
from feeds.keys import KeyRing
from feeds.ledger.reading import LedgerReader
from feeds.readmodel import ReadModel
from feeds.store.port import Store
from geofences.zone import Gate, Zone
from streams.events import Event
from streams.zones import ZoneBook


class AwayError(Exception):
    """What was asked for can't be done now; the client is told to try after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, eq=False)
class PositionTable:
    """Latest positions as columns of equal length, one row an asset, each asset at most once.

    Units as in the engine. Unknown is -1 in ``speed_ckmh``, ``heading_cdeg`` and ``trip_mm`` and "" in
    ``country`` and ``device``. ``state`` is moving, stopped, at_gate or silent. Rows without a position
    are left out. Nobody changes a table after it was given away.
    """

    asset: Sequence[str]
    tenant: Sequence[str]
    device: Sequence[str]
    t_ms: npt.NDArray[np.int64]
    lon_e7: npt.NDArray[np.int32]
    lat_e7: npt.NDArray[np.int32]
    speed_ckmh: npt.NDArray[np.int32]
    heading_cdeg: npt.NDArray[np.int32]
    country: Sequence[str]
    state: Sequence[str]
    trip_mm: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.asset)

    def take(self, rows: npt.NDArray[np.int64]) -> PositionTable:
        """The rows of these numbers, in this order."""
        chosen = rows.tolist()
        columns: dict[str, Any] = {}
        for name in self.__slots__:
            column = getattr(self, name)
            columns[name] = column[rows] if isinstance(column, np.ndarray) else [column[i] for i in chosen]
        return PositionTable(**columns)


@dataclass(frozen=True, slots=True)
class LiveBatch:
    """What changed since the batch before: rows of all tenants, and new events in order.

    ``missed`` says that events were dropped because the reader was slow; they are in the read model.
    """

    positions: PositionTable | None = None
    events: Sequence[Event] = ()
    missed: bool = False


class Live(Protocol):
    """The present, as the engine sees it."""

    def snapshot(self, tenant: str | None) -> PositionTable:
        """Latest positions of one tenant, of all with None. Called on the loop; must not block."""
        ...

    def subscribe(self) -> AsyncIterator[LiveBatch]:
        """Batches from now on: the subscription stands when this returns, not at the first ``anext``.

        Rows of a batch are never older than those of a snapshot taken before it was given. An event comes
        only after the read model has committed it. A slow reader never blocks the engine:
        positions waiting for it are merged (latest wins) and too many events are dropped and told by
        ``missed``. Ends when the process stops.
        """
        ...


class Commands(Protocol):
    """The way into the log."""

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        """Append commands durably and wait for the COMMAND event of each, in the order given.

        A body is the JSON of a COMMAND record (id, command, tenant, by, data). When it returns, the read
        model holds what the commands changed. Raises AwayError when the log can't take them or an answer
        does not come in time; the commands may then still take effect.
        """
        ...


@dataclass(frozen=True, slots=True)
class DryRunChange:
    """What would be otherwise: a visit or crossing of ``asset`` as it is and as it would be.

    ``before`` is None for one that would be added, ``after`` for one that would go; both in engine units.
    ``what`` names the fields that differ. ``id``: of the object as it is, when it is known.
    """

    kind: str
    id: str | None
    asset: str
    what: Sequence[str]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What an edit of zones would change in the days looked at, in how many assets and samples."""

    added: Sequence[DryRunChange]
    removed: Sequence[DryRunChange]
    moved: Sequence[DryRunChange]
    assets: int
    samples: int


DryRun: TypeAlias = Callable[[str, Sequence[Zone], Sequence[str], int], DryRunResult]
"""(tenant, zones as edited, ids to retire, days) to what would change. May take minutes. Raises AwayError."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process can serve, and why not. ``checks`` is shown to anyone: no names, no paths."""

    ready: bool
    checks: Mapping[str, Any] = field(default_factory=dict)


Pushed: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, dict[str, Any]]]]
"""(authority, headers, body) of what it pushed to the status of the answer and its JSON. Raises AwayError."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the API is built from. ``health`` may be called at any time from any thread.

    ``registry`` may hold the process's own metrics already; the API adds its own. ``zones`` are those that
    ship, ``zone_book`` gives all versions as the engine knows them (only ``zones`` when there is none).
    ``now_ms``: the clock, ms since 1970. ``uptime``: see ``feeds.beats``. ``ledgers``: one a partition.
    ``ledger_index``: the signed index of them, once it is written.
    ``feed_reads``: who read what of the feeds; without it no feed is served.
    ``ack_key``: the public bytes of the key that devices' acks are signed with.
    """

    read: ReadModel
    store: Store
    live: Live
    commands: Commands
    keys: KeyRing
    dead_letters: DeadLetters
    zones: Sequence[Zone]
    gates: Sequence[Gate]
    health: Callable[[], Health]
    registry: CollectorRegistry = field(default_factory=lambda: CollectorRegistry(auto_describe=True))
    zone_book: Callable[[], ZoneBook] | None = None
    dry_run: DryRun | None = None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    pushed: Pushed | None = None
    uptime: Callable[[int, int], Mapping[str, Any] | None] | None = None
    ledgers: Sequence[LedgerReader] = ()
    ledger_index: Path | None = None
    feed_reads: FeedReads | None = None
    ack_key: bytes | None = None
