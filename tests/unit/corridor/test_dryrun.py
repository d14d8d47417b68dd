"""A dry run says what an edit would have changed, and the engine with the edited zones agrees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ports import AwayError, DryRunResult
from corridor.dryrun import DryRunner, Sources, edited, registered, stored
from feeds.store.memory import MemoryStore
from geofences.geojson import zone_feature
from geofences.zone import Zone, ZoneKind
from streams.codec import dump_json
from streams.engine import Engine, World
from streams.engine.rows import Rows
from streams.events import Change, Event, Kind
from streams.records import LogRecord, RecordKind
from streams.zones import ZoneBook
from tests.unit.api.world import ASSET, make
from tests.unit.streams.engine.small_world import T0, Feeder, Sample, build, world, zones

GATES = tuple(world().gates.values())
DAY_MS = 86_400_000


def drive(asset: str = "a1", lat: float = 0.0, west: float = -0.6) -> list[Sample]:
    """Eastwards through everything there is, a fix every 20 s at 40 m/s."""
    return [Sample(20 * n, west + n * 0.0072, lat, 144.0, asset) for n in range(170)]


def custom(id_: str, west: float, east: float, **more: Any) -> Zone:
    return Zone(id_, ZoneKind.CUSTOM, id_, shapely.box(west, -0.02, east, 0.02), **more)


def yard(west: float, east: float) -> Zone:
    """The small world's yard between other longitudes."""
    (held,) = (zone for zone in zones() if zone.id == "yard")
    shape = shapely.box(west, -0.1, east, 0.1)
    return Zone("yard", ZoneKind.YARD, "yard", shape, grace_s=held.grace_s, min_dwell_s=held.min_dwell_s)


def runner(*drives: Sequence[Sample], now_s: float = 4_000) -> DryRunner:
    """A dry run over these drives."""
    store = MemoryStore()
    for position, samples in enumerate(drives, 1):
        store.write(0, position, [build(samples, {}, None)])
    assets = sorted({samples[0].asset for samples in drives})
    book = ZoneBook(zones())
    now = T0 + int(now_s * 1000)
    return DryRunner(Sources(lambda _: assets, stored(store), lambda: book, GATES, lambda: now))


def told(samples: Sequence[Sample], *commands: dict[str, Any]) -> dict[str, Event]:
    """The visits and crossings that the engine tells in the end: of the samples, then of the commands."""
    engine = Engine(0, World(zones(), GATES))
    feeder = Feeder(engine)
    feeder.feed(samples)
    for command in commands:
        fold(feeder, RecordKind.COMMAND, dump_json(command))
    while engine.again:
        fold(feeder, RecordKind.TICK, b"{}")
    newest = {event.id: event for event in feeder.events if event.kind in (Kind.VISIT, Kind.CROSSING)}
    return {id_: event for id_, event in newest.items() if event.change is not Change.RETRACTED}


def fold(feeder: Feeder, kind: RecordKind, body: bytes) -> None:
    """Let the engine fold one more record."""
    position = feeder.engine.position + 1
    step = feeder.engine.fold(LogRecord(0, position, kind, feeder.engine.now_ms, "k", body))
    feeder.events.extend(step.events)


def command(name: str, **data: Any) -> dict[str, Any]:
    """A command whose effect holds from the beginning of time on."""
    whole = {"valid_from_ms": 0, **data}
    return {"id": f"cmd_{name}", "command": name, "tenant": "main", "by": "test", "data": whole}


def test_a_new_zone_on_the_way_adds_its_visits() -> None:
    found = runner(drive(), drive("a2", lat=0.5))("t", [custom("new", 0.2, 0.3)], [], 1)
    assert (found.removed, found.moved, found.assets, found.samples) == ([], [], 2, 340)
    (one,) = found.added
    assert (one.kind, one.id, one.asset, one.before) == ("visit", None, "a1", None)
    assert one.after is not None
    assert (one.after["zone"], one.after["state"]) == ("new", "closed")


def test_a_retired_zone_loses_its_visits_under_the_ids_that_they_have() -> None:
    found = runner(drive())("t", [], ["yard"], 1)
    (one,) = found.removed
    assert (found.added, found.moved, one.after) == ([], [], None)
    assert one.id in told(drive())
    assert one.before is not None
    assert one.before["zone"] == "yard"


def test_a_zone_drawn_otherwise_moves_its_visits() -> None:
    found = runner(drive())("t", [yard(-0.45, -0.35)], [], 1)
    (one,) = found.moved
    assert (found.added, found.removed) == ([], [])
    assert {"enter", "leave"} <= set(one.what)
    assert one.before is not None
    assert one.after is not None
    assert one.before["leave"]["estimate_ms"] < one.after["leave"]["estimate_ms"]


def test_another_name_moves_nothing() -> None:
    shape = shapely.box(-0.5, -0.1, -0.4, 0.1)
    renamed = Zone("yard", ZoneKind.YARD, "another name", shape, grace_s=60, min_dwell_s=120)
    found = runner(drive())("t", [renamed], [], 1)
    assert (found.added, found.removed, found.moved) == ([], [], [])


def test_a_port_drawn_otherwise_moves_the_crossing() -> None:
    box = shapely.box(0.002, -0.01, 0.03, 0.01)
    port = Zone("port-cn", ZoneKind.PORT, "port B", box, gate="g", side="CN", grace_s=60)
    found = runner(drive())("t", [port], [], 1)
    assert "crossing" in {one.kind for one in found.moved}


def test_samples_before_the_days_asked_for_are_left_out() -> None:
    late = runner(drive(), now_s=86_400 + 1_000)
    found = late("t", [custom("new", 0.2, 0.3)], [], 1)
    assert found.samples == 170 - 50
    assert runner(drive(), now_s=10 * 86_400)("t", [], ["yard"], 1) == DryRunResult([], [], [], 0, 0)


def test_the_assets_are_those_of_the_tenant(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert registered(made.ports.read)("main") == [ASSET]
    assert registered(made.ports.read)("nobody") == []
    made.close()


def test_an_edit_keeps_the_order_of_the_zones() -> None:
    ids = [zone.id for zone in edited(zones(), [yard(0.1, 0.2), custom("new", 0, 1)], ["ap-la"])]
    assert ids == ["la", "cn", "ap-cn", "port-la", "port-cn", "yard", "new"]


def test_a_second_dry_run_is_told_to_wait() -> None:
    sources = runner(drive())._sources

    def meanwhile(rows: Rows, _: World) -> list[Any]:
        with pytest.raises(AwayError, match="another dry run is going on"):
            busy("t", [], ["yard"], 1)
        return []

    busy = DryRunner(sources, meanwhile)
    assert busy("t", [], ["yard"], 1).assets == 1
    assert busy("t", [], ["yard"], 1).assets == 1


edits = st.lists(
    st.tuples(st.sampled_from(["yard", "n1", "n2"]), st.integers(-60, 50), st.integers(2, 40)),
    max_size=3,
    unique_by=lambda one: one[0],
)


@settings(deadline=None, max_examples=25)
@given(edits, st.booleans(), st.sampled_from([0.0, 0.05]))
def test_what_a_dry_run_says_is_what_the_engine_then_tells(
    edit: list[tuple[str, int, int]], retire: bool, lat: float
) -> None:
    """What the engine told, with the changes of the dry run, is what it tells once the edit is published."""
    drawn = [
        yard(west / 100, (west + size) / 100)
        if id_ == "yard"
        else custom(id_, west / 100, (west + size) / 100)
        for id_, west, size in edit
    ]
    gone = ["yard"] if retire and all(id_ != "yard" for id_, _, _ in edit) else []
    samples = drive(lat=lat)
    found = runner(samples)("t", drawn, gone, 1)
    held = [plain(event.data) for event in told(samples).values()]
    for one in (*found.removed, *found.moved):
        assert one.before is not None
        held.remove(plain(one.before))
    for one in (*found.added, *found.moved):
        assert one.after is not None
        held.append(plain(one.after))
    commands = [command("zone.retire", ids=gone)] if gone else []
    if drawn:
        commands.append(command("zone.publish", zones=[zone_feature(zone) for zone in drawn]))
    then = [plain(event.data) for event in told(samples, *commands).values()]
    assert sorted(held) == sorted(then)


def plain(data: Any) -> str:
    """The content of an object, without what only history and names tell."""
    left_out = ("why", "zone_version", "zone_name")
    return repr(sorted((name, value) for name, value in data.items() if name not in left_out))
