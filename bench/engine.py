"""The engine alone on one core: samples a second, late data, memory, snapshots.

5,000 trucks drive at 60 km/h, a sample each 10 s, 10 samples a report. They share 50 roads between 40 towns,
to and fro, with 3 m of noise; a quarter of 2,000 yards lie within 1 km of a road. Counting begins when every
truck was seen six times (ten minutes of driving): the index that the roads need is partly there, and the
rest is made, and paid for, while it counts. Further rows: each truck drives straight on over ground where
none was before; 20,000 yards crowded at 200 places on the roads; and a tenth of the reports up to an hour
late, a twentieth twice, a third of the frames shuffled (counting begins after more than an hour of driving).

Rates are of the thread's CPU time: of a whole core, also where others use the machine.

Then one truck: eight hours that come late, in one report, into a day of driving with halts. Then memory (a
process of its own, resident bytes) and the time of a snapshot. Beside them in the same run: a plain loop that
asks each zone near the truck for each sample with shapely, which is what the engine must beat, and plain
Python objects instead of the engine's columns.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import shapely

import geofences
from bench.fleet import (
    ASSETS,
    FINE,
    SAMPLES_A_REPORT,
    STEP_MS,
    T0,
    Floats,
    Roads,
    Trouble,
    frame_of,
    frames,
    hot_zones,
    roads,
    zones,
)
from bench.report import Row, parser, tell
from streams.codec import encode_frame
from streams.engine import Engine, World, restore, snapshot
from streams.engine.recent import SAMPLE_BYTES
from streams.engine.rows import EMPTY, Rows
from streams.past import Chunk, KeptObject, KeptState
from streams.records import LogRecord, RecordKind

R = TypeVar("R")
PLAIN: Final = "plain loop over an STRtree"


def engine_rate(
    world: World, ways: Roads | None, size: int, seconds: float, trouble: Trouble = FINE
) -> tuple[float, Engine]:
    """Samples a second of one engine, after every truck was seen six times; and the engine."""
    engine = Engine(0, world)
    gc.collect()
    gc.freeze()  # and less often, as the parts of the service do
    gc.set_threshold(50_000, 20, 20)
    source = frames(size, ways, np.random.default_rng(5), trouble)
    warm = (40 if trouble.late else 6) * ASSETS * SAMPLES_A_REPORT // size + 1
    count = warm + max(10, int(min(seconds * 1_500_000, 3_000_000)) // size)
    bodies = list(itertools.islice(source, count))
    folded, begun = 0, 0.0
    for position, (samples, body) in enumerate(bodies, 1):
        if position == warm + 1:
            begun = time.thread_time()
        engine.fold(LogRecord(0, position, RecordKind.FRAME, T0 + position, "k", body))
        if position > warm:
            folded += samples
            if time.thread_time() - begun > seconds:
                break
    return folded / (time.thread_time() - begun), engine


def plain_rate(world: World, seconds: float) -> float:
    """Samples a second of a loop that asks the zones near each sample, one by one."""
    rng = np.random.default_rng(5)
    tree = shapely.STRtree([zone.geometry for zone in world.zones])
    shapely.prepare([zone.geometry for zone in world.zones])
    lon, lat = 97.0 + 12 * rng.random(100_000), 17.0 + 12 * rng.random(100_000)
    begun, done = time.thread_time(), 0
    for x, y in zip(lon.tolist(), lat.tolist(), strict=True):
        point = shapely.Point(x, y)
        for number in tree.query(point):
            world.zones[number].geometry.intersects(point)
        done += 1
        if time.thread_time() - begun > seconds:
            break
    return done / (time.thread_time() - begun)


def late_batch(world: World, ways: Roads, every_ms: int) -> tuple[int, float]:
    """Samples of eight hours that come late, in one report, into a day of one truck; and the seconds that
    the engine takes for them."""
    day, hour = 86_400_000 // every_ms, 3_600_000 // every_ms
    ticks = np.arange(day)
    drives = ticks % hour < hour * 5 // 6  # stands for ten minutes of each hour
    gone = 3.0 + np.cumsum(drives).astype(np.float64) * (60 / 3.6 * every_ms / 1000 / 111_000)
    x, y = ways.at(np.zeros(day, np.int64), gone)
    rng = np.random.default_rng(6)
    x, y = x + rng.normal(0, 3e-5, day), y + rng.normal(0, 3e-5, day)
    late = (ticks >= 8 * hour) & (ticks < 16 * hour)
    reports = [*np.array_split(ticks[~late], 16), ticks[late]]
    bodies = [
        encode_frame(
            frame_of(
                np.array([0]),
                np.array([seq]),
                report[None, :],
                x[report],
                y[report],
                ["truck"],
                ["device"],
                T0 + 86_400_000,
                every_ms,
                np.where(drives[report], 6_000, 0),
            )
        )
        for seq, report in enumerate(reports)
    ]
    engine, begun = Engine(0, world), 0.0
    for position, body in enumerate(bodies, 1):
        begun = time.thread_time()
        engine.fold(LogRecord(0, position, RecordKind.FRAME, T0 + position, "k", body))
    return int(late.sum()), time.thread_time() - begun


class Forgetful:
    """A past that keeps nothing, for what asks nothing of it."""

    end = 0

    def write(self, chunk: Chunk) -> None:
        """See Past.write."""

    def rows(self, asset: int, after: int, position: int) -> Rows:
        """See Past.rows."""
        return EMPTY

    def state(self, asset: int, before: int, position: int) -> KeptState | None:
        """See Past.state."""

    def objects(self, asset: int, since: int, position: int) -> list[KeptObject]:
        """See Past.objects."""
        return []

    def trim(self, before: object, position: int | None = None) -> None:
        """See Past.trim."""


def parked(assets: int, active: int, rounds: int) -> Engine:
    """An engine that heard once of ``assets`` trucks, and then of the first ``active`` ``rounds`` times."""
    known, gates = geofences.world()
    ways = roads(np.random.default_rng(4))
    engine = Engine(
        0, World([*known, *zones(2_000, ways, np.random.default_rng(3))], gates), None, Forgetful()
    )
    road = np.random.default_rng(5).integers(0, len(ways.length), assets)
    begin: Floats = 99 * np.random.default_rng(6).random(assets)
    position = 0
    for turn in range(1 + rounds):
        many = active if turn else assets
        for first in range(0, many, 2_000):
            who = np.arange(first, min(first + 2_000, many))
            names = [f"asset-{i:07d}" for i in who.tolist()]
            devices = [f"device-{i:07d}" for i in who.tolist()]
            ticks = (
                np.full((len(who), 1), 0)
                if not turn
                else (turn - 1) * 10 + 1 + np.tile(np.arange(10), (len(who), 1))
            )
            x, y = ways.at(np.repeat(road[who, None], ticks.shape[1], 1), begin[who, None] + ticks * 1.5e-3)
            numbers = np.arange(len(who))
            frame = frame_of(
                numbers, np.full(len(who), turn), ticks, x, y, names, devices, T0 + 1_000 * STEP_MS
            )
            position += 1
            engine.fold(LogRecord(0, position, RecordKind.FRAME, T0 + position, "k", encode_frame(frame)))
            if position % 100 == 0:
                engine.seal()
    return engine


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def memory(assets: int, active: int, rounds: int) -> tuple[int, int]:
    """Resident bytes of a process with an engine of so many assets, and those of its recent samples."""
    engine = parked(assets, active, rounds)
    resident = _resident()
    assert engine.extra.size == assets
    return resident, engine.memory.recent.samples * SAMPLE_BYTES


def plain_memory(assets: int) -> float:
    """Bytes of an asset whose last position is held in a dict, as a plain program does."""
    before = _resident()
    held = {
        f"asset-{i:07d}": {
            "t": T0 + i,
            "lon": 1.0 * i,
            "lat": 2.0 * i,
            "speed": 3.0 * i,
            "heading": 4.0 * i,
            "zones": {i},
            "device": f"device-{i:07d}",
            "seq": i + 1_000,
        }
        for i in range(assets)
    }
    return (_resident() - before) / len(held)


def alone(function: Callable[..., R], *given: int) -> R:
    """What the function gives in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *given).result()


def snapshot_seconds(assets: int) -> tuple[float, float]:
    """Seconds that a snapshot takes, and a restore, of an engine with so many assets."""
    engine = parked(assets, assets // 10, 2)
    world = engine.world
    begun = time.perf_counter()
    data = snapshot(engine)
    taken = time.perf_counter() - begun
    begun = time.perf_counter()
    restore(data, world)
    return taken, time.perf_counter() - begun


def main() -> int:
    """Run and tell."""
    options = parser(__doc__, 5).parse_args()
    known, gates = geofences.world()
    ways = roads(np.random.default_rng(4))
    world = World([*known, *zones(2_000, ways, np.random.default_rng(3))], gates)
    hot = World([*known, *hot_zones(20_000, ways, np.random.default_rng(3))], gates)
    plain = plain_rate(world, min(options.seconds, 3))
    rows = []
    bad = Trouble(late=0.1, doubled=0.05, shuffled=0.3)
    for size, place, where, trouble, what in (
        (200, world, ways, FINE, ""),
        (2_000, world, ways, FINE, ""),
        (20_000, world, ways, FINE, ""),
        (2_000, world, None, FINE, ", anywhere"),
        (2_000, hot, ways, FINE, ", in hot spots"),
        (2_000, world, ways, bad, ", 10 % late, 5 % doubled"),
    ):
        rate, _ = engine_rate(place, where, size, options.seconds, trouble)
        what = f"frames of {size} samples, {len(place.zones)} zones{what}"
        rows.append(Row(what, rate, "samples/s", PLAIN, rate / plain))
    for every_ms in (1_000, 10_000):
        samples, seconds = min((late_batch(world, ways, every_ms) for _ in range(3)), key=lambda one: one[1])
        what = f"8 h late into a day, a sample each {every_ms // 1000} s"
        rows.append(Row(what, 1000 * seconds, "ms", f"{PLAIN}, these alone", seconds * plain / samples))
    many = 1_000_000 if options.seconds >= 30 else 100_000
    few = alone(memory, many // 2, 0, 0)
    rest = alone(memory, many, 0, 0)
    bytes_each = (rest[0] - rest[1] - few[0] + few[1]) / (many - many // 2)
    plain_each = alone(plain_memory, 100_000)
    rows.append(
        Row(f"each of {many} assets at rest", bytes_each, "B", "dict an asset", bytes_each / plain_each)
    )
    resident, _ = alone(memory, many, many // 10, 5)
    rows.append(Row(f"the process, {many} assets, 10 % active", resident / 1e6, "MB"))
    taken, back = snapshot_seconds(100_000)
    rows.append(Row("snapshot of 100000 assets", taken, "s"))
    rows.append(Row("restore of 100000 assets", back, "s"))
    rows.append(Row(PLAIN, plain, "samples/s"))
    tell("engine", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
