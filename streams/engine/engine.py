"""The engine: a pure fold of one partition's log records into events.

Each record is one step. Its result depends on the records before it, the zones and the rules, and on
nothing else: no clock, no file but the past, which is asked as of a log position. A frame is folded as whole
columns by a compiled kernel; plain Python runs only for assets that enter or leave a zone, begin or end a
trip, or wait for a grace to pass, and for those whose data came late.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
import numpy as np

from geofences.zone import Gate
from streams.codec import FrameView, load_json, open_frame
from streams.engine import ahead, kernel
from streams.engine.advance import advance
from streams.engine.book import Entry, revise, still_open
from streams.engine.columns import Array, Columns
from streams.engine.coverears import heard
from streams.engine.covers import Covers
from streams.engine.desk import Desk
from streams.engine.drafts import Notes
from streams.engine.edits import hold, publish
from streams.engine.heard import facts_heard, late_said, loads_heard
from streams.engine.journey import Course, Journey, opened, packed
from streams.engine.late import Memory, chunk, refold, renumber
from streams.engine.names import Listed, Names
from streams.engine.order import rows_of, settle
from streams.engine.post import opened as desk_messages
from streams.engine.quality import Flag
from streams.engine.queues import Note, Queues, decode, note_of
from streams.engine.recent import Recent
from streams.engine.registry import Fact, Registry
from streams.engine.rows import Rows, joined
from streams.engine.sequence import Sequences, Verdict
from streams.engine.settings import Rules
from streams.engine.shapes import OddError, Shapes
from streams.engine.slips import slip_in, slips
from streams.engine.states import States, fits
from streams.engine.units import NONE
from streams.engine.world import World
from streams.events import Change, Event, Kind
from streams.homes import DESK, Early, Fit, Handed, home, opened_note
from streams.past import Past
from streams.records import LogRecord, RecordKind
from streams.texts import texts
from streams.zoneversion import made

_LIVE: Final = 8_192  # assets whose open objects are held unpacked
_GENERATION: Final = 250_000  # samples of the arena before it turns
_AGAIN: Final = 32  # assets that are gone through again in one step
_DENSE: Final = 128  # samples after which late data makes a new kept state
_REST_MS: Final = 600_000  # an asset that was silent for so long rests
_PART: Final = 1 << 16  # assets looked at in one go
_SEEN: Final = {"seen": ("<i8", 0), "device": ("<i4", -1), "home": ("<i4", -1), "tenant": ("<i4", -1)}


@dataclass(frozen=True, slots=True)
class Step:
    """What one record gave: its events, the rows of assets whose latest position changed, and notes to
    append to their gates' home partitions, and ``handed`` to others, once the events are committed."""

    events: list[Event]
    moved: Array
    notes: list[Note] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What the engine saw, for health and metrics; part of the snapshot."""

    reports: int = 0
    duplicates: int = 0
    conflicts: int = 0
    samples: int = 0
    late: int = 0
    too_late: int = 0
    jumps: int = 0
    unbelieved: int = 0
    contested: int = 0
    refolds: int = 0


@dataclass(slots=True)
class Live:
    """An asset's open objects, unpacked."""

    journey: Journey
    book: list[Entry]


class Engine:
    """The state of one partition. Not for use by two threads at once."""

    def __init__(
        self,
        partition: int,
        world: World,
        rules: Rules | None = None,
        past: Past | None = None,
        partitions: int = 1,
        regimes: Iterable[str] = (),
    ) -> None:
        """``regimes``: the texts of those that hold before any is published."""
        self.partition, self.world, self.rules = partition, world, rules or Rules()
        self.partitions = partitions
        self.position = self.number = self.now_ms = 0
        self.counts = Counts()
        self.registry = Registry(partition, partitions)
        self.early = Early()
        self.queues = Queues()
        self.sequences = Sequences()
        self.rows, self.owners = Names(), Names()
        self.extra = Columns(_SEEN)
        self.names = Listed(self.rows, lambda: self.extra.size)
        self.tenants = Listed(self.owners, lambda: self.extra.size, lambda: self.extra["tenant"])
        self.states, self.shapes = States(), Shapes()
        self.revived: dict[int, dict[tuple[str, str, int], int]] = {}
        self.again: dict[int, int] = {}  # rows that wait to be gone through again, from a time on
        self.memory = Memory(past, Recent())
        self._live: OrderedDict[int, Live] = OrderedDict()
        self._numbers = kernel.numbers(self.rules)
        self._events: list[Event] = []
        self._handed: list[Handed] = []
        self.covers = Covers(self)
        self.desk = Desk(self, regimes)

    def fold(self, record: LogRecord) -> Step:
        """Fold one record; one at or below ``position`` was folded before and gives nothing.

        Raises CodecError for a body that is not what its kind says; the state is then as before, but for
        the position, so that one bad record stops nobody.
        """
        if record.position <= self.position:
            return Step([], np.empty(0, np.int64))
        self.position = record.position
        self.now_ms = max(self.now_ms, record.received_ms)
        self._events, self._handed = [], []
        moved = np.empty(0, np.int64)
        if record.kind is RecordKind.FRAME:
            moved = self._fold_frame(open_frame(record.body))
            if self.desk.ahead.values:
                ahead.moved(self, moved)
        elif record.kind is RecordKind.COMMAND:
            self._fold_command(load_json(record.body))
        elif record.kind is RecordKind.NOTE:
            self._fold_note(record.body)
        if self.again:
            moved = np.union1d(moved, self._go_through_again())
        self.desk.after(self._events)
        self._handed += self.desk.finish()
        self.covers.after(tuple(self._events))
        notes = [note for event in self._events if (note := note_of(event)) is not None]
        for told in self.queues.tell(self.now_ms, self.position):
            self._say(
                told.tenant, "", Kind.QUEUE, told.id, told.revision, told.change, self.now_ms, told.data
            )
        return Step(self._events, moved, notes, self._handed)

    def latest(self, rows: Array) -> dict[str, Array]:
        """The present of some assets: t, seen (ms), lon, lat (1e-7 degree), speed (0.01 km/h), heading
        (0.01 degree), set, country (zone numbers), device (row), trip_mm; -1 or NONE where not known."""
        if len(rows) > _PART:
            parts = [self.latest(rows[at : at + _PART]) for at in range(0, len(rows), _PART)]
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        s, extra = self.states.look(rows), self.extra
        at_rest = np.flatnonzero(self.states.resting(rows))
        if len(at_rest):
            held = s[at_rest]
            renumber(self.world, held)
            s["set"][at_rest] = held["set"]
        driving = (s["phase"] == kernel.DRIVING) & (s["bt"] != NONE)
        return {
            "t": s["bt"],
            "lon": s["blon"],
            "lat": s["blat"],
            "speed": s["bspeed"],
            "heading": s["heading"],
            "set": s["set"],
            "country": extra["home"][rows],
            "seen": extra["seen"][rows],
            "device": extra["device"][rows],
            "trip_mm": np.where(driving, s["cum"] - s["trip_cum"], -1),
        }

    @property
    def waits(self) -> bool:
        """Whether something is to be done at the next record, so that a tick should come soon."""
        return bool(self.again) or self.desk.wakes.due(self.now_ms) or self.covers.due

    def journeys(self) -> Iterable[Journey]:
        """Those of the assets whose open objects are unpacked."""
        return (live.journey for live in self._live.values())

    def hand(self, notes: Iterable[Handed]) -> None:
        """Give notes to other partitions once this step's events are committed."""
        self._handed += notes

    @property
    def gates(self) -> Mapping[str, Gate]:
        """See Host.gates."""
        return self.world.gates

    def open_trip(self, asset: str) -> tuple[str, int] | None:
        """See Host.open_trip."""
        if asset not in self.rows:
            return None
        for entry in self._unpacked(self.rows[asset]).book:
            if entry.draft.kind is Kind.TRIP and not entry.retracted and entry.draft.data["end_ms"] is None:
                return entry.id(asset), entry.draft.data["start_ms"]
        return None

    def standing(self, asset: str) -> list[tuple[Kind, str, dict[str, Any]]]:
        """See covers.Host.standing."""
        if asset not in self.rows:
            return []
        book = self._unpacked(self.rows[asset]).book
        return [(e.draft.kind, e.id(asset), e.draft.data) for e in book if not e.retracted]

    def samples(self, asset: str, begin: int, end: int) -> Rows:
        """See covers.Host.samples."""
        row, memory = self.rows[asset], self.memory
        parts, complete = memory.recent.rows(row, begin - 1)
        if not complete and memory.past is not None:
            parts.append(memory.past.rows(row, begin - 1, memory.recent.first))
        rows, _ = settle(joined(parts))
        return rows.take(rows.t <= end)

    def say(self, fact: Fact, change: Change, t_ms: int) -> None:
        """See Host.say."""
        self._say(fact.tenant, fact.asset, fact.kind, fact.id, fact.revision, change, t_ms, fact.data)

    @property
    def state(self) -> Array:
        """A copy of every asset's hot state, by row: for tests and people."""
        return self.states.look(np.arange(self.extra.size))

    def seal(self) -> None:
        """Give everything since the last seal to the past, so that a snapshot of now can be restored."""
        memory = self.memory
        self._rest()
        if memory.past is None or memory.sealed == self.position:
            return
        memory.past.write(chunk(memory, self.position))
        memory.sealed = self.position
        memory.changed.clear()
        if memory.recent.young > _GENERATION:
            memory.turn(self.position)

    def pack(self) -> None:
        """Pack the open objects of the assets that moved of late too, for a snapshot."""
        for row, live in self._live.items():
            self._pack(row, live)

    def _rest(self) -> None:
        """Let assets rest that were silent for long, but those that wait to be gone through again."""
        awake = self.states.owner[: self.states.used]
        silent = awake[self.extra["seen"][awake] < self.now_ms - _REST_MS].tolist()
        rows = [row for row in silent if row not in self.again]
        if rows:
            for row in rows:
                live = self._live.pop(row, None)
                if live is not None:
                    self._pack(row, live)
            self.states.rest(np.array(rows, np.int64))

    def _fold_command(self, command: dict[str, Any]) -> None:
        def hand_on(fit: dict[str, Any]) -> bool:
            data = fit["data"] | {"from_ms": fit["data"].get("from_ms") or self.now_ms}
            elsewhere = home(data["device"], self.partitions) != self.partition and self.partitions > 1
            if elsewhere:
                handed = Fit(fit["id"], fit["tenant"], data, self.partition, self.position)
                self._handed.append(handed.handed(self.partitions))
            return elsewhere

        if self.desk.takes(command["command"]):
            answer = self.registry.first(command)
            if answer is None:
                self.desk.command(command)
            self._tell(answer or [])
        else:
            self._tell(self.registry.apply(command, self.now_ms, lambda c: publish(self, c), hand_on))

    def _fold_note(self, body: bytes) -> None:
        if body.startswith(DESK):
            self.desk.hear(desk_messages(body))
            return
        note = opened_note(body)
        if note is None:
            self.queues.merge(decode(body))
        elif isinstance(note, Fit):
            self._tell(self.registry.fitted(note, self.now_ms))
        else:
            book = self.world.book.copy()
            hold(self, book, book.put(made(self.early.ready(note, book.count))))

    def _tell(self, facts: list[Fact]) -> None:
        for fact in facts:
            self.say(fact, fact.change, self.now_ms)
            if fact.kind is Kind.ASSET:
                self.desk.registered(fact)

    def _go_through_again(self) -> Array:
        """Go through some of the assets that an edit of zones may concern; a step is one log record."""
        rows = sorted(self.again)[:_AGAIN]
        for row in rows:
            first = max(self.again.pop(row), int(self._state(row)["t"][0]) - self.rules.late_window_ms)
            self._fold_late(row, first)
        return np.array(rows, np.int64)

    def _fold_frame(self, frame: FrameView) -> Array:
        device, devices = frame.names("device")
        boot, boots = frame.names("boot")
        device_row = self.sequences.rows_of(devices)[device]
        verdict = self.sequences.judge(device_row, boots, boot, frame.numbers("seq", NONE), frame.digests())
        self.counts.reports += len(verdict)
        asset_row = self._rows_of(frame)
        self.extra["device"][asset_row] = device_row
        if verdict.any():
            self.counts.duplicates += int((verdict == Verdict.DUPLICATE).sum())
            self.counts.conflicts += int((verdict == Verdict.CONFLICT).sum())
            asset_row = np.where(verdict == Verdict.NEW, asset_row, -1)
        received = frame.numbers("received_ms", NONE)
        new = asset_row >= 0
        np.maximum.at(self.extra["seen"], asset_row[new], received[new])
        if frame.has("facts"):
            facts_heard(self, frame, asset_row)
        report = frame.numbers("report", NONE)
        if self.desk.limits.values and frame.has("axle_load_kg"):
            loads_heard(self, frame, asset_row[report])
        rows, index = rows_of(frame, asset_row[report], received[report], self.position)
        self.counts.samples += len(report)
        report = report[index]
        good = kernel.good(rows.t, rows.lon, rows.lat, rows.hdop, rows.fix, rows.received, self._numbers)
        if not good.all():
            self.counts.unbelieved += int(len(good) - good.sum())
            rows, report = rows.take(good), report[good]
        if not len(rows):
            return np.empty(0, np.int64)
        if self.covers.watched.values:
            heard(self, frame, asset_row, rows, report)
        rows, conflicts = settle(self._not_too_late(rows, frame, report))
        self.counts.contested += conflicts
        return self._follow(rows)

    def _not_too_late(self, rows: Rows, frame: FrameView, report: Array) -> Rows:
        """The rows within the late window; of the others it is said that they came."""
        places = self._awake(rows.asset)
        newest = self.states.hot["t"][places]
        late = (rows.t < newest - self.rules.late_window_ms) & (newest != NONE)
        if not late.any():
            return rows
        self.counts.too_late += int(late.sum())
        late_said(self, rows, frame, report, late)
        return rows.take(~late)

    def _rows_of(self, frame: FrameView) -> Array:
        code, words = frame.names("asset")
        rows = self.rows.rows(words)
        row: Array = rows[code]
        more = len(self.rows) - self.extra.size
        if more:
            first = self.extra.add(more)
            self.states.add(more)
            tenant, tenants = frame.names("tenant")
            new = np.flatnonzero(row >= first)[::-1]  # of an asset that is there twice the first counts
            owner = self.extra["tenant"]
            owner[row[new]] = self.owners.rows(tenants)[tenant[new]]
            unused = np.flatnonzero(owner[first : self.extra.size] < 0)
            if len(unused):
                owner[first + unused] = self.owners.rows(texts([""]))
        return row

    def _follow(self, rows: Rows) -> Array:
        """Move the assets along their samples; returns the rows that moved."""
        if not len(rows):
            return np.empty(0, np.int64)
        places = self._awake(rows.asset)
        newest = self.states.hot["t"][places]
        starts = np.flatnonzero(np.append(True, rows.asset[1:] != rows.asset[:-1]))
        assets = rows.asset[starts]
        behind = rows.t[starts] <= newest[starts]
        if not behind.any():
            self.memory.recent.add(rows, newest)
            self._fold_in_order(rows, places)
            return assets
        past = rows.t <= newest
        self.counts.late += int(past.sum())
        behind[behind] = ~self._slipped_in(rows.take(past))
        self.memory.recent.add(rows, newest)
        late = np.repeat(behind, np.diff(np.append(starts, len(rows))))
        rest = rows.take(~(late | past))
        if len(rest):
            self._fold_in_order(rest, self._awake(rest.asset))
        for row, first in zip(assets[behind].tolist(), rows.t[starts][behind].tolist(), strict=True):
            self._fold_late(row, first)
        return assets

    def _slipped_in(self, rows: Rows) -> Array:
        """Of late samples: for each of their assets whether all of its samples slipped in."""
        assets = np.unique(rows.asset)
        done = set()
        for some in slips(self.world, self._numbers, self.memory, rows, self.states):
            row = some[0].row
            state, journey = self._state(row), self._unpacked(row).journey
            if row not in self.again and all(slip_in(slip, state, journey, self.rules) for slip in some):
                self.memory.void(row, some[0].before[0], self.position)
                done.add(row)
                if state["since"][0] >= min(_DENSE, self.rules.checkpoint_rows):
                    self._keep_state(row)
        return np.array([row in done for row in assets.tolist()])

    def _fold_in_order(self, rows: Rows, places: Array) -> None:
        states = self.states
        course, flags = advance(self.world, self._numbers, rows, states.hot, states.cell, places)
        if len(course.steps) < len(rows):
            self.counts.unbelieved += len(rows) - len(course.steps)
            self.counts.jumps += int((flags & Flag.JUMP != 0).sum())
        for row, begin, end in course.busy():
            self._walk(row, course, begin, end)
        full = states.hot["since"][places] >= self.rules.checkpoint_rows
        if full.any():
            for row in np.unique(rows.asset[full]).tolist():
                self._keep_state(row)

    def _walk(self, row: int, course: Course, begin: int, end: int) -> None:
        live, notes, state = self._unpacked(row), Notes(), self._state(row)
        state["wake"] = course.walk(live.journey, begin, end, int(state["wake"][0]), notes)
        if notes.drafts or notes.unsaid:
            self._revise(row, live, live.book, notes, again=False)

    def _fold_late(self, row: int, first: int) -> None:
        self.counts.refolds += 1
        memory = self.memory
        again = refold(self.world, self.rules, self._numbers, memory, row, first)
        self.counts.contested += again.conflicts
        self._state(row)[0] = again.state[0]
        self.states.cell[self.states.place(row)] = again.cell
        live = self._unpacked(row)
        closed = memory.take_closed(row, self.names[row], again.since, again.standing, live.book)
        held = [*live.book, *closed]
        live.journey = again.journey
        self._revise(row, live, held, again.notes, again=True)
        memory.void(row, again.since - 1, self.position)
        for t, blob in again.states:
            memory.keep_state(row, t, self.position, blob)

    def _revise(self, row: int, live: Live, held: list[Entry], notes: Notes, again: bool) -> None:
        asset, tenant = self.names[row], self.tenants[row]
        standing = live.journey.keys()

        def tell(entry: Entry, change: Change, why: dict[str, Any]) -> None:
            into = why.get("merged_into")
            if isinstance(into, Entry):
                why["merged_into"] = into.id(asset)
            if change is Change.CREATED and not entry.born:
                entry.born = self.number + 1
            draft = entry.draft
            data = {**draft.data, "why": why}
            self._say(tenant, asset, draft.kind, entry.id(asset), entry.revision, change, draft.t_ms, data)

        revived = self.revived.get(row, {})
        kept = revise(held, notes, again, revived, tell)
        if revived:
            self.revived[row] = revived
        live.book = []
        for entry in kept:
            if still_open(entry, standing):
                live.book.append(entry)
            else:
                entry.kept = self.position
                self.memory.keep_closed(row, asset, entry, self.position)
        home = live.journey.visits.home
        self.extra["home"][row] = -1 if home is None else home.zone

    def _keep_state(self, row: int) -> None:
        state, live = self._state(row), self._live.get(row)
        state["since"] = 0
        journey = live.journey.pack() if live is not None else packed(self._peek(row))
        t = int(state["t"][0])
        self.memory.keep_state(row, t, self.position, state.tobytes() + journey)
        self.memory.prune(row, t - self.rules.late_window_ms)

    def _unpacked(self, row: int) -> Live:
        live = self._live.get(row)
        if live is not None:
            self._live.move_to_end(row)
            return live
        self._state(row)
        content = self.states.take(row)
        live = Live(opened(None, self.world, self.rules), [])
        if content is not None:
            journey, entries = self.unpacked(content)
            live.journey.load(journey)
            drafts = {draft.key: draft for draft in live.journey.standing()}
            for kind, place, at, *plain in entries:
                draft = drafts.get((Kind(kind), place, at))
                if draft is not None:  # else its zone is gone
                    live.book.append(Entry(draft, *plain))
        self._live[row] = live
        if len(self._live) > _LIVE:
            self._pack(*self._live.popitem(last=False))
        return live

    def _pack(self, row: int, live: Live) -> None:
        entries = [[e.draft.kind.value, e.draft.place, e.draft.opened, *e.plain()] for e in live.book]
        value = [live.journey.dump(), entries]
        try:
            numbers = self.shapes.numbers(value)
        except OddError:
            self.states.keep(row, cbor2.dumps(value))
        else:
            self.states.keep(row, numbers if fits(len(numbers)) else cbor2.dumps(value))

    def unpacked(self, content: list[int] | bytes) -> list[Any]:
        """The plain values of an asset's journey and book, from what ``states`` keeps."""
        value: list[Any] = cbor2.loads(content) if isinstance(content, bytes) else self.shapes.value(content)
        return value

    def _peek(self, row: int) -> list[Any]:
        content = self.states.peek(row)
        assert content is not None
        journey: list[Any] = self.unpacked(content)[0]
        return journey

    def _awake(self, rows: Array) -> Array:
        """The places of some rows in the hot state; those that rested are woken."""
        states = self.states
        before = states.used
        places = states.places(rows)
        if states.used > before:
            woken = states.hot[before : states.used]
            renumber(self.world, woken)
        return places

    def _state(self, row: int) -> Array:
        """An asset's hot state, to be changed in place: STATE[1]."""
        place = self.states.place(row)
        if place < 0:
            place = int(self._awake(np.array([row]))[0])
        return self.states.hot[place : place + 1]

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
        place = self.partition, self.number, self.position
        self._events.append(
            Event(*place, kind, id_, revision, change, tenant, asset, t_ms, self.now_ms, data)
        )
