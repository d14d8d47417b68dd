"""The engine on drives through a small world: crossings, visits, trips, and what must not move them."""

from __future__ import annotations

from typing import Any

import pytest

import geofences
from streams.codec import CodecError, dump_json
from streams.engine import Engine, World, restore, snapshot
from streams.engine import engine as engine_module
from streams.events import Change, Event, Kind
from streams.memory_past import MemoryPast
from streams.records import LogRecord, RecordKind
from tests.unit.streams.engine.contents import contents
from tests.unit.streams.engine.small_world import T0, Feeder, Sample, drive, feeder, world


def stages(data: dict[str, Any]) -> list[str]:
    return [name for name, bracket in data["stages"].items() if bracket is not None]


def estimate(data: dict[str, Any], stage: str) -> float:
    return float(data["stages"][stage]["estimate_ms"] - T0) / 1000


def test_a_drive_through_the_gate_is_one_crossing_with_all_stages_in_order() -> None:
    feed = feeder()
    feed.each(drive(0, -0.2, 0.2))
    (crossing,) = feed.latest(Kind.CROSSING)
    assert crossing["direction"] == "LA>CN"
    assert crossing["state"] == "completed"
    assert stages(crossing) == ["approach", "exit_port", "exit_port_left", "line", "entry_port", "leave"]
    times = [estimate(crossing, s) for s in stages(crossing)]
    assert times == sorted(times)
    metres = 111_319.5 * 0.2
    assert estimate(crossing, "line") == pytest.approx(metres / (40 / 3.6), abs=0.2)
    assert crossing["duration_ms"] == pytest.approx(0.020 * 111_319.5 / (40 / 3.6) * 1000, abs=300)


def test_states_of_a_crossing_come_as_revisions_of_one_object() -> None:
    feed = feeder()
    events = [e for e in feed.each(drive(0, -0.2, 0.2)) if e.kind is Kind.CROSSING]
    assert len({e.id for e in events}) == 1
    assert [e.revision for e in events] == list(range(1, len(events) + 1))
    assert [e.change for e in events] == [Change.CREATED] + [Change.AMENDED] * (len(events) - 1)
    states = [e.data["state"] for e in events]
    assert states[0] == "at_exit_port"
    assert states[-1] == "completed"


def test_the_way_back_has_the_other_direction() -> None:
    feed = feeder()
    feed.each(drive(0, -0.2, 0.2))
    feed.each(drive(10_000, 0.2, -0.2))
    assert [c["direction"] for c in feed.latest(Kind.CROSSING)] == ["LA>CN", "CN>LA"]


def test_brackets_hold_the_estimate_between_the_fixes_around_the_fence() -> None:
    feed = feeder()
    feed.each(drive(0, -0.2, 0.2, every_s=30))
    (crossing,) = feed.latest(Kind.CROSSING)
    for stage in crossing["stages"].values():  # type: ignore[attr-defined]
        assert stage["earliest_ms"] < stage["estimate_ms"] < stage["latest_ms"]
        assert stage["latest_ms"] - stage["earliest_ms"] == 30_000


def test_a_gap_over_the_whole_gate_still_gives_the_crossing_and_cut_ports() -> None:
    feed = feeder()
    feed.each(drive(0, -0.2, -0.02))
    feed.each(drive(4000, 0.02, 0.2))
    (crossing,) = feed.latest(Kind.CROSSING)
    assert crossing["state"] == "completed"
    assert crossing["direction"] == "LA>CN"
    passed = [v for v in feed.latest(Kind.VISIT) if v["how"] == "possible"]
    assert {v["zone"] for v in passed} == {"port-la", "port-cn"}
    assert all(0 < v["confidence_permille"] < 1000 for v in passed)  # type: ignore[operator]
    assert crossing["confidence_permille"] == min(v["confidence_permille"] for v in passed)  # type: ignore[type-var]
    assert stages(crossing) == ["approach", "exit_port", "exit_port_left", "line", "entry_port", "leave"]
    assert len({(e.id, e.revision) for e in feed.events}) == len(feed.events)
    line = crossing["stages"]["line"]  # type: ignore[index]
    assert line["latest_ms"] - line["earliest_ms"] > 1_000_000
    assert line["earliest_ms"] < line["estimate_ms"] < line["latest_ms"]


def test_a_truck_that_turns_back_before_the_line_has_turned_back() -> None:
    feed = feeder()
    feed.each(drive(0, -0.1, -0.005))
    feed.each(drive(3000, -0.006, -0.2))
    (crossing,) = feed.latest(Kind.CROSSING)
    assert crossing["state"] == "turned_back"
    assert crossing["stages"]["line"] is None  # type: ignore[index]
    assert crossing["duration_ms"] is None


@pytest.mark.parametrize("wait_s", [0, 120, 900])
def test_waiting_in_the_gap_between_two_countries_outlines_is_one_crossing(wait_s: int) -> None:
    feed = Feeder(Engine(0, World(*geofences.world())))
    mohan = [(101.746, 21.216), (101.715, 21.202), (101.688, 21.1905), (101.685, 21.1893)]
    boten = [(101.6755, 21.1855), (101.6735, 21.1845), (101.645, 21.160), (101.630, 21.140)]
    way = [Sample(60 * n, *place) for n, place in enumerate(mohan)]
    way += [Sample(240 + t, 101.680, 21.1865, speed=0) for t in range(0, wait_s + 1, 20)]
    way += [Sample(300 + wait_s + 60 * n, *place) for n, place in enumerate(boten)]
    feed.each([*way, Sample(700 + wait_s, 101.629, 21.139)])
    (crossing,) = feed.latest(Kind.CROSSING)
    assert crossing["state"] == "completed"
    assert stages(crossing) == ["approach", "exit_port", "exit_port_left", "line", "entry_port", "leave"]


def test_jitter_at_a_fence_makes_one_visit() -> None:
    feed = feeder()
    feed.each(drive(0, -0.05, -0.0105))
    feed.each([Sample(1000 + 5 * i, -0.0100 + (0.0002 if i % 2 else -0.0002), speed=0) for i in range(50)])
    feed.each(drive(2000, -0.0105, -0.05))
    visits = [v for v in feed.latest(Kind.VISIT) if v["zone"] == "port-la"]
    assert len(visits) == 1


def test_jitter_at_the_line_does_not_change_the_country() -> None:
    feed = feeder()
    feed.each(drive(0, -0.01, -0.0001))
    feed.each([Sample(1000 + 5 * i, 0.0002 if i % 2 else -0.0002, speed=0) for i in range(50)])
    assert [v["country"] for v in feed.latest(Kind.VISIT) if v["zone_kind"] == "country"] == ["LA"]


def test_a_stay_below_the_minimum_dwell_is_no_visit_and_a_longer_one_is() -> None:
    feed = feeder()
    feed.each([Sample(0, -0.51), Sample(50, -0.499), Sample(100, -0.51), Sample(400, -0.52)])
    assert not [v for v in feed.latest(Kind.VISIT) if v["zone"] == "yard"]
    feed.each([Sample(4000, -0.51), Sample(4600, -0.45, speed=0), Sample(4800, -0.45, speed=0)])
    (visit,) = [v for v in feed.latest(Kind.VISIT) if v["zone"] == "yard"]
    assert visit["state"] == "open"
    feed.each([Sample(5900, -0.35), Sample(6100, -0.34)])
    (visit,) = [v for v in feed.latest(Kind.VISIT) if v["zone"] == "yard"]
    assert visit["state"] == "closed"


def test_the_first_fix_inside_a_zone_is_a_visit_with_an_open_beginning() -> None:
    feed = feeder()
    feed.feed([Sample(0, -0.005)])
    visits = {v["zone"]: v for v in feed.latest(Kind.VISIT)}
    assert set(visits) == {"la", "ap-la", "port-la"}
    assert all(v["how"] == "open_beginning" and v["enter"]["earliest_ms"] is None for v in visits.values())  # type: ignore[index]


@pytest.mark.parametrize(
    "bad",
    [
        Sample(500, 0.05, fix=1),
        Sample(500, 0.05, fix=0),
        Sample(500, 0.05, hdop=99.0),
        Sample(500, None),
        Sample(500, 0.0, 0.0),
    ],
)
def test_a_fix_that_is_not_believed_moves_nothing(bad: Sample) -> None:
    feed = feeder()
    feed.each([Sample(0, -0.2), Sample(400, -0.2)])
    events, before = feed.events.copy(), feed.engine.state["blon"][0]
    feed.feed([bad])
    assert feed.events == events
    assert feed.engine.state["blon"][0] == before


def test_a_time_ahead_of_the_receipt_is_not_believed() -> None:
    feed = feeder()
    feed.feed([Sample(0, -0.2)])
    feed.feed([Sample(100_000, -0.19)], received_s=10)
    feed.feed([Sample(20, -0.19)])
    assert feed.engine.state["bt"][0] == T0 + 20_000


def test_one_jump_is_left_out_and_the_drive_goes_on() -> None:
    feed = feeder()
    samples = drive(0, -0.2, -0.1)
    samples[10] = Sample(samples[10].t_s, 0.5)
    feed.feed(samples)
    assert feed.engine.counts.jumps == 1
    assert feed.latest(Kind.CROSSING) == []


def test_a_repeated_report_counts_once_and_another_content_is_a_conflict() -> None:
    feed = feeder()
    record = feed.record([Sample(0, -0.2)])
    feed.engine.fold(record)
    feed.seq.clear()
    feed.feed([Sample(0, -0.2)])
    assert (feed.engine.counts.duplicates, feed.engine.counts.conflicts) == (1, 0)
    feed.seq.clear()
    feed.feed([Sample(50, -0.1)])
    assert (feed.engine.counts.duplicates, feed.engine.counts.conflicts) == (1, 1)
    assert feed.engine.state["bt"][0] == T0


def test_a_trip_lasts_from_the_first_to_the_last_moving_fix() -> None:
    feed = feeder()
    feed.each([Sample(0, -0.3, speed=0), *drive(60, -0.3, -0.2)])
    end = drive(60, -0.3, -0.2)[-1].t_s
    feed.each([Sample(end + 60 * i, -0.2, speed=0) for i in range(1, 10)])
    (trip,) = feed.latest(Kind.TRIP)
    assert trip["state"] == "closed"
    assert trip["start_ms"] == T0 + 60_000
    assert trip["end_ms"] == T0 + round(end * 1000)
    assert trip["distance_mm"] == pytest.approx(0.1 * 111_319_491, rel=1e-4)


def test_a_short_stop_does_not_end_a_trip() -> None:
    feed = feeder()
    feed.each(drive(0, -0.3, -0.25))
    end = drive(0, -0.3, -0.25)[-1].t_s
    feed.each([Sample(end + 30 * i, -0.25, speed=0) for i in range(1, 9)])
    feed.each(drive(end + 280, -0.25, -0.2))
    assert len(feed.latest(Kind.TRIP)) == 1


def command(id_: str, name: str, data: dict[str, Any], tenant: str = "main") -> bytes:
    return dump_json({"id": id_, "command": name, "tenant": tenant, "by": "k", "data": data})


def fold_command(engine: Engine, body: bytes) -> list[Event]:
    return engine.fold(LogRecord(0, engine.position + 1, RecordKind.COMMAND, T0, "k", body)).events


def test_commands_register_assets_once_and_fit_devices() -> None:
    engine = Engine(0, world())
    asset, answer = fold_command(engine, command("c1", "asset.register", {"vin": "V1", "name": "one"}))
    assert (asset.kind, answer.kind, answer.data["ok"]) == (Kind.ASSET, Kind.COMMAND, True)
    (again,) = fold_command(engine, command("c2", "asset.register", {"vin": "V1"}))
    assert again.data["error"]["code"] == "duplicate"
    assert fold_command(engine, command("c1", "asset.register", {"vin": "V9"})) == []
    device, _ = fold_command(engine, command("c3", "device.fit", {"device": "d1", "asset": asset.id}))
    assert device.data == {"device": "d1", "asset": asset.id, "from_ms": T0, "to_ms": None}
    (other,) = fold_command(engine, command("c4", "device.fit", {"device": "d1", "asset": asset.id}, "other"))
    assert other.data["error"]["code"] == "unknown"


def test_a_record_that_is_not_readable_stops_nobody() -> None:
    feed = feeder()
    with pytest.raises(CodecError):
        feed.engine.fold(LogRecord(0, 1, RecordKind.FRAME, T0, "k", b"garbage"))
    assert feed.engine.position == 1
    assert feed.feed([Sample(0, -0.2)])


def everything() -> list[Sample]:
    first = [s for a in ("a1", "a2") for s in drive(0 if a == "a1" else 700, -0.1, 0.1, asset=a)]
    back = drive(9000, 0.1, -0.1, asset="a2")
    parked = [Sample(4000 + 60 * i, 0.1, speed=0) for i in range(12)]
    return sorted([*first, *parked, *back], key=lambda s: s.t_s)


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_events_do_not_depend_on_how_samples_are_batched(size: int) -> None:
    one = feeder()
    one.each(everything())
    many = feeder()
    samples = everything()
    for i in range(0, len(samples), size):
        many.feed(samples[i : i + size])
    objects = [{kind: sorted(map(repr, f.latest(kind))) for kind in Kind} for f in (one, many)]
    assert objects[0] == objects[1]


@pytest.mark.parametrize("at", [0, 3, 40, 77, 120, 200])
def test_folding_on_after_a_restore_equals_never_having_stopped(at: int) -> None:
    straight, stopped = feeder(), feeder()
    for i, sample in enumerate(everything()):
        if i == at:
            stopped = Feeder(restore(snapshot(stopped.engine), world()), stopped.seq, stopped.events)
        straight.feed([sample])
        stopped.feed([sample])
    assert stopped.events == straight.events
    assert contents(stopped.engine) == contents(straight.engine)


def test_creeping_in_a_queue_is_no_trip() -> None:
    feed = feeder()
    for i in range(8):
        feed.each([Sample(600 * i + s, -0.3 + i * 0.001 + s * 1e-5, speed=6) for s in (0, 10, 20)])
    assert feed.latest(Kind.TRIP) == []


def off_gate(samples: list[Sample]) -> list[object]:
    """Directions of the lines that were crossed away from any gate."""
    feed = feeder()
    feed.each(samples)
    return [c["direction"] for c in feed.latest(Kind.CROSSING) if c["state"] == "off_gate"]


def far_north(t_s: float, lon: float) -> Sample:
    return Sample(t_s, lon, lat=0.5, speed=10)


def test_a_line_crossed_deep_and_away_from_any_gate_is_an_alarm_there_and_back() -> None:
    there = [far_north(20 * n, -0.01 + 0.001 * n) for n in range(20)]
    back = [far_north(1_000 + 20 * n, 0.01 - 0.001 * n) for n in range(20)]
    assert off_gate([*there, *back]) == ["LA>CN", "CN>LA"]


def test_noise_over_the_line_is_no_alarm_and_the_way_home_from_it_is_none_either() -> None:
    near = [far_north(20 * n, 0.0004 if 3 <= n < 9 else -0.0004) for n in range(12)]  # 45 m
    home = [far_north(300 + 20 * n, -0.001 * n) for n in range(20)]
    assert off_gate([*near, *home]) == []


def test_a_restore_while_assets_wait_for_an_edit_of_zones_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trucks stand in a yard that is taken away for the past; they drive on before they are gone through."""
    monkeypatch.setattr(engine_module, "_AGAIN", 1)
    names = [f"a{n}" for n in range(6)]
    past = MemoryPast()
    feed = Feeder(Engine(0, world(), None, past))
    feed.feed([Sample(30 * n, -0.45, speed=0, asset=name) for n in range(10) for name in names])
    body = {"id": "c", "command": "zone.retire", "tenant": "main", "by": "test"}
    command = dump_json(body | {"data": {"ids": ["yard"], "valid_from_ms": 0}})
    straight = feed.engine
    straight.fold(LogRecord(0, straight.position + 1, RecordKind.COMMAND, T0 + 300_000, "k", command))
    straight.seal()
    restored = restore(snapshot(straight), world(), None, past)
    away = [Sample(400 + 60 * n, -0.3 + 0.01 * n, asset=name) for n in range(10) for name in names]
    record = feed.record(away)
    assert restored.fold(record).events == straight.fold(record).events
