"""The laws of cases: order where it does not matter, partitions, processes that die, releases.

Vehicles are filed, permitted, coupled, driven through a gate and told of by their buses, in any order;
officers and the authority decide, filings are amended and withdrawn. `HYPOTHESIS_PROFILE=nightly` tries many
more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.clearance.words import STAGES
from streams.codec import decode_frame, dump_json, encode_frame
from streams.engine import Engine
from streams.events import Change, Event, Kind, object_id
from streams.homes import home
from streams.records import LogRecord, RecordKind
from tests.property.cluster import At, Cluster
from tests.property.test_order_free import NIGHTLY, law
from tests.unit.streams.engine.desk_world import (
    AUTOMATIC,
    REGIME,
    VINS,
    asset_of,
    body,
    case_of,
    filing_of,
    frame_of,
    lodging,
    permitting,
    through,
)
from tests.unit.streams.engine.small_world import T0, world

CASES = 500 if NIGHTLY else int(os.environ.get("CASES", "25"))
WORLD = world()
FLEET = VINS[:4]
NOW_S = 20 * 3_600.0
PARTITIONS = 4


@dataclass(frozen=True)
class Do:
    """A command (name, data), a report of a vehicle (samples, facts), or hours that pass."""

    what: str
    vin: str = ""
    data: Any = None

    def __repr__(self) -> str:
        if self.what != "report":
            return f"Do({self.what!r}, {self.vin!r}, {self.data!r})"
        seq, samples, told = self.data
        way = f"{samples[0].t_s} s {samples[0].lon} to {samples[-1].lon}" if samples else ""
        return f"Do(report {seq} of {self.vin}: {way} {told})"

    def content(self, number: int) -> tuple[RecordKind, bytes]:
        """The record's body."""
        if self.what == "tick":
            return RecordKind.TICK, b""
        if self.what == "report":
            seq, samples, facts = self.data
            return RecordKind.FRAME, encode_frame(
                frame_of(asset_of(self.vin), seq, samples, facts, None, NOW_S)
            )
        return RecordKind.COMMAND, dump_json(body(self.what, f"cmd_{number}", self.data))


def reference(vin: str) -> str:
    """The reference of a vehicle's filing."""
    return f"R-{vin[-2:]}"


@st.composite
def reports(draw: st.DrawFn, vin: str) -> list[Do]:
    """A drive to the gate, into it or through it, cut into reports, and what the bus tells."""
    upto = draw(st.sampled_from((0.05, 0.004, -0.006, -0.08)))
    start = draw(st.sampled_from((3_600.0, 18_000.0)))
    samples = through(vin, start, upto, draw(st.sampled_from((40.0, 80.0))))[:: draw(st.sampled_from((1, 2)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(samples)), max_size=4)))
    parts = [samples[a:b] for a, b in pairwise((0, *cuts, len(samples))) if a < b]
    told: list[tuple[Any, Any]] = [(part, None) for part in parts]
    for _ in range(draw(st.integers(0, 2))):
        told.append(([], [draw(facts(vin))]))
    return [Do("report", vin, (seq, *one)) for seq, one in enumerate(told)]


@st.composite
def facts(draw: st.DrawFn, vin: str) -> dict[str, Any]:
    """A fact: the VIN that it should be mostly, a seal, a unit."""
    t = T0 + draw(st.integers(0, 36_000)) * 1_000
    seal = draw(st.sampled_from(("locked", "broken", "replaced")))
    return draw(
        st.sampled_from(
            (
                {"t": t, "kind": "identity", "source": 0, "vin": vin},
                {"t": t, "kind": "identity", "source": 0, "vin": vin},
                {"t": t, "kind": "identity", "source": 0, "vin": FLEET[0]},
                {"t": t, "kind": "component", "source": 0, "serial": draw(st.sampled_from(("S1", "S2")))},
                {"t": t, "kind": "seal", "seal": "X1", "state": seal},
            )
        )
    )


@st.composite
def papers(draw: st.DrawFn, vin: str) -> list[Do]:
    """What a vehicle's exporter does; a chassis number of another one sometimes."""
    chassis = draw(st.sampled_from((vin, vin, vin, FLEET[1])))
    batch = draw(st.sampled_from((None, "B1")))
    found = [Do("filing.lodge", vin, lodging(vin, reference(vin), chassis=chassis, batch=batch))]
    if draw(st.integers(0, 4)):
        found.append(Do("permit.grant", vin, permitting(vin, f"P-{vin[-2:]}")))
    if draw(st.booleans()):
        found.append(Do("binding.claim", vin, claim(vin, draw(st.sampled_from((vin, FLEET[2]))))))
    if vin == FLEET[3] and draw(st.booleans()):
        data = {"asset": asset_of(vin), "carrier": asset_of(FLEET[0]), "how": "coupled", "from_ms": T0}
        found.append(Do("coupling.start", vin, data | {"evidence": "papers"}))
    return found


def claim(vin: str, chassis: str) -> dict[str, Any]:
    """The data of a maker's claim."""
    given = {"asset": asset_of(vin), "source": "maker", "vin": vin, "chassis": chassis, "scheme": None}
    return given | {"from_ms": T0, "to_ms": None, "evidence": "production record"}


def registering() -> list[Do]:
    """All vehicles are registered before anything else is heard of them."""
    return [Do("asset.register", vin, {"vin": vin, "chassis": vin}) for vin in FLEET]


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Do], list[Do]]:
    """The same things twice, in two orders."""
    things: list[Do] = []
    for vin in FLEET[: draw(st.integers(1, 2))] + FLEET[3 : 3 + draw(st.integers(0, 1))]:
        things += draw(papers(vin))
        if vin != FLEET[3]:
            things += draw(reports(vin))
    return draw(st.permutations(things)), draw(st.permutations(things))


def folded(engine: Engine, things: Sequence[Do], regime_now: float = NOW_S) -> list[Event]:
    """Fold things, all at one instant of the log but for ticks; returns all events."""
    events: list[Event] = []
    now = regime_now
    for number, one in enumerate(things):
        now += one.data * 3_600 if one.what == "tick" else 0
        kind, content = one.content(number)
        record = LogRecord(0, engine.position + 1, kind, T0 + int(now * 1_000), "k", content)
        events += engine.fold(record).events
    return events


def newest(events: Sequence[Event], kind: Kind) -> dict[str, dict[str, Any]]:
    """What the newest revisions say, but for those retracted."""
    held = {event.id: event for event in events if event.kind is kind}
    return {id_: one.data for id_, one in held.items() if one.change is not Change.RETRACTED}


_HISTORY = (
    "eta_ms",
    "deadlines",
    "why",
    "release",
    "release_rule",
    "release_conditions",
    "crossing",
    "by",
    "reasons",
    "steps",
)


def decided(events: Sequence[Event]) -> dict[str, Any]:
    """Of each case what must not depend on order: all but ids of crossings, and what was asked for."""
    found: dict[str, Any] = {}
    for id_, data in newest(events, Kind.CASE).items():
        steps = [{name: value for name, value in step.items() if name != "cause"} for step in data["steps"]]
        codes = sorted({one["code"] for one in data["reasons"]} - {"waiting", "no_answer"})
        by = None if data["by"] is None else data["by"]["asset"]
        plain = {name: value for name, value in data.items() if name not in _HISTORY}
        seen = STAGES.index(data["stage"]) >= STAGES.index("arrived") and data["crossing"] is not None
        due = data["deadlines"] if seen else []  # else they rest on what is foretold
        found[id_] = plain | {"steps": steps, "codes": codes, "by": by, "deadlines": due}
    return found


@given(shuffled())
@law(CASES * 2)
def test_the_order_of_papers_and_telemetry_changes_no_case(orders: tuple[list[Do], list[Do]]) -> None:
    first, second = (
        folded(Engine(0, WORLD, regimes=[REGIME]), [*registering(), *things]) for things in orders
    )
    assert decided(first) == decided(second)
    bound = [
        {id_: (data["state"], data["vin"], data["chassis"], data["agreed"]) for id_, data in held.items()}
        for held in (newest(first, Kind.BINDING), newest(second, Kind.BINDING))
    ]
    assert bound[0] == bound[1]
    open_ = [
        {
            id_: (data["cause"], data["state"], data["other"])
            for id_, data in held.items()
            if data["state"] == "open"
        }
        for held in (newest(first, Kind.CONFLICT), newest(second, Kind.CONFLICT))
    ]
    assert open_[0] == open_[1]


@st.composite
def histories(draw: st.DrawFn) -> list[Do]:
    """Anything in any order, decisions, amendments and withdrawals too."""
    things: list[Do] = []
    for vin in FLEET[:2] + FLEET[3:]:
        things += draw(papers(vin))
        if vin != FLEET[3]:
            things += draw(reports(vin))
    things = draw(st.permutations(things))
    for number in range(draw(st.integers(0, 8))):
        things.insert(draw(st.integers(len(things) // 2, len(things))), draw(later(number)))
    return [*registering(), *things]


@st.composite
def later(draw: st.DrawFn, number: int) -> Do:
    """What comes of a filing."""
    vin = draw(st.sampled_from(FLEET[:2]))
    asset, case = asset_of(vin), case_of(reference(vin))
    filing = {"asset": asset, "filing": filing_of(reference(vin))}
    change = draw(
        st.sampled_from(({"consignee": "x"}, {"batch": "B2"}, {"chassis": vin}, {"chassis": FLEET[2]}))
    )
    what = draw(st.sampled_from(("release", "release", "inspect", "detain", "wait", "withdraw")))
    message = draw(st.sampled_from((f"m{number}", "m0")))
    answer = {"asset": asset, "case": case, "authority": "g-customs", "message": message, "request": None}
    order = {"asset": asset, "case": case, "reason": "seen", "at_ms": None}
    settle = {"asset": asset, "case": None, "vin": vin, "chassis": vin, "reason": "seen"}
    return draw(
        st.sampled_from(
            (
                Do("filing.amend", vin, filing | {"changes": change}),
                Do("filing.withdraw", vin, filing | {"reason": "sold"}),
                Do("filing.lodge", vin, lodging(vin, f"again-{number}")),
                Do("authority.decide", vin, answer | {"decision": what, "reason": "", "at_ms": None}),
                Do("authority.decide", vin, answer | {"decision": "release", "reason": "", "at_ms": None}),
                Do("case.decide", vin, order | {"decision": draw(st.sampled_from((what, "close")))}),
                Do("binding.settle", vin, settle),
                Do("tick", "", draw(st.sampled_from((0.6, 24.0, 800.0)))),
            )
        )
    )


def check_cases(events: Sequence[Event]) -> None:
    """No stage is skipped in silence, no release is given twice, a withdrawn filing is never released."""
    withdrawn: set[str] = set()
    releases: dict[str, dict[int, str]] = {}
    revisions: dict[str, int] = {}
    for event in events:
        if event.kind in (Kind.CASE, Kind.FILING, Kind.RELEASE, Kind.BINDING, Kind.CONFLICT, Kind.BATCH):
            assert event.revision == revisions.get(event.id, 0) + 1
            revisions[event.id] = event.revision
        if event.kind is Kind.FILING and event.data["state"] == "withdrawn":
            withdrawn.add(event.data["case"])
        elif event.kind is Kind.CASE:
            stages = [step["stage"] for step in event.data["steps"]]
            assert stages == list(STAGES[: len(stages)]), "a stage was skipped"
            assert event.data["stage"] == stages[-1]
            if event.id in withdrawn:
                assert event.data["state"] in ("withdrawn", "cleared")
        elif event.kind is Kind.RELEASE:
            held = releases.setdefault(event.data["case"], {})
            fresh = event.data["n"] not in held
            if fresh:
                assert event.data["n"] == len(held) + 1
                assert event.data["case"] not in withdrawn, "a withdrawn filing asks for no release"
                assert event.id == object_id(Kind.RELEASE, event.data["case"], event.data["n"])
            held[event.data["n"]] = event.data["state"]
            standing = [n for n, state in held.items() if state in ("granted", "requested", "timeout")]
            assert len(standing) <= 1, "two releases at once"


@given(histories(), st.sampled_from((REGIME, AUTOMATIC)))
@law(CASES * 2)
def test_whatever_happens_a_case_keeps_its_laws(things: list[Do], regime: str) -> None:
    check_cases(folded(Engine(0, WORLD, regimes=[regime]), things))


@given(
    histories(),
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 3), st.sampled_from(At), st.booleans()), max_size=8
    ),
)
@law(CASES)
def test_partitions_and_processes_that_die_change_no_case(
    things: list[Do], trouble: list[tuple[int, int, At, bool]]
) -> None:
    straight = folded(Engine(0, WORLD, regimes=[REGIME]), things)
    for partitions in (1, PARTITIONS):
        with tempfile.TemporaryDirectory() as folder:
            got = ran(Path(folder), partitions, things, trouble)
        check_cases(got)
        if partitions == 1:
            assert history(got) == history(straight)
        assert told(got) == told(straight)


def history(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """All that was told but queues, in its order; notes to gates lie in the log too, so without places."""
    kept = [event for event in events if event.kind is not Kind.QUEUE]
    return [
        (e.kind, e.id, e.revision, e.change, e.asset, e.t_ms, e.recorded_ms, e.data["why"]["changed"])
        for e in kept
        if "why" in e.data
    ]


def told(events: Sequence[Event]) -> dict[str, Any]:
    """What the newest revisions of cases, releases, batches and answers say, but for places in the log."""
    found: dict[str, Any] = {}
    for kind in (Kind.CASE, Kind.RELEASE, Kind.BATCH, Kind.COMMAND, Kind.CONFLICT):
        for id_, data in newest(events, kind).items():
            plain = {name: value for name, value in data.items() if name != "why"}
            if kind is Kind.CASE:
                plain["steps"] = [{n: v for n, v in step.items() if n != "cause"} for step in data["steps"]]
            if kind is Kind.COMMAND:
                plain["error"] = None if data["error"] is None else data["error"]["code"]
            found[id_] = plain
    return found


def ran(
    folder: Path, partitions: int, things: Sequence[Do], trouble: Sequence[tuple[int, int, At, bool]]
) -> list[Event]:
    """Do the things one after the other, each settled; processes die and notes come again in between."""
    cluster = Cluster(folder, partitions, WORLD, regimes=[REGIME])
    now = NOW_S
    for number, one in enumerate(things):
        now += one.data * 3_600 if one.what == "tick" else 0
        now_ms = T0 + int(now * 1_000)
        if one.what == "tick":
            cluster.ticks(now_ms)
        elif one.what == "report":
            _, content = one.content(number)
            cluster.frame(decode_frame(content), now_ms)
        else:
            cluster.command(body(one.what, f"cmd_{number}", one.data), now_ms)
        for at, place, dies, saves in trouble:
            if at == number:
                place %= partitions
                if saves:
                    cluster.checkpoint(place)
                if partitions > 1:
                    cluster.again(place, at)
                cluster.step(place, dies)
        cluster.settle()
    assert all(runner.bad_records == 0 and not runner._unfoldable for runner in cluster.runners)
    for event in cluster.events():
        if event.kind in (Kind.CASE, Kind.FILING, Kind.RELEASE, Kind.BINDING):
            assert event.partition == home(event.asset, partitions) or partitions == 1
    return cluster.events()
