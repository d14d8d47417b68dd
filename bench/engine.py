"""The engine alone on one core: frames folded a second, with 2,000 zones and all countries.

5,000 trucks drive in order at 60 km/h, a sample each 10 s, 10 samples a report. They share 50 roads between
40 towns, to and fro, with 3 m of noise; a quarter of the yards lie within 1 km of a road. Counting begins
when every truck was seen six times (ten minutes of driving): the index that the roads need is partly there,
and the rest is made, and paid for, while it counts. A row tells what the same costs when each truck drives
straight on over ground where none was before. Beside them in the same run: a plain loop that asks each zone
near the truck for each sample with shapely, which is what the engine must beat.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

import geofences
from bench.report import Row, parser, tell
from geofences.zone import Zone, ZoneKind
from streams.codec import encode_frame
from streams.engine import Engine, World
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

ASSETS: Final = 5_000
SAMPLES_A_REPORT: Final = 10
_PIECES: Final = 1_000  # of a road
_T0: Final = 1_790_000_000_000
_STEP_MS: Final = 10_000


@dataclass(frozen=True)
class Roads:
    """Roads of 1,000 straight pieces: degrees, float64[roads, 1001] each; lengths in degrees."""

    lon: Floats
    lat: Floats
    length: Floats

    def at(self, road: Ints, gone: Floats) -> tuple[Floats, Floats]:
        """Positions after ``gone`` degrees along roads, turning round at each end."""
        share = np.abs((gone / self.length[road] + 1) % 2 - 1) * _PIECES
        piece = np.minimum(share.astype(np.int64), _PIECES - 1)
        rest = share - piece
        lon = self.lon[road, piece] * (1 - rest) + self.lon[road, piece + 1] * rest
        lat = self.lat[road, piece] * (1 - rest) + self.lat[road, piece + 1] * rest
        return lon, lat


def roads(rng: np.random.Generator) -> Roads:
    """50 winding roads between 40 towns."""
    towns = np.stack([97.0 + 12 * rng.random(40), 17.0 + 12 * rng.random(40)])
    ends = np.array([rng.choice(40, 2, replace=False) for _ in range(50)])
    share = np.linspace(0, 1, _PIECES + 1)
    start, way = towns[:, ends[:, 0], None], (towns[:, ends[:, 1]] - towns[:, ends[:, 0]])[:, :, None]
    waves = rng.normal(0, 1, (50, 30, 1)) / np.arange(1, 31)[:, None]
    aside = 0.05 * (waves * np.sin(np.pi * np.arange(1, 31)[:, None] * share)).sum(axis=1)
    lon, lat = start + way * share + np.stack([-way[1], way[0]]) * aside
    return Roads(lon, lat, np.hypot(np.diff(lon), np.diff(lat)).sum(axis=1))


def zones(count: int, ways: Roads, rng: np.random.Generator) -> list[Zone]:
    """Yards of some hundred metres, a quarter of them within 1 km of a road."""
    lon, lat = 97.0 + 12 * rng.random(count), 17.0 + 12 * rng.random(count)
    near = count // 4
    beside = ways.at(rng.integers(0, len(ways.length), near), 99 * rng.random(near))
    lon[:near], lat[:near] = (v + 0.01 * (2 * rng.random(near) - 1) for v in beside)
    size = 0.002 + 0.004 * rng.random(count)
    return [
        Zone(
            f"yard-{i}",
            ZoneKind.YARD,
            f"yard {i}",
            shapely.box(x, y, x + s, y + s),
            grace_s=120,
            min_dwell_s=60,
        )
        for i, (x, y, s) in enumerate(zip(lon, lat, size, strict=True))
    ]


def frames(size: int, ways: Roads | None, rng: np.random.Generator) -> Iterator[bytes]:
    """Encoded frames of ``size`` samples, for ever: every truck in turn, on ``ways`` or straight on."""
    reports = max(1, size // SAMPLES_A_REPORT)
    lon, lat = 97.0 + 12 * rng.random(ASSETS), 17.0 + 12 * rng.random(ASSETS)
    course, road = rng.random(ASSETS) * 2 * np.pi, rng.integers(0, 50, ASSETS)
    begin = 99 * rng.random(ASSETS)
    step = 60 / 3.6 * (_STEP_MS / 1000) / 111_000
    names = [f"asset-{i:05d}" for i in range(ASSETS)]
    devices = [f"device-{i:05d}" for i in range(ASSETS)]
    for at in itertools.count(0, reports):
        who, rounds = np.arange(at, at + reports) % ASSETS, np.arange(at, at + reports) // ASSETS
        ticks = (rounds * SAMPLES_A_REPORT)[:, None] + np.arange(SAMPLES_A_REPORT)
        if ways is None:
            x = lon[who, None] + ticks * step * np.cos(course[who, None])
            y = lat[who, None] + ticks * step * np.sin(course[who, None])
        else:
            x, y = ways.at(np.repeat(road[who, None], SAMPLES_A_REPORT, 1), begin[who, None] + ticks * step)
            x, y = x + rng.normal(0, 3e-5, x.shape), y + rng.normal(0, 3e-5, x.shape)
        yield encode_frame(_frame(who, rounds, ticks, x, y, names, devices))


def _frame(who: Any, seq: Any, ticks: Any, x: Any, y: Any, names: list[str], devices: list[str]) -> Frame:
    n = len(who)
    times = _T0 + ticks * _STEP_MS
    digests = [
        hashlib.sha256(b"%d %d" % (w, s)).digest() for w, s in zip(who.tolist(), seq.tolist(), strict=True)
    ]
    reports = {
        "device": [devices[w] for w in who.tolist()],
        "asset": [names[w] for w in who.tolist()],
        "tenant": ["main"] * n,
        "boot": ["boot"] * n,
        "boot_n": [1] * n,
        "seq": seq,
        "hash": digests,
        "prev": [None] * n,
        "received_ms": times[:, -1],
        "form": [int(Form.CBOR)] * n,
        "samples": [SAMPLES_A_REPORT] * n,
        "dropped": [0] * n,
        "facts": [None] * n,
        "raw": [b""] * n,
    }
    count = times.size
    columns: dict[str, Any] = dict.fromkeys(SAMPLES.names)
    columns |= {
        "report": np.repeat(np.arange(n), SAMPLES_A_REPORT),
        "t_ms": times.ravel(),
        "lon_e7": np.rint(x.ravel() * 1e7),
        "lat_e7": np.rint(y.ravel() * 1e7),
        "speed_ckmh": np.full(count, 6_000),
        "heading_cdeg": np.full(count, 4_500),
        "hdop_c": np.full(count, 90),
    }
    arrays = [
        pa.nulls(count, f.type) if columns[f.name] is None else pa.array(columns[f.name]).cast(f.type)
        for f in SAMPLES
    ]
    return Frame(
        pa.RecordBatch.from_pydict(reports, schema=REPORTS),
        pa.RecordBatch.from_arrays(arrays, schema=SAMPLES),
        pa.RecordBatch.from_pydict({"sample": [], "name": [], "value": []}, schema=EXTRAS),
    )


def engine_rate(world: World, ways: Roads | None, size: int, seconds: float) -> tuple[float, Engine]:
    """Samples a second of one engine, after every truck was seen six times; and the engine."""
    engine = Engine(0, world)
    source = frames(size, ways, np.random.default_rng(5))
    warm = 6 * ASSETS * SAMPLES_A_REPORT // size + 1
    count = warm + max(10, int(min(seconds * 1_500_000, 3_000_000)) // size)
    bodies = [next(source) for _ in range(count)]
    folded, begun = 0, 0.0
    for position, body in enumerate(bodies, 1):
        if position == warm + 1:
            begun = time.perf_counter()
        engine.fold(LogRecord(0, position, RecordKind.FRAME, _T0 + position, "k", body))
        if position > warm:
            folded += size
            if time.perf_counter() - begun > seconds:
                break
    return folded / (time.perf_counter() - begun), engine


def plain_rate(world: World, seconds: float) -> float:
    """Samples a second of a loop that asks the zones near each sample, one by one."""
    rng = np.random.default_rng(5)
    tree = shapely.STRtree([zone.geometry for zone in world.zones])
    shapely.prepare([zone.geometry for zone in world.zones])
    lon, lat = 97.0 + 12 * rng.random(100_000), 17.0 + 12 * rng.random(100_000)
    begun, done = time.perf_counter(), 0
    for x, y in zip(lon.tolist(), lat.tolist(), strict=True):
        point = shapely.Point(x, y)
        for number in tree.query(point):
            world.zones[number].geometry.intersects(point)
        done += 1
        if time.perf_counter() - begun > seconds:
            break
    return done / (time.perf_counter() - begun)


def main() -> int:
    """Run and tell."""
    options = parser(__doc__, 5).parse_args()
    known, gates = geofences.world()
    ways = roads(np.random.default_rng(4))
    world = World([*known, *zones(2_000, ways, np.random.default_rng(3))], gates)
    plain = plain_rate(world, min(options.seconds, 3))
    rows = []
    for size, where in ((200, ways), (2_000, ways), (20_000, ways), (2_000, None)):
        rate, engine = engine_rate(world, where, size, options.seconds)
        what = f"frames of {size} samples, {len(world.zones)} zones" + (", anywhere" * (where is None))
        rows.append(Row(what, rate, "samples/s", "plain loop over an STRtree", rate / plain))
    rows.append(Row("plain loop over an STRtree", plain, "samples/s"))
    rows.append(Row("columns of state", (engine.state.itemsize + engine.extra.nbytes() / engine.extra.size), "B/asset"))
    tell("engine", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
