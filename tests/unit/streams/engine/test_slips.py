"""Late samples that slip in without a fold of what came after: the same objects as in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from unittest.mock import patch

import pytest

from streams.engine import Engine, Rules, restore, snapshot
from streams.engine import engine as engine_module
from streams.engine.slips import slip_in
from streams.events import Kind
from streams.memory_past import MemoryPast
from tests.unit.streams.engine.contents import contents
from tests.unit.streams.engine.small_world import Feeder, Sample, drive, feeder, world

DERIVED = (Kind.VISIT, Kind.CROSSING, Kind.TRIP, Kind.STOP)


def told(feed: Feeder) -> list[list[dict[str, object]]]:
    """The newest content of all derived objects, in one order."""
    return [sorted(feed.latest(kind), key=repr) for kind in DERIVED]


def day(rng: Random) -> list[Sample]:
    """To and fro through the small world, with halts, gaps, jitter, an odometer at times, and jumps."""
    out: list[Sample] = []
    t, x, heading, way = 0.0, -0.9, 1, 0.0
    metered, jumps = rng.random() < 0.5, rng.random() < 0.3
    while t < 4 * 3600:
        stands = rng.random() < 0.3
        until, speed = t + rng.choice([60, 400, 1500, 3000]), 0.0 if stands else rng.uniform(20, 85)
        every: float = rng.choice([1, 5, 10, 30, 120])
        every = max(every, (until - t) / 100)
        while t < until:
            step = every * rng.uniform(0.7, 1.3)
            t, x, way = t + step, x + heading * speed * step / 3.6 / 111_000, way + speed * step / 3.6
            if abs(x) > 0.9:
                heading = -heading
            jitter = rng.gauss(0, 2e-5)
            seen = speed + rng.choice([0, 0, 0, -18]) if speed > 20 else speed
            away = 0.5 if jumps and rng.random() < 0.01 else 0.0
            odometer = way if metered and rng.random() < 0.95 else None
            out.append(Sample(round(t, 3), x + jitter, jitter + away, seen, odometer_m=odometer))
    return out


def reports(samples: list[Sample], rng: Random) -> Iterator[list[Sample]]:
    """The samples in reports, a fifth of which come up to an hour later."""
    waiting: list[tuple[float, list[Sample]]] = []
    at = 0
    while at < len(samples):
        size = rng.randint(1, 10)
        report, at = samples[at : at + size], at + size
        delay = rng.uniform(0, 3600) if rng.random() < 0.2 else 0.0
        waiting.append((report[-1].t_s + delay, report))
    yield from (report for _, report in sorted(waiting, key=lambda one: one[0]))


@pytest.mark.parametrize("seed", range(12))
def test_late_reports_give_what_all_samples_in_order_give(seed: int) -> None:
    rng = Random(seed)
    samples = day(rng)
    straight = feeder()
    straight.feed(samples, received_s=20_000)
    feed = Feeder(Engine(0, world(), Rules(checkpoint_rows=rng.choice([8, 64, 512])), MemoryPast()))
    taken: list[bool] = []

    def watched(*given: object) -> bool:
        taken.append(slip_in(*given))  # type: ignore[arg-type]
        return taken[-1]

    with patch.object(engine_module, "slip_in", watched):
        for report in reports(samples, rng):
            feed.feed(report, received_s=20_000)
    assert told(feed) == told(straight)
    assert any(taken), "some slip in"
    assert feed.engine.counts.refolds, "and some do not"
    mm = straight.engine.state["cum"][0] - straight.engine.state["trip_cum"][0]
    assert feed.engine.state["cum"][0] - feed.engine.state["trip_cum"][0] == mm


@pytest.mark.parametrize("seed", range(4))
def test_a_restored_engine_goes_the_same_way(seed: int) -> None:
    rng = Random(100 + seed)
    samples = day(rng)[:400]
    past = MemoryPast()
    feed = Feeder(Engine(0, world(), None, past))
    came = list(reports(samples, rng))
    stop = rng.randrange(len(came))
    for report in came[:stop]:
        feed.feed(report, received_s=20_000)
    again = Feeder(restore(snapshot(feed.engine), world(), None, past), dict(feed.seq))
    for report in came[stop:]:
        assert again.feed(report, received_s=20_000) == feed.feed(report, received_s=20_000)
    assert contents(again.engine) == contents(feed.engine)


def quiet() -> tuple[list[Sample], list[Sample]]:
    """A long drive in one country, and ten samples in the middle of it."""
    samples = [replace(s, lat=0.3) for s in drive(0, -0.9, -0.55, every_s=10)]
    middle = len(samples) // 2
    return samples[:middle] + samples[middle + 10 :], samples[middle : middle + 10]


def test_a_report_from_the_middle_of_a_quiet_drive_slips_in() -> None:
    rest, late = quiet()
    feed = feeder()
    feed.each(rest)
    assert feed.feed(late, received_s=rest[-1].t_s) == []
    assert feed.engine.counts.refolds == 0


@pytest.mark.parametrize(
    "change",
    [
        {"speed": None},
        {"speed": 0.0},
        {"lat": 0.5},  # a jump
        {"odometer_m": 5.0},
        {"lon": -0.45, "lat": 0.0},  # another zone
    ],
)
def test_a_report_that_may_change_more_does_not(change: dict[str, float | None]) -> None:
    rest, late = quiet()
    feed, straight = feeder(), feeder()
    late[4] = replace(late[4], **change)  # type: ignore[arg-type]
    feed.each(rest)
    feed.feed(late, received_s=rest[-1].t_s)
    assert feed.engine.counts.refolds == 1
    straight.feed(sorted([*rest, *late], key=lambda s: s.t_s), received_s=rest[-1].t_s)
    assert told(feed) == told(straight)


def test_what_was_believed_with_a_doubt_nearby_is_gone_through_again() -> None:
    rest, late = quiet()
    at = len(rest) - 3
    rest[at] = replace(rest[at], lat=0.6)  # a jump later than the gap
    feed = feeder()
    feed.each(rest)
    feed.feed(late, received_s=rest[-1].t_s)
    assert feed.engine.counts.refolds == 1


@pytest.mark.parametrize("wrong", [None, 0, 7, 12])
def test_several_reports_of_an_asset_slip_in_at_once_or_none_does(wrong: int | None) -> None:
    samples = [replace(s, lat=0.3) for s in drive(0, -0.9, -0.55, every_s=10)]
    missing = [*range(60, 65), *range(66, 71), *range(90, 92), *range(92, 95)]
    held = [sample for at, sample in enumerate(samples) if at not in missing]
    late = [samples[at] for at in missing]
    if wrong is not None:
        late[wrong] = replace(late[wrong], lat=0.6)  # a jump
    parked = [replace(samples[-1], t_s=samples[-1].t_s + 100.0 * n, speed=0.0) for n in range(1, 6)]
    feed, straight = feeder(), feeder()
    feed.each(held)
    told_late = feed.feed(late, received_s=samples[-1].t_s)
    assert feed.engine.counts.refolds == (wrong is not None)
    assert told_late == []
    straight.feed(sorted([*held, *late], key=lambda s: s.t_s), received_s=samples[-1].t_s)
    for name in ("cum", "still_cum", "trip_cum", "t", "bt"):
        assert feed.engine.state[name] == straight.engine.state[name], name
    for one in (feed, straight):
        one.feed(parked)
    assert told(feed) == told(straight)
    assert any(told(feed))
