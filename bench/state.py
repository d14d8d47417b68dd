"""What a partition's state weighs: ``--assets`` of them, a tenth active; snapshot and restore; a week of one.

Each asset is heard of once: it drives, halts, and stands for more than five minutes, so a visit of a country
and a stop are open. That takes an hour of the log, with a seal each minute. Then a tenth of them drive for
some fifteen minutes, ten samples a report, a report each 300 s; the others rest. The process' resident bytes
are told at each stage, apart from those of a process that folded 1,000 assets; and what each part of the
engine takes by the lengths of its arrays.

Then, in a process of their own, 20 assets drive for a week, a sample each 10 s, ten minutes of each hour
standing: bytes in memory, in the snapshot and in the files of the past.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

import geofences
from bench.engine import Forgetful, alone
from bench.fleet import T0, frame_of, roads, zones
from bench.report import Row, parser, tell
from streams.codec import encode_frame
from streams.engine import Engine, World, restore, snapshot
from streams.engine.recent import SAMPLE_BYTES
from streams.past import Past
from streams.records import LogRecord, RecordKind
from streams.runtime.chunks import ChunkFiles

REPORTS: Final = 2_000  # of a frame
HOUR: Final = 3_600_000
WEEK: Final = 7 * 24 * HOUR


class Fleet:
    """Trucks on roads, and an engine that hears of them."""

    def __init__(self, assets: int, past: Past) -> None:
        known, gates = geofences.world()
        self.ways = roads(np.random.default_rng(4))
        self.world = World([*known, *zones(2_000, self.ways, np.random.default_rng(3))], gates)
        self.engine = Engine(0, self.world, None, past)
        self.assets, self.position, self.sealed = assets, 0, T0
        self.road = np.random.default_rng(5).integers(0, len(self.ways.length), assets)
        self.begin = 99 * np.random.default_rng(6).random(assets)
        self.gone = np.zeros(assets)
        self.heard = np.zeros(assets, np.int64)

    def report(self, who: Any, times: Any, speed: Any, now: int) -> None:
        """One report of each of ``who``: samples at ``times`` (ms after T0) with ``speed`` (0.01 km/h)."""
        steps = np.diff(times, prepend=times[:1])
        gone = self.gone[who, None] + np.cumsum(speed * steps) / 360_000 / 111_000
        self.gone[who] = gone[:, -1]
        x, y = self.ways.at(np.repeat(self.road[who, None], len(times), 1), self.begin[who, None] + gone)
        names = [f"asset-{i:07d}" for i in who.tolist()]
        devices = [f"device-{i:07d}" for i in who.tolist()]
        ticks = np.tile(times, (len(who), 1))
        speeds = np.broadcast_to(speed, ticks.shape)
        frame = frame_of(
            np.arange(len(who)), self.heard[who], ticks, x, y, names, devices, T0 + now, 1, speeds
        )
        self.heard[who] += 1
        self.position += 1
        body = encode_frame(frame)
        self.engine.fold(LogRecord(0, self.position, RecordKind.FRAME, T0 + now, "k", body))
        if T0 + now - self.sealed >= 60_000:
            self.engine.seal()
            self.sealed = T0 + now

    def all_halt(self) -> None:
        """Each asset is heard of once, within an hour: it drives and then stands."""
        times, speed = np.array([0, 10_000, 20_000, 340_000]), np.array([6_000, 6_000, 0, 0])
        for first in range(0, self.assets, REPORTS):
            now = HOUR * first // self.assets
            who = np.arange(first, min(first + REPORTS, self.assets))
            self.report(who, now + times, speed, now + 340_000)

    def some_drive(self, every: int, rounds: int) -> None:
        """Each ``every``-th asset drives on, a report each 300 s."""
        active = np.arange(0, self.assets, every)
        for turn in range(rounds):
            begin = HOUR + 400_000 + turn * 300_000
            for first in range(0, len(active), REPORTS):
                now = begin + 300_000 * first // len(active)
                times = now + np.arange(10) * 30_000
                self.report(active[first : first + REPORTS], times, np.full(10, 6_000), now + 300_000)


def resident(name: str = "VmRSS") -> int:
    """Bytes of this process as the system tells them; free memory was given back before."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def deep(value: Any, seen: set[int]) -> int:
    """Bytes of Python objects; those in ``seen`` count nothing."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    held = sys.getsizeof(value)
    if isinstance(value, dict):
        return held + sum(deep(k, seen) + deep(v, seen) for k, v in value.items())
    if isinstance(value, list | tuple | set):
        return held + sum(deep(one, seen) for one in value)
    names = getattr(type(value), "__slots__", ())
    return held + sum(deep(getattr(value, name), seen) for name in names if hasattr(value, name))


def parts(engine: Engine) -> dict[str, float]:
    """Bytes of the engine by part."""
    memory, seen = engine.memory, {id(engine.world), id(engine.rules)}
    seen |= {id(zone) for zone in engine.world.zones}
    lives = list(engine._live.values())
    for live in lives:
        seen |= {id(live.journey.world), id(live.journey.visits.rules)}
    tables = sum(array.nbytes for g in (memory.recent._young, memory.recent._old) if g for array in g.table)
    columns = sum(array.nbytes for array in engine.extra._arrays.values())
    sequences = engine.sequences
    return {
        "names and tenants": engine.rows.nbytes() + engine.owners.nbytes(),
        "heard of, device, home, tenant": columns,
        "devices: rings of contents": sequences._ring.nbytes,
        "devices: names": sequences.rows.nbytes(),
        "devices: numbers and starts": sequences.nbytes() - sequences._ring.nbytes - sequences.rows.nbytes(),
        **engine.states.nbytes(),
        "unpacked objects": sum(deep(live, seen) for live in lives),
        "samples of late": memory.recent.samples * SAMPLE_BYTES,
        "which asset has samples": tables,
        "kept states and closed objects": sum(
            deep(held, seen) for held in (memory.states, memory.closed, memory.changed, memory.voided)
        ),
    }


def constant() -> int:
    """Resident bytes of a process that loaded and compiled everything and folded 1,000 assets."""
    fleet = Fleet(1_000, Forgetful())
    fleet.all_halt()
    fleet.some_drive(10, 3)
    restore(snapshot(fleet.engine), fleet.world)
    return resident()


def weighed(assets: int) -> list[tuple[str, float, str]]:
    """What a process with so many assets tells."""
    fleet = Fleet(assets, Forgetful())
    begun = time.perf_counter()
    fleet.all_halt()
    fleet.some_drive(10, 3)
    took = time.perf_counter() - begun
    engine = fleet.engine
    held = resident()
    found = [("the process, 10 % active", held / 1e6, "MB"), ("its peak", resident("VmHWM") / 1e6, "MB")]
    found += [(f"  {name}, an asset", size / assets, "B") for name, size in parts(engine).items()]
    found.append(("  all of these, an asset", sum(parts(engine).values()) / assets, "B"))
    every = np.arange(assets)
    resting = every[engine.states.resting(every)]
    at_rest = engine.states.blobs.at[resting]
    blobs = [engine.states.blobs.length(row) for row in resting[:: max(1, len(resting) // 1_000)].tolist()]
    assert at_rest.all()
    found.append(("assets at rest", float(len(resting)), ""))
    found.append(("state and objects of one at rest", float(np.mean(blobs)), "B"))
    begun = time.perf_counter()
    data = snapshot(engine)
    found.append(("snapshot", time.perf_counter() - begun, "s"))
    found.append(("snapshot, an asset", len(data) / assets, "B"))
    world = fleet.world
    begun = time.perf_counter()
    again = restore(data, world)
    found.append(("restore", time.perf_counter() - begun, "s"))
    assert snapshot(again) == data
    found.append(("folding all that", took, "s"))
    return found


def week(assets: int) -> list[tuple[str, float, str]]:
    """Bytes of an asset that drove for a week."""
    with tempfile.TemporaryDirectory(prefix="week-") as folder:
        past = ChunkFiles(Path(folder))
        fleet = Fleet(assets, past)
        who, events, samples = np.arange(assets), 0, 0
        for begin in range(0, WEEK, 600_000):
            times = begin + np.arange(60) * 10_000
            speed = np.full(60, 0 if begin % HOUR == 50 * 60_000 else 6_000)
            fleet.report(who, times, speed, begin + 600_000)
            samples += 60
        events = fleet.engine.number
        fleet.engine.seal()
        while past.compact():
            pass
        files = sum(path.stat().st_size for path in Path(folder).iterdir())
        data = len(snapshot(fleet.engine))
    return [
        ("a week of an asset: samples", float(samples), ""),
        ("  events", events / assets, ""),
        ("  files of the past", files / assets, "B"),
        ("  of a sample, all in all", files / assets / samples, "B"),
        ("  snapshot", data / assets, "B"),
    ]


def rows(assets: int) -> Iterator[Row]:
    """All figures."""
    bare = alone(constant)
    yield Row("a process with 1,000 assets, all compiled", bare / 1e6, "MB")
    for what, value, unit in alone(weighed, assets):
        yield Row(what, value, unit)
        if what.startswith("the process"):
            yield Row("  without what a process with 1,000 takes", value - bare / 1e6, "MB")
    for what, value, unit in alone(week, 20):
        yield Row(what, value, unit)


def main() -> int:
    """Run and tell."""
    words = parser(__doc__, 0)
    words.add_argument("--assets", type=int, default=100_000, metavar="N", help="how many (100000)")
    options = words.parse_args()
    tell("state", list(rows(options.assets)), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
