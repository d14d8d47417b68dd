"""How fast points find their zones: `ZoneIndex` beside plain shapely and beside a naive STRtree.

    python -m bench.geofence [--json FILE] [--seconds S]

Trucks drive along the road Kunming - Vientiane among 2,000 and 20,000 yards and all countries. The peers
answer the same points one at a time in the same run, and their verdicts must be equal, else exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences import Zone, ZoneIndex, ZoneKind, geodesy, world

Floats: TypeAlias = NDArray[np.float64]
Row: TypeAlias = dict[str, Any]

ROAD = [(102.718, 25.039), (100.975, 22.789), (101.551, 21.469), (101.6877, 21.1908), (101.6726, 21.1842)]
ROAD += [(101.645, 21.059), (101.984, 20.692), (102.136, 19.889), (102.448, 18.924), (102.6, 17.967)]


def drive(trucks: int, samples: int, seed: int) -> tuple[Floats, Floats]:
    """Fixes of trucks along the road, one a row of time: (samples * trucks) columns, trucks mixed."""
    rng = np.random.default_rng(seed)
    knots = np.array(ROAD)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(knots, axis=0).T))]
    at = rng.uniform(0, along[-1], trucks) + np.arange(samples)[:, None] * 0.0003
    lon, lat = (np.interp(at % along[-1], along, knots[:, axis]).ravel() for axis in (0, 1))
    return lon + rng.normal(0, 5e-5, lon.size), lat + rng.normal(0, 5e-5, lat.size)


def yards(count: int, seed: int) -> list[Zone]:
    """Yards of 100 to 1,000 m beside the road, some over each other."""
    rng = np.random.default_rng(seed)
    lon, lat = drive(count, 1, seed)
    middle = np.stack([lon, lat], axis=1) + rng.normal(0, 0.01, (count, 2))
    shapes = shapely.buffer(shapely.points(middle), rng.uniform(0.0005, 0.005, count), quad_segs=4)
    return [Zone(f"yard-{n}", ZoneKind.YARD, "yard", shape) for n, shape in enumerate(shapes)]


def per_second(work: Callable[[], int], seconds: float) -> float:
    """Units of work a second, the best of five rounds that share the time."""
    best = 0.0
    for _ in range(5):
        done, begin = 0, time.perf_counter()
        while (passed := time.perf_counter() - begin) < seconds / 5:
            done += work()
        best = max(best, done / passed)
    return best


def by_frames(index: ZoneIndex, lon: Floats, lat: Floats, size: int) -> Callable[[], int]:
    """Work that asks the index one frame after another, round and round."""
    starts = cycle(range(0, len(lon) - size + 1, size))

    def work() -> int:
        start = next(starts)
        index.locate(lon[start : start + size], lat[start : start + size])
        return size

    return work


def loop_verdicts(zones: Sequence[Zone], lon: Floats, lat: Floats) -> list[tuple[int, ...]]:
    """The plain way: each point against each prepared polygon."""
    shapes = [zone.geometry for zone in zones]
    shapely.prepare(shapes)
    points = shapely.points(lon, lat)
    return [tuple(n for n, shape in enumerate(shapes) if shape.intersects(point)) for point in points]


def tree_verdicts(tree: shapely.STRtree, lon: Floats, lat: Floats) -> list[tuple[int, ...]]:
    """The usual way: each point asks a tree of bounding boxes, which tests what it finds."""
    points = shapely.points(lon, lat)
    return [tuple(sorted(tree.query(point, predicate="intersects").tolist())) for point in points]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def among(count: int, lon: Floats, lat: Floats, seconds: float) -> tuple[list[Row], bool]:
    """Rows for the road with so many yards, and whether the peers' verdicts are the index's."""
    zones = [*world()[0], *yards(count, 2)]
    index, built = timed(lambda: ZoneIndex(zones))
    rows = [row(f"index of {count} yards and all countries built", built, "s")]
    cold, first = timed(lambda: index.locate(lon, lat))
    rows.append(row(f"{count} yards: first answer to {lon.size} fixes, cells made on the way", first, "s"))
    for _ in range(8):
        index.locate(lon, lat)
    sample = np.random.default_rng(3).integers(0, lon.size, 300)
    got = [index.members(number) for number in cold[sample].tolist()]
    tree = shapely.STRtree([zone.geometry for zone in zones])
    looped, loop_s = timed(lambda: loop_verdicts(zones, lon[sample], lat[sample]))
    asked, tree_s = timed(lambda: tree_verdicts(tree, lon[sample], lat[sample]))
    for size in (200, 2_000, 20_000):
        rate = per_second(by_frames(index, lon, lat, size), seconds)
        what = f"{count} yards and all countries, frames of {size}"
        rows.append(row(what, rate, "fixes/s", "plain shapely loop", rate * loop_s / len(sample)))
        rows.append(row(what, rate, "fixes/s", "STRtree a point", rate * tree_s / len(sample)))
    cut_rows, cuts_equal = ways_through(index, tree, lon, lat, seconds, f"{count} yards")
    return rows + cut_rows, looped == got and asked == got and cuts_equal


def ways_through(
    index: ZoneIndex, tree: shapely.STRtree, lon: Floats, lat: Floats, seconds: float, among: str
) -> tuple[list[Row], bool]:
    """2,000 ways of 170 m through the yards: rows, and whether the cuts are those of shapely."""
    bearing = np.random.default_rng(6).uniform(0, 360, 2_000)
    start = lon[:2_000], lat[:2_000]
    end = geodesy.destination(*start, bearing, np.full(2_000, 170.0))
    (sets0, cells0), (sets1, cells1) = index.locate_cells(*start), index.locate_cells(*end)
    segment, zone = index.cut(*start, *end, (cells0, cells1), (sets0, sets1))
    got = list(zip(segment.tolist(), zone.tolist(), strict=True))
    rate = per_second(lambda: (index.cut(*start, *end, (cells0, cells1), (sets0, sets1)), 2_000)[1], seconds)
    wanted, took = timed(lambda: tree_cuts(index, tree, start, end, 300))
    what = f"ways of 170 m among {among} looked through for cuts, frames of 2000"
    rows = [row(what, rate, "segments/s", "STRtree a way", rate * took / 300)]
    return rows, [pair for pair in got if pair[0] < 300] == wanted


def tree_cuts(
    index: ZoneIndex, tree: shapely.STRtree, start: tuple[Floats, Floats], end: tuple[Floats, Floats], n: int
) -> list[tuple[int, int]]:
    """The usual way for the first ``n`` ways: a line asks the tree, then both its ends are tested."""
    out = []
    for at in range(n):
        first, last = (shapely.Point(lon[at], lat[at]) for lon, lat in (start, end))
        for zone in sorted(tree.query(shapely.LineString([first, last]), predicate="intersects").tolist()):
            shape = index.zones[zone].geometry
            country = index.zones[zone].kind is ZoneKind.COUNTRY
            if not country and not shape.intersects(first) and not shape.intersects(last):
                out.append((at, zone))
    return out


def big_and_small(seconds: float) -> tuple[list[Row], bool]:
    """A country of 100,000 vertices beside one of 50, the same points."""
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(97, 107, 100_000), rng.uniform(15, 25, 100_000)
    rates, equal = [], True
    for vertices in (50, 100_000):
        angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
        radius = 4 + 0.3 * np.sin(9 * angle) + rng.normal(0, 1e-5, vertices)
        points = np.stack([102 + radius * np.cos(angle), 20 + radius * np.sin(angle)], axis=1)
        shape = shapely.Polygon(points)
        shape = shape if shape.is_valid else shapely.make_valid(shape)
        index = ZoneIndex([Zone("land", ZoneKind.COUNTRY, "land", shape, country="LA")])
        for _ in range(8):
            sets = index.locate(lon, lat)
        equal &= bool((sets.astype(bool) == shapely.intersects_xy(shape, lon, lat)).all())
        rates.append(per_second(by_frames(index, lon, lat, 2_000), seconds))
    small, big = rates
    what = "a country of 100,000 vertices, frames of 2000"
    return [row(what, big, "fixes/s", "a country of 50", big / small)], equal


def measure(seconds: float) -> tuple[list[Row], bool]:
    """All rows, and whether every verdict was equal."""
    lon, lat = drive(5_000, 40, 1)
    few, few_equal = among(2_000, lon, lat, seconds / 10)
    many, many_equal = among(20_000, lon, lat, seconds / 10)
    country, country_equal = big_and_small(seconds / 10)
    rows = few + many + country + others(lon, lat, seconds / 10)
    return rows, few_equal and many_equal and country_equal


def others(lon: Floats, lat: Floats, seconds: float) -> list[Row]:
    """The border itself, cuts, distances, and loading."""
    index = ZoneIndex(world()[0])
    rng = np.random.default_rng(4)
    near = rng.uniform(101.6, 101.76, 40_000), rng.uniform(21.11, 21.27, 40_000)
    for _ in range(3):
        index.locate(*near)
    rate = per_second(by_frames(index, *near, 2_000), seconds)
    rows = [row("anywhere within 8 km of the gate Mohan - Boten, frames of 2000", rate, "fixes/s")]
    ends = lon[:2_000], lat[:2_000], lon[5_000:7_000], lat[5_000:7_000]
    cells = index.locate_cells(*ends[:2])[1], index.locate_cells(*ends[2:])[1]
    rate = per_second(lambda: (index.cut(*ends, cells=cells), 2_000)[1], seconds)
    rows.append(
        row("ways of 30 m far from small zones looked through for cuts, cells known", rate, "segments/s")
    )
    rate = per_second(lambda: geodesy.distance_mm(*ends).size, seconds)
    sphere = per_second(lambda: haversine(*ends).size, seconds)
    rows.append(row("distances on the ellipsoid", rate, "segments/s", "haversine on a sphere", rate / sphere))
    many = yards(100_000, 5)
    _, took = timed(lambda: ZoneIndex(many))
    rows.append(row("index of 100,000 yards built", took, "s"))
    return rows


def haversine(lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats) -> Floats:
    p0, p1, half = np.radians(lat0), np.radians(lat1), np.radians(lon1 - lon0) / 2
    a = np.sin((p1 - p0) / 2) ** 2 + np.cos(p0) * np.cos(p1) * np.sin(half) ** 2
    return np.asarray(2 * geodesy.MEAN_RADIUS_M * np.arcsin(np.sqrt(a)))


def row(what: str, value: float, unit: str, peer: str | None = None, ratio: float | None = None) -> Row:
    out: Row = {"what": what, "value": value, "unit": unit}
    return out if peer is None else out | {"peer": peer, "ratio": ratio}


def main() -> int:
    """Print a table, write JSON when asked; 0 when all verdicts agree, 1 when one does not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=12.0)
    args = parser.parse_args()
    rows, equal = measure(args.seconds)
    for line in rows:
        beside = f"   {line['ratio']:,.1f} x {line['peer']}" if "peer" in line else ""
        value = f"{line['value']:,.0f}" if line["value"] >= 100 else f"{line['value']:.3f}"
        print(f"{line['what']:<75} {value:>14} {line['unit']}{beside}")
    print("verdicts equal" if equal else "VERDICTS DIFFER")
    if args.json:
        args.json.write_text(json.dumps({"bench": "geofence", "rows": rows}, indent=1) + "\n", "utf-8")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
