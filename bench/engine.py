"""The engine alone on one core: frames folded a second, with 2,000 zones and all countries.

5,000 assets drive in order, 10 samples a report. Beside it in the same run: a plain loop that asks each
zone near the truck for each sample with shapely, which is what the engine must beat.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

import geofences
from bench.report import Row, parser, tell
from geofences.zone import Zone, ZoneKind
from streams.codec import encode_frame
from streams.engine import Engine, World
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind

ASSETS: Final = 5_000
SAMPLES_A_REPORT: Final = 10
_T0: Final = 1_790_000_000_000
_STEP_MS: Final = 10_000


def zones(count: int, rng: np.random.Generator) -> list[Zone]:
    """Yards of some hundred metres beside the ways of the trucks."""
    lon, lat = 97.0 + 12 * rng.random(count), 17.0 + 12 * rng.random(count)
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


def frames(size: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Encoded frames of ``size`` samples, for ever: every asset in turn, each driving on."""
    reports = max(1, size // SAMPLES_A_REPORT)
    lon, lat = 97.0 + 12 * rng.random(ASSETS), 17.0 + 12 * rng.random(ASSETS)
    course = rng.random(ASSETS) * 2 * np.pi
    step = 60 / 3.6 * (_STEP_MS / 1000) / 111_000
    seq = np.zeros(ASSETS, np.int64)
    at = 0
    names = [f"asset-{i:05d}" for i in range(ASSETS)]
    devices = [f"device-{i:05d}" for i in range(ASSETS)]
    while True:
        who = np.arange(at, at + reports) % ASSETS
        rounds = (at + np.arange(reports)) // ASSETS
        at += reports
        ticks = (rounds * SAMPLES_A_REPORT)[:, None] + np.arange(SAMPLES_A_REPORT)
        x = lon[who, None] + ticks * step * np.cos(course[who, None])
        y = lat[who, None] + ticks * step * np.sin(course[who, None])
        yield encode_frame(_frame(who, rounds, ticks, x, y, names, devices))
        seq[who] += 1


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


def engine_rate(world: World, size: int, seconds: float) -> tuple[float, Engine]:
    """Samples a second of one engine, after every asset was seen twice; and the engine."""
    engine = Engine(0, world)
    source = frames(size, np.random.default_rng(5))
    warm = 2 * ASSETS * SAMPLES_A_REPORT // size + 1
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
    world = World([*known, *zones(2_000, np.random.default_rng(3))], gates)
    plain = plain_rate(world, min(options.seconds, 3))
    rows = []
    for size in (200, 2_000, 20_000):
        rate, engine = engine_rate(world, size, options.seconds)
        what = f"frames of {size} samples, {len(world.zones)} zones"
        rows.append(Row(what, rate, "samples/s", "plain loop over an STRtree", rate / plain))
    rows.append(Row("plain loop over an STRtree", plain, "samples/s"))
    rows.append(Row("columns of state", engine.assets.nbytes() / engine.assets.size, "B/asset"))
    tell("engine", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
