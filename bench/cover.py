"""What covers cost the engine: samples a second with none covered, a tenth, and all.

The fleet of ``bench.engine`` (10 samples a report, frames of 2,000, yards by its roads). The engines fold the
same frames, in turns of 25, so that whatever else runs on the machine slows all alike; one more goes ahead
of them and makes the index of the ground. Rates are of the thread's CPU time in the median turn. In a second
pass samples are a second apart, so that each pair of them is judged.
"""

from __future__ import annotations

import itertools
import sys
import time
from statistics import median
from typing import Final

import numpy as np

import geofences
from bench.fleet import ASSETS, SAMPLES_A_REPORT, T0, frame_of, frames, roads, zones
from bench.report import Row, parser, tell
from streams.codec import dump_json, encode_frame
from streams.engine import Engine, World
from streams.records import LogRecord, RecordKind

_SIZE: Final = 2_000
_TURN: Final = 25
_SHARES: Final = {"none covered": 0, "a tenth covered": 10, "all covered": 1}


def engine_of(world: World, every: int) -> Engine:
    """An engine in which each ``every``-th vehicle has a cover; 0: none."""
    engine = Engine(0, world)
    for number in range(0, ASSETS, every) if every else ():
        asset = f"asset-{number:05d}"
        engine.registry.assets[asset] = {"tenant": "main", "revision": 1, "data": {"vin": asset}}
        data = {
            "asset": asset,
            "number": str(number),
            "insurer": "one",
            "countries": ["CN", "LA", "TH", "VN", "MM"],
            "from_ms": T0 - 1,
            "until_ms": T0 + 365 * 86_400_000,
        }
        command = {"id": f"c{number}", "command": "cover.write", "tenant": "main", "by": "", "data": data}
        position = engine.position + 1
        engine.fold(LogRecord(0, position, RecordKind.COMMAND, T0, "k", dump_json(command)))
    return engine


def close_frames(count: int) -> list[bytes]:
    """Frames of reports whose samples are a second apart, at a speed that changes gently."""
    rng, made, reports = np.random.default_rng(3), [], _SIZE // SAMPLES_A_REPORT
    names = [f"asset-{n:05d}" for n in range(ASSETS)]
    lon, lat = 100 + 4 * rng.random(ASSETS), 18 + 4 * rng.random(ASSETS)
    for number in range(count):
        first = number * reports % ASSETS
        who = np.arange(first, first + reports) % ASSETS
        turn = number * reports // ASSETS
        ticks = (
            turn * SAMPLES_A_REPORT + np.arange(SAMPLES_A_REPORT)[None, :] + np.zeros((reports, 1), np.int64)
        )
        x = lon[who][:, None] + ticks * 1e-4
        y = np.broadcast_to(lat[who][:, None], x.shape)
        speed = 6_000 + rng.integers(-300, 300, ticks.shape)
        seq = np.full(reports, turn)
        received = T0 + int(ticks.max()) * 1_000
        frame = frame_of(who, seq, ticks, x.ravel(), y.ravel(), names, names, received, 1_000, speed)
        made.append(encode_frame(frame))
    return made


def rates(world: World, bodies: list[bytes], warm: int) -> dict[str, float]:
    """Samples a second of each engine over the whole turns after the first ``warm`` frames."""
    engines = {name: engine_of(world, every) for name, every in _SHARES.items()}
    first_one = Engine(0, world)  # makes the index of the ground that all drive on
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for first in range(0, len(bodies) - _TURN + 1, _TURN):
        some = bodies[first : first + _TURN]
        for at, body in enumerate(some):
            record = LogRecord(0, first + at + 1, RecordKind.FRAME, T0 + (first + at) * 1_000, "k", body)
            first_one.fold(record)
        turn = first // _TURN % len(engines)
        for name, engine in [*engines.items()][turn:] + [*engines.items()][:turn]:
            begun = time.thread_time()
            for at, body in enumerate(some):
                position, now = engine.position + 1, T0 + (first + at) * 1_000
                engine.fold(LogRecord(0, position, RecordKind.FRAME, now, "k", body))
            if first >= warm:
                spent[name].append(time.thread_time() - begun)
    return {name: _TURN * _SIZE / median(turns) for name, turns in spent.items()}


def main() -> int:
    """Run and tell."""
    options = parser(__doc__, 40).parse_args()
    ways = roads(np.random.default_rng(7))
    listed, gates = geofences.world()
    world = World([*listed, *zones(2_000, ways, np.random.default_rng(8))], gates)
    warm = 6 * ASSETS * SAMPLES_A_REPORT // _SIZE
    count = warm + max(100, int(options.seconds * 15))
    source = itertools.islice(frames(_SIZE, ways, np.random.default_rng(5)), count)
    rows = []
    for what, bodies in (
        ("10 s apart", [body for _, body in source]),
        ("1 s apart", close_frames(count)),
    ):
        found = rates(world, bodies, warm)
        plain = found["none covered"]
        for name, rate in found.items():
            rows.append(Row(f"{what}, {name}", rate, "samples/s", "none covered", rate / plain))
    tell("cover", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
