"""A law of the engine: how samples are batched, and where a process stopped, changes no final object.

Random drives of three assets through the small world with noise, standstills, gaps and bad fixes, in order.
`HYPOTHESIS_PROFILE=nightly` tries many more.
"""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codec import dump_json
from streams.engine import Engine, restore, snapshot
from streams.events import Change
from tests.unit.streams.engine.contents import contents
from tests.unit.streams.engine.small_world import Feeder, Sample, world

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LAW = settings(
    max_examples=1_000 if NIGHTLY else 25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
WORLD = world()


@st.composite
def legs(draw: st.DrawFn, asset: str) -> list[Sample]:
    """The samples of one asset: legs between places that matter, each driven or stood at."""
    t, lon = draw(st.integers(0, 600)), draw(st.floats(-0.6, 0.1))
    samples = []
    for _ in range(draw(st.integers(1, 4))):
        aim = draw(st.sampled_from([-0.45, -0.1, -0.06, -0.01, -0.006, -0.002, 0.0, 0.002, 0.006, 0.02, 0.1]))
        kmh = draw(st.sampled_from([0.0, 4.0, 30.0, 80.0]))
        every = draw(st.sampled_from([5, 10, 30, 120]))
        chance = random.Random(draw(st.integers(0, 2**32)))
        noise = draw(st.sampled_from([0.0, 2e-5, 3e-4]))
        for _ in range(draw(st.integers(1, 25))):
            gone = kmh / 3.6 * every / 111_319.5
            lon = aim if abs(aim - lon) <= gone else lon + (gone if aim > lon else -gone)
            samples.append(_sample(t, lon, kmh, noise, asset, chance))
            t += every
        t += draw(st.sampled_from([0, 0, 45, 400, 4_000]))
    return samples


def _sample(t: int, lon: float, kmh: float, noise: float, asset: str, chance: random.Random) -> Sample:
    """A fix with noise; one in ten is bad or a far jump, one in ten tells no speed."""
    fault = chance.choice(["none", "no fix", "poor", "null", "jump", "speed", *["good"] * 34])
    return Sample(
        t,
        None if fault == "null" else lon + chance.gauss(0, noise) + (0.4 if fault == "jump" else 0.0),
        chance.gauss(0, noise) + 1e-4,
        None if fault == "speed" else kmh,
        asset,
        {"none": None, "no fix": 0}.get(fault, 3),
        99.0 if fault == "poor" else None if fault == "none" else 1.0,
        None if fault == "speed" else t * 10.0,
    )


@st.composite
def drives(draw: st.DrawFn) -> list[Sample]:
    """The samples of three assets in order of time."""
    several = [draw(legs(asset)) for asset in ("a1", "a2", "a3")]
    return sorted((sample for samples in several for sample in samples), key=lambda sample: sample.t_s)


def fold(samples: list[Sample], sizes: list[int], stops: frozenset[int] = frozenset()) -> Feeder:
    """Fold ``samples`` in frames of ``sizes``, over and over; restored from a snapshot before ``stops``."""
    feed = Feeder(Engine(0, WORLD))
    at = number = 0
    while at < len(samples):
        if number in stops:
            feed = Feeder(restore(snapshot(feed.engine), WORLD), feed.seq, feed.events)
        size = sizes[number % len(sizes)]
        feed.feed(samples[at : at + size])
        at, number = at + size, number + 1
    return feed


def objects(feed: Feeder) -> list[tuple[str, str, bytes]]:
    """The last content of each object that was not retracted."""
    newest = {event.id: event for event in feed.events}
    held = [event for event in newest.values() if event.change is not Change.RETRACTED]
    plain = [{name: value for name, value in event.data.items() if name != "why"} for event in held]
    return sorted((e.kind.value, e.asset, dump_json(data)) for e, data in zip(held, plain, strict=True))


@given(drives(), st.lists(st.integers(1, 60), min_size=1, max_size=5))
@LAW
def test_any_batching_into_frames_gives_the_same_final_objects(
    samples: list[Sample], sizes: list[int]
) -> None:
    one, many, all_ = fold(samples, [1]), fold(samples, sizes), fold(samples, [len(samples)])
    assert objects(one) == objects(many) == objects(all_)


@given(drives(), st.lists(st.integers(1, 30), min_size=1, max_size=5), st.frozensets(st.integers(0, 12)))
@LAW
def test_a_snapshot_and_a_restore_at_any_point_change_nothing(
    samples: list[Sample], sizes: list[int], stops: frozenset[int]
) -> None:
    straight, stopped = fold(samples, sizes), fold(samples, sizes, stops)
    assert stopped.events == straight.events
    assert contents(stopped.engine) == contents(straight.engine)


def test_no_revision_of_an_object_is_told_twice() -> None:
    feed = fold([Sample(0, -0.2), Sample(700, 0.25), Sample(1_300, -0.106), Sample(2_600, -0.3)], [1])
    assert len({(event.id, event.revision) for event in feed.events}) == len(feed.events)
