"""Covers in the engine: written, exposed by country, handed over at the line; gaps, breaches, incidents."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest

from streams.engine import Engine, restore, snapshot
from streams.events import Change, Event, Kind
from streams.memory_past import MemoryPast
from streams.records import LogRecord, RecordKind
from tests.unit.streams.engine.desk_world import (
    AUTOMATIC,
    HOUR,
    REGIME,
    VINS,
    Office,
    asset_of,
    lodging,
    office,
    permitting,
    through,
)
from tests.unit.streams.engine.small_world import T0, Sample, world

VIN = VINS[0]
DAY = 24 * HOUR
HISTORY = ("why", "visit", "crossing", "trip")
TOLD = (Kind.COVER, Kind.EXPOSURE, Kind.HANDOVER, Kind.GAP, Kind.BREACH, Kind.INCIDENT)


def policy(number: str = "P-1", *countries: str, **more: Any) -> dict[str, Any]:
    """The data of cover.write."""
    given = {
        "asset": asset_of(VIN),
        "number": number,
        "insurer": f"insurer of {number}",
        "countries": list(countries or ("CN",)),
        "from_ms": T0 - DAY,
        "until_ms": T0 + 30 * DAY,
    }
    return given | more


def insured(*policies: dict[str, Any], regime: str = REGIME) -> Office:
    """A vehicle that is registered and covered by some policies."""
    desk = office(regime)
    desk.ok("asset.register", {"vin": VIN, "chassis": VIN})
    for one in policies:
        desk.ok("cover.write", one)
    return desk


def crossing(desk: Office, upto: float = -0.15) -> None:
    """From China to Laos, and a stand of an hour, so that the trip is closed."""
    desk.drive(through(VIN, 7_200, upto), VIN)
    stand(desk, upto)


def stand(desk: Office, lon: float, hours: float = 1.0) -> None:
    """Stand at a place, a sample a minute."""
    begin = desk.now_s
    rest = [
        Sample(begin + 60 * n, lon, speed=0.0, asset=asset_of(VIN)) for n in range(1, int(60 * hours) + 1)
    ]
    desk.drive(rest, VIN)
    desk.tick(2)


def told(desk: Office, kind: Kind) -> list[dict[str, Any]]:
    """The newest contents of a kind, by time and id."""
    held = sorted(desk.latest(kind).values(), key=lambda event: (event.t_ms, event.id))
    return [event.data for event in held]


def test_two_insurers_one_border_one_record() -> None:
    desk = insured(policy("C-1", "CN"), policy("L-1", "LA"))
    crossing(desk)
    cn, la = told(desk, Kind.EXPOSURE)
    assert (cn["number"], cn["country"], cn["state"]) == ("C-1", "CN", "ended")
    assert (la["number"], la["country"], la["state"]) == ("L-1", "LA", "running")
    (passed,) = told(desk, Kind.HANDOVER)
    (line,) = desk.latest(Kind.CROSSING).values()
    assert cn["until_ms"] == la["from_ms"] == passed["at_ms"] == line.data["stages"]["line"]["estimate_ms"]
    assert cn["ended"] == la["began"] == {"by": "line", "crossing": line.id}
    assert passed["crossing"] == line.id
    assert [one["number"] for one in passed["giving"]] == ["C-1"]
    assert [one["number"] for one in passed["taking"]] == ["L-1"]
    assert (passed["uncovered"], passed["automatic_release"], passed["state"]) == ([], False, "confirmed")
    assert told(desk, Kind.GAP) == told(desk, Kind.BREACH) == []


def test_the_way_and_time_of_exposures_are_those_of_the_trip() -> None:
    desk = insured(policy("C-1", "CN"), policy("L-1", "LA"))
    crossing(desk)
    (trip,) = told(desk, Kind.TRIP)
    cn, la = told(desk, Kind.EXPOSURE)
    for one in (cn, la):
        assert one["driven"]["mm"] == trip["countries"][one["country"]]["mm"] > 10_000_000
        assert one["driven"]["trips"] == 1
        assert [m["driven"] for m in one["months"]] == [one["driven"]]
        assert one["assurance"]["shares"]["signed_permille"] == 0
    assert cn["driven"]["ms"] + la["driven"]["ms"] == trip["end_ms"] - trip["start_ms"]
    assert sum(one["assurance"]["reports"] for one in (cn, la)) == desk.seq[VIN] + 1


def test_a_cover_runs_and_ends_by_the_logs_time() -> None:
    desk = insured(policy("C-1", "CN", from_ms=T0 + HOUR, until_ms=T0 + 3 * HOUR))
    assert [one["state"] for one in told(desk, Kind.COVER)] == ["written"]
    desk.tick(1)
    assert [one["state"] for one in told(desk, Kind.COVER)] == ["running"]
    desk.tick(2)
    assert [one["state"] for one in told(desk, Kind.COVER)] == ["ended"]


def test_a_cover_that_begins_on_the_way_takes_its_share_of_it() -> None:
    desk = insured(policy("C-1", "CN", from_ms=T0 + 7_500_000))
    crossing(desk)
    (cn,) = told(desk, Kind.EXPOSURE)
    (trip,) = told(desk, Kind.TRIP)
    assert cn["from_ms"] == T0 + 7_500_000
    assert cn["began"] == {"by": "cover", "crossing": None}
    assert 0 < cn["driven"]["mm"] < trip["countries"]["CN"]["mm"]
    assert cn["driven"]["ms"] == cn["until_ms"] - cn["from_ms"]


def test_a_cover_written_while_the_vehicle_is_there_finds_its_stay() -> None:
    desk = insured()
    desk.drive(through(VIN, 7_200, 0.1), VIN)
    desk.ok("cover.write", policy("C-1", "CN"))
    (cn,) = told(desk, Kind.EXPOSURE)
    assert cn["began"] == {"by": "first_fix", "crossing": None}


def test_a_gap_is_warned_of_at_the_approach_and_open_beyond_the_line() -> None:
    desk = insured(policy("C-1", "CN"))
    desk.drive(through(VIN, 7_200, 0.02), VIN)
    (gap,) = desk.latest(Kind.GAP).values()
    assert (gap.data["what"], gap.data["state"], gap.data["country"]) == ("cover", "warned", "LA")
    desk.drive([one for one in through(VIN, 7_200) if T0 + one.t_s * 1000 > T0 + desk.now_s * 1000], VIN)
    stand(desk, -0.08)
    (later,) = desk.latest(Kind.GAP).values()
    assert (later.id, later.data["state"]) == (gap.id, "open")
    assert later.data["warned_ms"] == gap.data["warned_ms"] < later.data["from_ms"]
    (breach,) = told(desk, Kind.BREACH)
    assert (breach["what"], breach["country"], breach["state"]) == ("outside_countries", "LA", "open")
    (passed,) = told(desk, Kind.HANDOVER)
    assert passed["uncovered"] == ["LA"]
    now = T0 + int(desk.now_s * 1000)
    desk.ok("cover.write", policy("L-1", "LA", from_ms=now))
    (closed,) = told(desk, Kind.GAP)
    assert (closed["state"], closed["closed_by"], closed["until_ms"]) == ("closed", "cover", now)


def test_a_vehicle_that_turns_back_averts_the_gap() -> None:
    desk = insured(policy("C-1", "CN"))
    way = through(VIN, 7_200, 0.03)
    desk.drive(way, VIN)
    end = way[-1].t_s
    back = [Sample(2 * end - one.t_s + 30, one.lon, asset=asset_of(VIN)) for one in reversed(way)]
    desk.drive(back, VIN)
    stand(desk, 0.15)
    assert [one["state"] for one in told(desk, Kind.GAP)] == ["averted"]
    assert told(desk, Kind.BREACH) == []


def test_no_gap_where_the_cover_names_both_countries() -> None:
    desk = insured(policy("A-1", "CN", "LA"))
    crossing(desk)
    assert told(desk, Kind.GAP) == []
    (passed,) = told(desk, Kind.HANDOVER)
    assert passed["giving"] == passed["taking"]


def test_driving_in_excluded_hours_and_after_the_end_is_told_with_its_minutes() -> None:
    begin = 7_200_000 + T0  # of the drive
    local = (begin // 60_000 + 480) % 1_440
    hours = {"from_min": local, "until_min": (local + 12) % 1_440}
    desk = insured(
        policy("C-1", "CN", conditions={"excluded_hours": hours}),
        policy("OLD", "LA", until_ms=T0 + 7_200_000),
    )
    crossing(desk)
    found = {one["what"]: one for one in told(desk, Kind.BREACH)}
    assert set(found) == {"excluded_hours", "outside_countries"}
    assert 600_000 < found["excluded_hours"]["driven"]["ms"] <= 12 * 60_000
    assert found["excluded_hours"]["number"] == "C-1"


def test_driving_after_the_end_of_the_only_cover_is_a_breach() -> None:
    desk = insured(policy("C-1", "CN", until_ms=T0 + 7_500_000))
    crossing(desk)
    found = {one["what"]: one for one in told(desk, Kind.BREACH)}
    (trip,) = told(desk, Kind.TRIP)
    assert found["expired"]["from_ms"] == T0 + 7_500_000
    assert found["expired"]["driven"]["ms"] == trip["end_ms"] - T0 - 7_500_000


def test_a_route_that_was_left_is_told() -> None:
    desk = insured(policy("C-1", "CN", "LA", conditions={"route": "yard"}))
    crossing(desk)
    (breach,) = told(desk, Kind.BREACH)
    (trip,) = told(desk, Kind.TRIP)
    assert (breach["what"], breach["want"]) == ("off_route", "yard")
    assert breach["driven"]["ms"] == trip["end_ms"] - trip["start_ms"]


def test_a_silence_over_which_it_drove_is_a_gap_of_proof_and_a_rest_is_none() -> None:
    desk = insured(policy("C-1", "CN"))
    stand(desk, 0.5)
    begin = desk.now_s
    desk.drive([Sample(begin + 7_200 + 30 * n, 0.5, speed=0.0, asset=asset_of(VIN)) for n in range(4)], VIN)
    desk.tick(2)
    assert told(desk, Kind.GAP) == []
    silent = desk.now_s
    desk.drive([Sample(silent + 3_600 + 30 * n, 0.7, speed=0.0, asset=asset_of(VIN)) for n in range(4)], VIN)
    desk.tick(2)
    (gap,) = told(desk, Kind.GAP)
    assert (gap["what"], gap["country"]) == ("proof", "CN")
    assert 22_000_000 < gap["moved_mm"] < 22_500_000


def test_a_silence_that_the_device_explains_is_told_as_such_whenever_it_says_so() -> None:
    desk = insured(policy("C-1", "CN"))
    stand(desk, 0.5)
    silent = desk.now_s
    after = [Sample(silent + 3_600 + 30 * n, 0.7, speed=0.0, asset=asset_of(VIN)) for n in range(4)]
    desk.drive(after, VIN)
    desk.tick(2)
    (gap,) = told(desk, Kind.GAP)
    assert gap["explained"] == {"ms": 0, "share_permille": 0}

    def say(begin_s: Any, end_s: Any) -> None:
        spans = {
            name: s if type(s) is not float else T0 + int(s * 1000)
            for name, s in (("from", begin_s), ("to", end_s))
        }
        desk.report(VIN, facts=[{"t": T0 + int(desk.now_s * 1000), "kind": "no_coverage", **spans}])

    say(silent + 600.0, silent + 1_800.0)
    say(silent - 60.0, silent + 900.0)
    say(silent + 1_800.0, silent)
    say("soon", None)
    desk.tick(2)
    (gap,) = told(desk, Kind.GAP)
    assert gap["explained"]["ms"] == 1_860_000
    assert gap["explained"]["share_permille"] == 1_860_000 * 1000 // (gap["until_ms"] - gap["from_ms"])


def test_an_automatic_release_is_marked_in_the_handover() -> None:
    desk = insured(policy("C-1", "CN", "LA"), regime=AUTOMATIC)
    desk.ok("filing.lodge", lodging(VIN, "R1"))
    desk.ok("permit.grant", permitting(VIN, "P1"))
    crossing(desk)
    (passed,) = told(desk, Kind.HANDOVER)
    assert passed["automatic_release"] is True
    assert passed["case"]
    assert passed["release"]


def seconds(*speeds: float, start: float = 7_200.0, lon: float = 0.5) -> list[Sample]:
    """A sample a second at these speeds, going east from ``lon``."""
    out = []
    for n, speed in enumerate(speeds):
        lon += speed / 3.6 / 111_195
        out.append(Sample(start + n, lon, speed=speed, asset=asset_of(VIN)))
    return out


def test_braking_and_accelerating_hard_are_told_with_the_report_that_shows_them() -> None:
    desk = insured(policy("C-1", "CN"))
    desk.report(VIN, seconds(50, 50, 36, 24, 24, 40, 40))
    found = {one["what"]: one for one in told(desk, Kind.INCIDENT)}
    assert set(found) == {"harsh_braking", "harsh_acceleration"}
    assert found["harsh_braking"]["peak_mm_s2"] == pytest.approx(14 / 3.6 * 1000, abs=2)
    assert (found["harsh_braking"]["before_ckmh"], found["harsh_braking"]["after_ckmh"]) == (5_000, 3_600)
    assert found["harsh_braking"]["at_ms"] == T0 + 7_202_000
    assert found["harsh_braking"]["report"] == {"device": f"d-{asset_of(VIN)}", "boot": "b1", "seq": 0}


def test_gentle_driving_sparse_samples_and_vehicles_without_cover_give_no_incident() -> None:
    desk = insured(policy("C-1", "CN"))
    desk.report(VIN, seconds(50, 45, 40, 36, 40, 44))
    sparse = [
        Sample(8_000 + 5 * n, 0.6 + 0.001 * n, speed=s, asset=asset_of(VIN)) for n, s in enumerate((60, 0))
    ]
    desk.report(VIN, sparse)
    bare = office()
    bare.ok("asset.register", {"vin": VIN, "chassis": VIN})
    bare.report(VIN, seconds(50, 20, 50))
    assert told(desk, Kind.INCIDENT) == told(bare, Kind.INCIDENT) == []


def test_a_crash_is_suspected_when_it_stands_after_and_taken_back_when_it_drove_on() -> None:
    desk = insured(policy("C-1", "CN"))
    desk.report(VIN, seconds(70, 70, 40, 10, 0))
    assert [one["what"] for one in told(desk, Kind.INCIDENT)] == ["harsh_braking"]
    desk.report(VIN, seconds(*([0] * 30), start=7_205))
    crash = next(one for one in told(desk, Kind.INCIDENT) if one["what"] == "crash_suspected")
    assert crash["evidence"]["samples"][0]["t_ms"] == T0 + 7_200_000
    assert [one["speed_ckmh"] for one in crash["evidence"]["samples"][:5]] == [7_000, 7_000, 4_000, 1_000, 0]
    desk.report(VIN, seconds(5, 10, 15, start=7_240))
    assert [one["what"] for one in told(desk, Kind.INCIDENT)] == ["harsh_braking"]


def test_exposure_says_how_much_of_it_was_in_each_deductible_zone() -> None:
    zones = ["ap-cn", "port-cn", "yard"]
    desk = insured(policy("C-1", "CN", deductible_zones=zones), policy("P-1", "CN"))
    crossing(desk)
    (bare,) = (one for one in told(desk, Kind.EXPOSURE) if one["number"] == "P-1")
    (cn,) = (one for one in told(desk, Kind.EXPOSURE) if one["number"] == "C-1")
    assert bare["deductible"] == []
    assert [month["deductible"] for month in cn["months"]] == [cn["deductible"]]
    assert [one["zone"] for one in cn["deductible"]] == zones
    approach, port, yard = (one["driven"] for one in cn["deductible"])
    visits = {event.data["zone"]: event.data for event in desk.latest(Kind.VISIT).values()}
    for part, zone in ((approach, "ap-cn"), (port, "port-cn")):
        enter, leave = (visits[zone][end]["estimate_ms"] for end in ("enter", "leave"))
        assert part["ms"] == min(leave, cn["until_ms"]) - enter > 0
        assert part["mm"] == cn["driven"]["mm"] * part["ms"] // cn["driven"]["ms"]
    assert yard == {"mm": 0, "ms": 0}


def test_what_was_driven_in_a_zone_is_kept_when_trip_and_visit_are_forgotten() -> None:
    desk = insured(policy("C-1", "CN", deductible_zones=["ap-cn"]))
    way = through(VIN, 7_200, 0.03)
    desk.drive(way, VIN)
    end = way[-1].t_s
    back = [Sample(2 * end - one.t_s + 30, one.lon, asset=asset_of(VIN)) for one in reversed(way)]
    desk.drive(back, VIN)
    stand(desk, 0.15)
    (before,) = told(desk, Kind.EXPOSURE)
    assert before["deductible"][0]["driven"]["ms"] > 0
    desk.now_s += 12 * 86_400
    stand(desk, 0.15)
    desk.now_s += 86_400
    stand(desk, 0.15)
    (after,) = told(desk, Kind.EXPOSURE)
    assert after["state"] == "running"
    assert (after["driven"], after["deductible"]) == (before["driven"], before["deductible"])
    book = desk.engine.covers.books.get(asset_of(VIN))
    assert book is not None
    assert not book.bus["drives"]


def test_an_incident_names_the_deductible_zones_it_was_in() -> None:
    desk = insured(policy("C-1", "CN", deductible_zones=["ap-cn"]), policy("P-1", "CN"))
    desk.report(VIN, seconds(50, 50, 36, 36, lon=0.03))
    desk.report(VIN, seconds(50, 50, 36, 36, start=9_000))
    inside, outside = told(desk, Kind.INCIDENT)
    assert (inside["deductible_zones"], outside["deductible_zones"]) == (["ap-cn"], [])
    assert len(inside["covers"]) == len(outside["covers"]) == 2


@pytest.mark.parametrize("late", [False, True])
def test_an_incident_is_told_anew_once_the_visit_is_sure(late: bool) -> None:
    """A yard wants two minutes of stay before it is a visit."""
    desk = insured(policy("L-1", "LA", deductible_zones=["yard"]))
    if not late:
        desk.report(VIN, seconds(50, 50, 36, 24, lon=-0.45))
        (before,) = told(desk, Kind.INCIDENT)
        assert before["deductible_zones"] == []
    rest = [Sample(7_210 + 10 * n, -0.45, speed=0.0, asset=asset_of(VIN)) for n in range(60)]
    desk.drive(rest, VIN)
    if late:
        desk.report(VIN, seconds(50, 50, 36, 24, lon=-0.45))
    (incident,) = desk.latest(Kind.INCIDENT).values()
    assert incident.data["deductible_zones"] == ["yard"]
    assert incident.revision == (1 if late else 2)


def test_a_cover_written_inside_its_zone_finds_the_visit() -> None:
    desk = insured(policy("C-1", "CN"))
    desk.drive(through(VIN, 7_200, 0.03), VIN)
    desk.ok("cover.write", policy("C-2", "CN", deductible_zones=["ap-cn"]))
    desk.report(VIN, seconds(50, 50, 36, 36, start=desk.now_s + 30, lon=0.028))
    incident = told(desk, Kind.INCIDENT)[-1]
    assert incident["deductible_zones"] == ["ap-cn"]


def test_an_early_end_closes_exposure_and_what_is_refused_says_why() -> None:
    desk = insured()
    cover = desk.ok("cover.write", policy("C-1", "CN"))
    desk.drive(through(VIN, 7_200, 0.1), VIN)
    at = T0 + 7_260_000
    desk.ok("cover.end", {"asset": asset_of(VIN), "cover": cover, "at_ms": at, "reason": "sold"})
    (exposure,) = told(desk, Kind.EXPOSURE)
    assert (exposure["state"], exposure["until_ms"], exposure["ended"]["by"]) == ("ended", at, "cover")
    assert told(desk, Kind.COVER)[0]["reason"] == "sold"
    end = {"asset": asset_of(VIN), "cover": cover}
    assert desk.refused("cover.end", end | {"at_ms": at + 1}) == "ended"
    assert desk.refused("cover.end", end | {"at_ms": T0 - 2 * DAY}) == "bad_window"
    assert desk.refused("cover.end", end | {"cover": "cover_0"}) == "unknown"
    assert desk.refused("cover.end", end, tenant="another") == "unknown"
    assert desk.refused("cover.write", policy("X", asset="asset_0")) == "unknown"
    assert desk.refused("cover.write", policy("X"), tenant="another") == "unknown"
    assert desk.refused("cover.write", policy("X", "cn")) == "bad_cover"
    assert desk.refused("cover.write", policy("C-1", "CN", from_ms=T0)) == "duplicate"
    desk.ok("cover.write", policy("C-1", "CN", from_ms=at))  # a renewal


# -- laws


def contents(events: list[Event]) -> Counter[str]:
    """The newest contents that stand, without what is history: ids that depend on what was heard first."""
    newest = {event.id: event for event in events if event.kind in TOLD}
    return Counter(
        f"{event.kind.value} {json.dumps(_timeless(event.data), sort_keys=True)}"
        for event in newest.values()
        if event.change is not Change.RETRACTED
    )


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name not in HISTORY}
    return value


def eventful() -> Office:
    """A way over the border with a crash, a gap of cover, and a silence."""
    zoned = policy("A-1", "CN", "LA", until_ms=T0 + 3 * HOUR, deductible_zones=["ap-cn", "port-la"])
    desk = insured(policy("C-1", "CN"), zoned)
    desk.report(VIN, seconds(70, 70, 40, 10, 0, start=3_600, lon=0.03))
    desk.report(VIN, seconds(*([0] * 30), start=3_605, lon=0.031))
    said = {"kind": "no_coverage", "from": T0 + 3_700_000, "to": T0 + 5_000_000}
    desk.report(VIN, facts=[{"t": T0 + 3_640_000, **said}])
    crossing(desk)
    return desk


@pytest.mark.parametrize("seed", range(12))
def test_any_order_and_repetition_of_reports_gives_the_same(seed: int) -> None:
    desk = eventful()
    first = next(at for at, one in enumerate(desk.records) if one.kind is RecordKind.FRAME)
    head, rest = desk.records[:first], [one for one in desk.records[first:] if one.kind is RecordKind.FRAME]
    chance = random.Random(seed)
    rest += chance.sample(rest, len(rest) // 3)
    chance.shuffle(rest)
    now = max(one.received_ms for one in desk.records)
    ticks = [LogRecord(0, 0, RecordKind.TICK, now + 2 * HOUR, "k", b"")]
    engine, events = Engine(0, world(), regimes=[REGIME]), []
    for at, one in enumerate([*head, *rest, *ticks], 1):
        place = LogRecord(0, at, one.kind, now if one in rest else one.received_ms, "k", one.body)
        events += engine.fold(place).events
    desk.tick(2)
    assert contents(events) == contents(desk.events)


@pytest.mark.parametrize("at", range(0, 45, 4))
def test_a_snapshot_at_any_record_changes_nothing(at: int) -> None:
    records = eventful().records
    past, told_ = MemoryPast(), []
    plain = Engine(0, world(), past=MemoryPast(), regimes=[REGIME])
    want = [event for record in records for event in plain.fold(record).events]
    engine = Engine(0, world(), past=past, regimes=[REGIME])
    for number, record in enumerate(records):
        if number == at:
            engine = restore(snapshot(engine), engine.world, past=past, regimes=[REGIME])
        told_ += engine.fold(record).events
    assert told_ == want


def test_what_ended_long_ago_leaves_the_state_and_nothing_is_told_of_it() -> None:
    desk = insured(policy("C-1", "CN", until_ms=T0 + DAY))
    crossing(desk)
    desk.now_s = 86_400.0 * 12
    desk.tick()
    desk.tick()
    assert len(desk.engine.covers.books) == 0
    assert not [event for event in desk.tick(1) if event.kind in TOLD]
    assert {one["state"] for one in (*told(desk, Kind.COVER), *told(desk, Kind.EXPOSURE))} == {"ended"}
    assert desk.engine.covers.watched.values == {}


def test_what_began_long_ago_and_goes_on_or_ended_since_is_not_taken_back() -> None:
    """A stay without cover and a silence, looked at again and again for weeks."""
    over = policy("OLD", "LA", until_ms=T0 + 7_200_000)
    desk = insured(policy("C-1", "CN", until_ms=T0 + 90 * DAY), over)
    crossing(desk)
    silent = desk.now_s
    desk.drive(
        [Sample(silent + 30 * 3_600 + 60 * n, -0.9, speed=0.0, asset=asset_of(VIN)) for n in range(30)], VIN
    )
    desk.tick(2)

    def standing() -> dict[tuple[str, str], dict[str, Any]]:
        return {
            (kind.value, event.id): event.data
            for kind in TOLD
            for event in desk.latest(kind).values()
            if kind is not Kind.COVER
        }

    before = standing()
    names = Counter((kind, data.get("what") or data["state"]) for (kind, _), data in before.items())
    assert names["gap", "cover"] == names["gap", "proof"] == 1
    assert names["breach", "outside_countries"] == 1
    told_since = len(desk.events)
    for _ in range(20 * 8):
        stand(desk, -0.9, hours=0.2)
        desk.tick(3)
    assert [e for e in desk.events[told_since:] if e.change is Change.RETRACTED and e.kind in TOLD] == []
    after = standing()
    assert after.keys() == before.keys()
    for key, data in before.items():
        same = ("state", "what", "country", "crossing", "began", "from_ms", "covers", "driven", "explained")
        assert {n: after[key].get(n) for n in same} == {n: data.get(n) for n in same}, key


def test_driving_after_a_covers_end_stays_told_until_it_is_over_for_good() -> None:
    desk = insured(policy("C-1", "CN", until_ms=T0 + 7_500_000), policy("A-1", "TH"))
    crossing(desk, upto=0.1)
    stand(desk, 0.1, hours=24 * 4)
    begin = desk.now_s + 60
    east = [Sample(begin + 30 * n, 0.1 + 0.003 * n, asset=asset_of(VIN)) for n in range(120)]
    desk.drive(east, VIN)
    stand(desk, 0.46, hours=3)
    (before,) = (one for one in told(desk, Kind.BREACH) if one["what"] == "expired")
    assert before["driven"]["trips"] == 2
    since = len(desk.events)
    for _ in range(14 * 8):
        stand(desk, 0.46, hours=0.2)
        desk.tick(3)
    assert [e for e in desk.events[since:] if e.kind is Kind.BREACH and e.data["what"] == "expired"] == []
    book = desk.engine.covers.books.get(asset_of(VIN))
    assert book is not None
    assert [cover["number"] for cover in book.found.values()] == ["A-1"]
