"""The law of partitions: how many there are changes nothing that is true in the end.

Random scripts of commands and late, doubled, shuffled reports run in one partition, and in several whose
runners die and whose notes come again. `HYPOTHESIS_PROFILE=nightly` tries many more.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from shapely import box

from geofences.geojson import zone_feature
from geofences.zone import Zone, ZoneKind
from streams import homes
from streams.codec import decode_frame
from streams.engine import Engine, restore, snapshot
from streams.events import Change, Event, Kind, object_id
from streams.homes import Fit, home
from streams.log import LogFullError
from streams.records import LogRecord, NewRecord, RecordKind
from tests.property import nasty
from tests.property.cluster import At, Cluster
from tests.property.delivery import Delivery, deliveries
from tests.property.test_order_free import DERIVED, NIGHTLY, WORLD, law, standing, text

CASES = 1_000 if NIGHTLY else int(os.environ.get("CASES", "40"))
SEVERAL = (2, 4, 8)
VINS = tuple(f"VIN0000000000000{n}" for n in range(4))
ASSETS = tuple(object_id(Kind.ASSET, "main", vin) for vin in VINS)
DEVICES = ("d0", "d1", "d2")
HOUR_MS = 3_600_000
T0 = nasty.T0
_SHAPES: dict[str, tuple[ZoneKind, tuple[float, float, float, float], dict[str, Any]]] = {
    "shed": (ZoneKind.CUSTOM, (-0.0315, -0.001, -0.0295, 0.001), {}),
    "shack": (ZoneKind.YARD, (0.05, -0.01, 0.07, 0.01), {"grace_s": 60}),
    "yard": (ZoneKind.YARD, (-0.46, -0.05, -0.44, 0.05), {"grace_s": 30, "min_dwell_s": 60}),
    "kiosk": (ZoneKind.CUSTOM, (-0.032, -0.002, -0.0305, 0.002), {}),
    "port-la": (ZoneKind.PORT, (-0.012, -0.01, -0.001, 0.01), {"gate": "g", "side": "LA", "grace_s": 60}),
}

_COMMANDS = (
    *("device.fit", "device.fit", "device.unfit", "zone.publish", "zone.retire"),
    *("asset.update", "asset.register", "no.such"),
)


@dataclass(frozen=True)
class Do:
    """One thing of a script: a command, a frame (its number), or trouble that one partition ignores."""

    what: str
    data: Any = None
    place: int = 0


def body(name: str, number: int, data: dict[str, Any], tenant: str = "main") -> dict[str, Any]:
    """A command."""
    return {"id": f"cmd_{number}", "command": name, "tenant": tenant, "by": "test", "data": data}


def shape(name: str) -> dict[str, Any]:
    """A zone to be published."""
    kind, bounds, more = _SHAPES[name]
    zone = Zone(name, kind, name, box(*bounds), **more)
    feature: dict[str, Any] = orjson.loads(orjson.dumps(zone_feature(zone)))
    return feature


@st.composite
def commands(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Any command: most are allowed, some are not."""
    name = draw(st.sampled_from(_COMMANDS))
    asset, device = draw(st.sampled_from((*ASSETS, "asset_none"))), draw(st.sampled_from(DEVICES))
    tenant = draw(st.sampled_from(("main",) * 7 + ("other",)))
    at = T0 + draw(st.sampled_from((-HOUR_MS, 0, 60_000, HOUR_MS // 2, HOUR_MS)))
    contents: dict[str, dict[str, Any]] = {
        "device.fit": {"device": device, "asset": asset} | draw(st.sampled_from(({}, {"from_ms": 7}))),
        "device.unfit": {"device": device},
        "zone.publish": {"valid_from_ms": at},
        "zone.retire": {"valid_from_ms": at},
        "asset.update": {"asset": asset, "name": f"name {number}"},
        "asset.register": {"vin": draw(st.sampled_from(VINS)), "name": "again"},
    }
    data = contents.get(name, {})
    if name == "zone.publish":
        names = draw(st.lists(st.sampled_from(sorted(_SHAPES)), min_size=1, max_size=3, unique=True))
        data["zones"] = [shape(one) for one in names]
    elif name == "zone.retire":
        data["ids"] = [draw(st.sampled_from(("yard", "kiosk", "shed", "shack", "la", "nowhere")))]
    return body(name, number, data, tenant)


@st.composite
def scripts(draw: st.DrawFn) -> tuple[Delivery, list[Do]]:
    """Reports and commands in any order, all assets registered first; with trouble in between."""
    tracks = {asset: draw(nasty.tracks(2)) for asset in ASSETS[: draw(st.integers(1, 3))]}
    delivery = draw(deliveries(tracks, most_frames=8))
    script = [Do("frame", number) for number in range(len(delivery.frames))]
    first = [
        Do("command", body("asset.register", n, {"vin": vin, "name": vin})) for n, vin in enumerate(VINS)
    ]
    for number in range(draw(st.integers(1, 10))):
        at = draw(st.integers(0, len(script)))
        script.insert(at, Do("command", draw(commands(100 + number))))
    trouble = st.builds(
        Do,
        st.sampled_from(("checkpoint", "dies", "dies", "again", "again", "step")),
        st.tuples(st.sampled_from([at for at in At if at is not At.GOES_ON]), st.integers(0, 50)),
        st.integers(0, 7),
    )
    for one in draw(st.lists(trouble, max_size=14)):
        script.insert(draw(st.integers(0, len(script))), one)
    return delivery, first + script


def run(
    folder: Path, partitions: int, delivery: Delivery, script: Sequence[Do], waits: bool, calm: bool
) -> Cluster:
    """Do what the script says. ``waits``: everything is settled before the next; ``calm``: no trouble."""
    cluster = Cluster(folder, partitions, WORLD)
    now, dying = T0 + 2 * HOUR_MS, [At.GOES_ON] * partitions
    frames = [decode_frame(record.body) for record in delivery.records()]
    for one in script:
        now += 1_000
        place = one.place % partitions
        if one.what == "command":
            cluster.command(one.data, now)
        elif one.what == "frame":
            now = max(now, max(report.received_ms for report in delivery.frames[one.data]))
            cluster.frame(frames[one.data], now)
        elif calm:
            continue
        elif one.what == "checkpoint":
            cluster.checkpoint(place)
        elif one.what == "dies":
            dying[place] = one.data[0]
        elif one.what == "again":
            cluster.again(place, one.data[1])
        for p in range(partitions):
            if dying[p] is not At.GOES_ON and (waits or p == place):
                cluster.step(p, dying[p])
                dying[p] = At.GOES_ON
        if one.what == "step":
            cluster.step(place)
        if waits:
            cluster.settle()
    cluster.settle()
    cluster.ticks(now + HOUR_MS)
    cluster.settle()
    return cluster


def content(event: Event) -> str:
    """What an object says, but for its history."""
    return text(event.data)


def objects(events: list[Event], *kinds: Kind) -> dict[str, tuple[str, str, str]]:
    """Tenant, asset and content of each object that is not retracted; of queues those that say anything."""
    newest: dict[str, Event] = {}
    for event in events:
        if event.kind in kinds and event.revision >= newest.get(event.id, event).revision:
            newest[event.id] = event
    return {
        id_: (event.tenant, event.asset, content(event))
        for id_, event in newest.items()
        if event.change is not Change.RETRACTED and not (event.kind is Kind.QUEUE and _says_nothing(event))
    }


def _says_nothing(queue: Event) -> bool:
    data = queue.data
    return not any(one["count"] for one in data["stages"].values()) and not any(data["waiting"].values())


def answers(cluster: Cluster) -> Counter[tuple[str, str]]:
    """Each answer to a command, by the command's id."""
    return Counter((e.id, content(e)) for e in cluster.events() if e.kind is Kind.COMMAND)


def check_devices(cluster: Cluster) -> None:
    """No device is fitted anew while it is fitted elsewhere, and its revisions count up."""
    held: dict[str, Event] = {}
    for event in cluster.events():
        if event.kind is Kind.DEVICE:
            before = held.get(event.id)
            assert event.revision == (before.revision + 1 if before else 1)
            if before is not None and before.data["to_ms"] is None:
                assert event.data["asset"] == before.data["asset"]
            held[event.id] = event


def same_zones(cluster: Cluster) -> None:
    """Every partition holds the zones that partition 0 decided, under the same numbers."""
    first, *others = [runner.engine.world for runner in cluster.runners]
    for world in others:
        assert world.book.dump() == first.book.dump()
        assert world.number == first.number


@given(scripts(), st.sampled_from(SEVERAL))
@law(CASES)
def test_any_number_of_partitions_gives_the_same_objects(
    script: tuple[Delivery, list[Do]], partitions: int
) -> None:
    """Who waits for each answer finds the same ids, contents and answers, whoever died meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        one = run(Path(folder) / "one", 1, *script, waits=True, calm=True)
        several = run(Path(folder) / "several", partitions, *script, waits=True, calm=False)
    kinds = (*DERIVED, Kind.LATE, Kind.ASSET, Kind.DEVICE, Kind.ZONE, Kind.QUEUE)
    want, got = objects(one.events(), *kinds), objects(several.events(), *kinds)
    for id_ in sorted(want.keys() | got.keys()):
        if want.get(id_) != got.get(id_):
            note(f"{id_}\n  one:     {want.get(id_)}\n  several: {got.get(id_)}")
    assert got == want
    assert answers(several) == answers(one)
    check_devices(several)
    same_zones(several)


@given(scripts(), st.sampled_from(SEVERAL))
@law(CASES)
def test_who_does_not_wait_finds_the_same_in_the_end(
    script: tuple[Delivery, list[Do]], partitions: int
) -> None:
    """Records pile up, notes come whenever; only which of two commands for a device came first is open."""
    delivery, steps = script
    with tempfile.TemporaryDirectory() as folder:
        one = run(Path(folder) / "one", 1, delivery, steps, waits=True, calm=True)
        several = run(Path(folder) / "several", partitions, delivery, steps, waits=False, calm=False)
    for kinds in ((Kind.ASSET,), (Kind.ZONE,), (Kind.QUEUE,)):
        assert objects(several.events(), *kinds) == objects(one.events(), *kinds)
    assert _told(several) == _told(one)
    ids = [event.id for event in several.events() if event.kind is Kind.COMMAND]
    assert sorted(ids) == sorted(do.data["id"] for do in steps if do.what == "command")
    check_devices(several)
    same_zones(several)


def _told(cluster: Cluster) -> Counter[tuple[str, str, str]]:
    """Derived objects by content: their ids tell which order things came in."""
    found = standing(cluster.events()).values()
    return Counter((event.asset, event.kind.value, content(event)) for event in found)


@given(st.data())
@law(CASES)
def test_zones_that_come_in_any_order_and_portions_are_put_in_the_order_of_decision(
    data: st.DataObject,
) -> None:
    """Each note may come several times; a snapshot in between holds what waits."""
    deciding, numbers = Engine(0, WORLD, partitions=3), range(data.draw(st.integers(1, 6)))
    edits = [
        data.draw(commands(number).filter(lambda c: c["command"].startswith("zone"))) for number in numbers
    ]
    handed = []
    for position, edit in enumerate(edits, 1):
        step = deciding.fold(LogRecord(0, position, RecordKind.COMMAND, T0, "", orjson.dumps(edit)))
        handed += [one for one in step.handed if one.to == 2]
    told = Engine(2, WORLD, partitions=3)
    order = data.draw(st.permutations([*handed, *handed[:3]]))
    for position, one in enumerate(order, 1):
        assert told.fold(LogRecord(2, position, RecordKind.NOTE, T0, one.key, one.body)).events == []
        if data.draw(st.booleans()):
            told = restore(snapshot(told), WORLD, partitions=3)
    assert told.world.book.dump() == deciding.world.book.dump()
    assert told.world.number == deciding.world.number
    assert not told.early.held


def test_zones_of_one_command_hold_only_once_all_of_their_portions_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(homes, "_PORTION", 10)
    deciding, told = Engine(0, WORLD, partitions=2), Engine(1, WORLD, partitions=2)
    edit = body("zone.publish", 1, {"zones": [shape("shed"), shape("shack")], "valid_from_ms": T0})
    notes = deciding.fold(LogRecord(0, 1, RecordKind.COMMAND, T0, "", orjson.dumps(edit))).handed
    assert len(notes) == 2
    for position, (one, count) in enumerate(zip(notes[::-1], (0, 2), strict=True), 1):
        told.fold(LogRecord(1, position, RecordKind.NOTE, T0, "", one.body))
        assert told.world.book.count == count


def test_a_fitting_that_comes_again_after_ever_so_long_is_known() -> None:
    """Ten thousand commands later its id is forgotten, but not up to where its partition was heard."""
    engine = Engine(1, WORLD, partitions=2)
    fits = [
        Fit(f"cmd_{n}", "main", {"device": f"d{n}", "asset": "a", "from_ms": 1}, 0, n)
        for n in range(1, 10_005)
    ]
    notes = [fit.handed(2).body for fit in fits]
    for position, one in enumerate(notes, 1):
        assert len(engine.fold(LogRecord(1, position, RecordKind.NOTE, T0, "", one)).events) == 2
    engine = restore(snapshot(engine), WORLD, partitions=2)
    position = len(notes)
    for one in (notes[0], notes[3], notes[4], notes[-1]):
        position += 1
        assert engine.fold(LogRecord(1, position, RecordKind.NOTE, T0, "", one)).events == []


def test_what_the_log_did_not_take_is_sent_by_who_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot never covers a command whose note is not in the log."""
    cluster, place = Cluster(tmp_path, 2, WORLD), home(ASSETS[0], 2)
    device = next(d for n in range(99) if home(d := f"x{n}", 2) != place)
    cluster.command(body("asset.register", 1, {"vin": VINS[0], "name": "n"}), T0)
    cluster.settle()
    cluster.command(body("device.fit", 2, {"device": device, "asset": ASSETS[0]}), T0)

    def full(_: Sequence[NewRecord]) -> list[int]:
        raise LogFullError("log full", 1.0)

    with monkeypatch.context() as patch:
        patch.setattr(cluster.log, "append", full)
        assert cluster.step(place) == 1
        assert not cluster.checkpoint(place)
    cluster.restart(place)
    cluster.settle()
    assert cluster.checkpoint(place)
    assert [e.data["ok"] for e in cluster.sink.events[1 - place] if e.kind is Kind.COMMAND] == [True]
    sent = len(cluster.notes(1 - place))
    cluster.restart(place)
    cluster.settle()
    assert (sent, len(cluster.notes(1 - place))) == (1, 1)
