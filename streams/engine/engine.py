"""The engine: a pure fold of one partition's log records into events.

Each record is one step. Its result depends on the records before it, the zones and the rules, and on
nothing else: no clock, no file. A frame is folded as whole columns; plain Python runs only for assets
that enter or leave a zone, begin or end a trip, or wait for a grace to pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from streams.codec import decode_frame, load_json
from streams.engine import trips
from streams.engine.columns import Array, Columns
from streams.engine.crossings import Crossings
from streams.engine.fixes import NONE, Fixes, Steps, believed, in_order, without_jumps
from streams.engine.follow import Course, Journey
from streams.engine.objects import Announce
from streams.engine.registry import Registry
from streams.engine.sequence import Sequences, Verdict
from streams.engine.settings import Rules
from streams.engine.visits import NEVER, Visits
from streams.engine.world import World
from streams.events import Change, Event, Kind
from streams.records import Frame, LogRecord, RecordKind

ASSET_COLUMNS: Final = {
    "t": ("<i8", NONE),
    "lon": ("<i4", 0),
    "lat": ("<i4", 0),
    "speed": ("<i4", -1),
    "heading": ("<i4", -1),
    "set": ("<i4", -1),
    "cell": ("<i8", -1),  # of the index in this process: a restored state knows none
    "country": ("<i4", -1),
    "seen": ("<i8", 0),
    "cum": ("<i8", 0),
    "wake": ("<i8", NEVER),
    "device": ("<i4", -1),
    **trips.COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one record gave: its events, and the rows of assets whose latest position changed."""

    events: list[Event]
    moved: Array


@dataclass(slots=True)
class Counts:
    """What the engine saw, for health and metrics; part of the snapshot."""

    reports: int = 0
    duplicates: int = 0
    conflicts: int = 0
    samples: int = 0
    late: int = 0
    jumps: int = 0
    unbelieved: int = 0


@dataclass(slots=True)
class Engine:
    """The state of one partition. Not for use by two threads at once."""

    partition: int
    world: World
    rules: Rules = field(default_factory=Rules)
    position: int = 0
    number: int = 0
    now_ms: int = 0
    counts: Counts = field(default_factory=Counts)
    registry: Registry = field(default_factory=Registry)
    sequences: Sequences = field(default_factory=Sequences)
    assets: Columns = field(default_factory=lambda: Columns(ASSET_COLUMNS))
    names: list[str] = field(default_factory=list)
    tenants: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    journeys: dict[int, Journey] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)

    def fold(self, record: LogRecord) -> Step:
        """Fold one record; one at or below ``position`` was folded before and gives nothing.

        Raises CodecError for a body that is not what its kind says; the state is then as before, but for
        the position, so that one bad record stops nobody.
        """
        if record.position <= self.position:
            return Step([], np.empty(0, np.int64))
        self.position = record.position
        self.now_ms = max(self.now_ms, record.received_ms)
        self._events = []
        moved = np.empty(0, np.int64)
        if record.kind is RecordKind.FRAME:
            moved = self._fold_frame(decode_frame(record.body))
        elif record.kind is RecordKind.COMMAND:
            self._fold_command(load_json(record.body))
        return Step(self._events, moved)

    def _fold_command(self, command: dict[str, Any]) -> None:
        for fact in self.registry.apply(command, self.now_ms):
            self._say(
                fact.tenant,
                fact.asset,
                fact.kind,
                fact.id,
                fact.revision,
                fact.change,
                self.now_ms,
                fact.data,
            )

    def _fold_frame(self, frame: Frame) -> Array:
        reports, samples = frame.reports, frame.samples
        device, devices = _names(reports, "device")
        boot, boots = _names(reports, "boot")
        device_row = self.sequences.rows_of(devices)[device]
        seq = reports.column("seq").to_numpy()
        verdict = self.sequences.judge(device_row, boots, boot, seq, _digests(reports))
        self.counts.reports += len(verdict)
        asset_row = self._rows_of(reports)
        self.assets["device"][asset_row] = device_row
        if verdict.any():
            self.counts.duplicates += int((verdict == Verdict.DUPLICATE).sum())
            self.counts.conflicts += int((verdict == Verdict.CONFLICT).sum())
            asset_row = np.where(verdict == Verdict.NEW, asset_row, -1)
        received = reports.column("received_ms").to_numpy()
        new = asset_row >= 0
        np.maximum.at(self.assets["seen"], asset_row[new], received[new])
        report = samples.column("report").to_numpy()
        fixes = believed(samples, asset_row[report], received[report], self.rules)
        self.counts.samples += samples.num_rows
        self.counts.unbelieved += samples.num_rows - len(fixes)
        return self._follow(fixes)

    def _rows_of(self, reports: pa.RecordBatch) -> Array:
        asset, assets = _names(reports, "asset")
        known = list(map(self.rows.get, assets))
        if None in known:
            tenant, tenants = _names(reports, "tenant")
            for code in (code for code, row in enumerate(known) if row is None):
                owner = tenants[int(tenant[int(np.argmax(asset == code))])] if (asset == code).any() else ""
                known[code] = self._add_asset(assets[code], owner)
        row: Array = np.array(known, np.int64)[asset]
        return row

    def _add_asset(self, name: str, tenant: str) -> int:
        row = self.rows[name] = self.assets.add(1)
        self.names.append(name)
        self.tenants.append(tenant)
        return row

    def _last(self) -> tuple[Array, Array, Array]:
        return self.assets["t"], self.assets["lon"], self.assets["lat"]

    def _follow(self, fixes: Fixes) -> Array:
        """Move the assets along their fixes; returns the rows that moved."""
        fixes, late = in_order(fixes, self.assets["t"])
        fixes, way, jumps = without_jumps(fixes, self._last(), self.rules)
        self.counts.late += late
        self.counts.jumps += jumps
        if not len(fixes):
            return np.empty(0, np.int64)
        n = len(fixes)
        starts = np.flatnonzero(way.first)
        heads = starts[np.cumsum(way.first) - 1]
        tails = np.append(starts[1:], n) - 1
        total = np.cumsum(way.dist)
        cum = total - (total - way.dist)[heads] + self.assets["cum"][fixes.row]
        sets, cells = self.world.sets(fixes.lon, fixes.lat)
        self._fold_visits(fixes, way, sets, cells, cum, starts, tails)
        self._fold_trips(fixes, way, cum, heads, tails)
        self._keep_latest(fixes, sets, cells, cum, tails)
        return fixes.row[starts]

    def _fold_visits(
        self, fixes: Fixes, way: Steps, sets: Array, cells: Array, cum: Array, starts: Array, tails: Array
    ) -> None:
        old = self._before(sets, "set", fixes, starts)
        cuts = self._cuts(fixes, way, (self._before(cells, "cell", fixes, starts), cells))
        changed = old != sets
        if cuts:
            changed[list(cuts)] = True
        busy = changed | (fixes.t >= self.assets["wake"][fixes.row])
        if not busy.any():
            return
        course = Course(fixes, way, cum, old, sets, changed, cuts)
        rows = fixes.row[starts]
        for row in np.unique(fixes.row[busy]).tolist():
            place = int(np.searchsorted(rows, row))
            self._walk(row, course, int(starts[place]), int(tails[place]) + 1)

    def _walk(self, row: int, course: Course, begin: int, end: int) -> None:
        journey = self._journey(row)
        say = self._sayer(row)
        journey.crossings.listening(say)
        wake = course.follow(journey, begin, end, int(self.assets["wake"][row]), say)
        self.assets["wake"][row] = wake
        home = journey.visits.home
        self.assets["country"][row] = -1 if home is None else home.zone

    def _before(self, values: Array, column: str, fixes: Fixes, starts: Array) -> Array:
        """For each fix the value of the fix before it of the same asset, the state's for its first."""
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[starts] = self.assets[column][fixes.row[starts]]
        return before

    def _cuts(self, fixes: Fixes, way: Steps, cells: tuple[Array, Array]) -> dict[int, list[int]]:
        maybe = np.flatnonzero((way.t0 != NONE) & ((cells[0] != cells[1]) | (cells[0] < 0)))
        segment, zone = self.world.cuts(
            way.lon0[maybe],
            way.lat0[maybe],
            fixes.lon[maybe],
            fixes.lat[maybe],
            (cells[0][maybe], cells[1][maybe]),
        )
        cuts: dict[int, list[int]] = {}
        for i, z in zip(maybe[segment].tolist(), zone.tolist(), strict=True):
            cuts.setdefault(i, []).append(z)
        return cuts

    def _journey(self, row: int) -> Journey:
        journey = self.journeys.get(row)
        if journey is None:
            visits = Visits(self.world, self.rules, self.names[row])
            journey = self.journeys[row] = Journey(visits, Crossings(self.world, self.names[row], visits))
        return journey

    def _fold_trips(self, fixes: Fixes, way: Steps, cum: Array, heads: Array, tails: Array) -> None:
        moves = trips.moving(fixes, way, self.rules)
        turns, last = trips.turns(fixes, moves, heads, self.assets, self.rules)
        for turn in turns:
            row = int(fixes.row[turn.index])
            trips.turn(turn, fixes, cum, self.assets, self.names[row], self._sayer(row), self.rules)
        trips.remember(last, tails, fixes, cum, self.assets)
        rows = fixes.row[tails]
        due = rows[(self.assets["trip_said"][rows] == 0) & trips.far_enough(self.assets, rows, self.rules)]
        for row in due.tolist():
            trips.announce(row, self.assets, self.names[row], self._sayer(row))

    def _sayer(self, row: int) -> Announce:
        tenant, asset = self.tenants[row], self.names[row]

        def say(kind: Kind, id_: str, revision: int, change: Change, t: int, data: dict[str, Any]) -> None:
            self._say(tenant, asset, kind, id_, revision, change, t, data)

        return say

    def _keep_latest(self, fixes: Fixes, sets: Array, cells: Array, cum: Array, tails: Array) -> None:
        row = fixes.row[tails]
        latest = (
            ("t", fixes.t),
            ("lon", fixes.lon),
            ("lat", fixes.lat),
            ("set", sets),
            ("cell", cells),
            ("cum", cum),
            ("speed", np.maximum(fixes.speed, -1)),
            ("heading", np.maximum(fixes.heading, -1)),
        )
        for name, values in latest:
            self.assets[name][row] = values[tails]

    def _say(
        self,
        tenant: str,
        asset: str,
        kind: Kind,
        id_: str,
        revision: int,
        change: Change,
        t_ms: int,
        data: dict[str, Any],
    ) -> None:
        self.number += 1
        self._events.append(
            Event(
                self.partition,
                self.number,
                self.position,
                kind,
                id_,
                revision,
                change,
                tenant,
                asset,
                t_ms,
                self.now_ms,
                data,
            )
        )


def _names(reports: pa.RecordBatch, name: str) -> tuple[Array, list[str]]:
    column = reports.column(name)
    return column.indices.to_numpy(), column.dictionary.to_pylist()


def _digests(reports: pa.RecordBatch) -> Array:
    """The first 8 bytes of each report's hash: uint64[n]."""
    column = reports.column("hash")
    data = np.frombuffer(column.buffers()[1], np.uint64).reshape(-1, 4)
    return data[column.offset : column.offset + len(column), 0]
