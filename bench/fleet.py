"""A fleet that the engine's benchmarks follow: trucks on roads, and what goes wrong with their reports."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from geofences.zone import Zone, ZoneKind
from streams.codec import encode_frame
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

ASSETS: Final = 5_000
SAMPLES_A_REPORT: Final = 10
_PIECES: Final = 1_000  # of a road
T0: Final = 1_790_000_000_000
STEP_MS: Final = 10_000


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
    return yards(lon, lat, rng)


def yards(lon: Floats, lat: Floats, rng: np.random.Generator) -> list[Zone]:
    """Yards with their south-western corners at these places."""
    size = 0.002 + 0.004 * rng.random(len(lon))
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


def hot_zones(count: int, ways: Roads, rng: np.random.Generator) -> list[Zone]:
    """Yards crowded where trucks drive: 200 places on roads, all zones within some 3 km of one."""
    places = 200
    lon, lat = ways.at(rng.integers(0, len(ways.length), places), 99 * rng.random(places))
    at = rng.integers(0, places, count)
    x, y = lon[at] + rng.normal(0, 0.012, count), lat[at] + rng.normal(0, 0.012, count)
    return yards(x, y, rng)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong on the way: shares of reports that come up to an hour late, or twice, and of frames
    whose reports are shuffled."""

    late: float = 0.0
    doubled: float = 0.0
    shuffled: float = 0.0


FINE: Final = Trouble()


def frames(
    size: int,
    ways: Roads | None,
    rng: np.random.Generator,
    trouble: Trouble = FINE,
    assets: list[str] | None = None,
) -> Iterator[tuple[int, bytes]]:
    """Encoded frames of some ``size`` samples each, for ever: every truck in turn, on ``ways`` or straight.

    Before each frame the number of its samples; what comes twice does not count twice. ``assets``: their
    names, ASSETS of them.
    """
    reports = max(1, size // SAMPLES_A_REPORT)
    lon, lat = 97.0 + 12 * rng.random(ASSETS), 17.0 + 12 * rng.random(ASSETS)
    course, road = rng.random(ASSETS) * 2 * np.pi, rng.integers(0, 50, ASSETS)
    begin = 99 * rng.random(ASSETS)
    step = 60 / 3.6 * (STEP_MS / 1000) / 111_000
    names = assets or [f"asset-{i:05d}" for i in range(ASSETS)]
    devices = [f"device-{i:05d}" for i in range(ASSETS)]
    hour = 3_600_000 // (STEP_MS * SAMPLES_A_REPORT)  # rounds in an hour
    waiting: dict[int, list[Ints]] = {}
    for number, at in enumerate(itertools.count(0, reports)):
        sent = np.arange(at, at + reports)
        if trouble.late:
            late = sent[rng.random(reports) < trouble.late]
            for report, rounds in zip(
                late.tolist(), rng.integers(1, hour + 1, len(late)).tolist(), strict=True
            ):
                waiting.setdefault(number + rounds * ASSETS // reports, []).append(np.array([report]))
            sent = np.concatenate([np.setdiff1d(sent, late), *waiting.pop(number, [])])
        count = len(sent) * SAMPLES_A_REPORT
        if trouble.doubled:
            sent = np.concatenate([sent, sent[rng.random(len(sent)) < trouble.doubled]])
        if rng.random() < trouble.shuffled:
            sent = rng.permutation(sent)
        who, rounds = sent % ASSETS, sent // ASSETS
        ticks = (rounds * SAMPLES_A_REPORT)[:, None] + np.arange(SAMPLES_A_REPORT)
        if ways is None:
            x = lon[who, None] + ticks * step * np.cos(course[who, None])
            y = lat[who, None] + ticks * step * np.sin(course[who, None])
        else:
            x, y = ways.at(np.repeat(road[who, None], SAMPLES_A_REPORT, 1), begin[who, None] + ticks * step)
            x, y = x + rng.normal(0, 3e-5, x.shape), y + rng.normal(0, 3e-5, x.shape)
        now = T0 + (at + reports) // ASSETS * SAMPLES_A_REPORT * STEP_MS
        yield count, encode_frame(frame_of(who, rounds, ticks, x, y, names, devices, now))


def frame_of(
    who: Any,
    seq: Any,
    ticks: Any,
    x: Any,
    y: Any,
    names: list[str],
    devices: list[str],
    now: int,
    step_ms: int = STEP_MS,
    speed: Any = 6_000,
) -> Frame:
    """A frame of one report of each of ``who`` (numbers into the names), numbered ``seq``.

    ``ticks``: int64[reports, samples], times of samples in steps after T0; ``x``, ``y``: degrees of each;
    ``speed``: 0.01 km/h.
    """
    n, each = ticks.shape
    times = T0 + ticks * step_ms
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
        "received_ms": np.maximum(times[:, -1], now),
        "form": [int(Form.CBOR)] * n,
        "samples": [each] * n,
        "dropped": [0] * n,
        "facts": [None] * n,
        "raw": [b""] * n,
        "signature": [None] * n,
        "key": [None] * n,
    }
    count = times.size
    columns: dict[str, Any] = dict.fromkeys(SAMPLES.names)
    columns |= {
        "report": np.repeat(np.arange(n), each),
        "t_ms": times.ravel(),
        "lon_e7": np.rint(x.ravel() * 1e7),
        "lat_e7": np.rint(y.ravel() * 1e7),
        "speed_ckmh": np.broadcast_to(speed, times.shape).ravel(),
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
