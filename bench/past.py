"""The past in files: writing a chunk, reading one asset's samples, state and objects, and what it weighs.

Trucks drive at changing speeds with a sample every ten seconds and measured noise. Each of ``--files``
chunks holds a million samples of 60,000 assets, 17 of each, so one asset's samples lie in all files.
Beside reading from the files: slicing the same samples out of sorted arrays in memory.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from bench.report import Row, parser, tell
from streams.engine.rows import NAMES, Rows
from streams.past import Chunk, KeptObject, KeptState
from streams.runtime.chunks import ChunkFiles
from streams.runtime.chunks_file import HEAD, Name, sealed, unsealed

ROWS: Final = 1_000_000
START: Final = 1_760_000_000_000
STATE, OBJECT = bytes(range(256)), bytes(300)


def main() -> None:
    """Prints a table and writes the JSON that is asked for."""
    words = parser(__doc__, 2.0)
    words.add_argument("--files", type=int, default=30)
    args = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="past-") as folder:
        rows = [*writing(Path(folder) / "write"), *reading(Path(folder) / "read", args.files, args.seconds)]
        rows += many_assets(Path(folder) / "open")
    tell("past", rows, args.json)


def writing(folder: Path) -> Iterator[Row]:
    """Chunks of 5,000 assets with 200 samples each, 5,000 states and 10,000 objects."""
    fleet, past, best = Fleet(5_000), ChunkFiles(folder), float("inf")
    for k in range(4):
        states, objects = kept(5_000, k)
        chunk = Chunk(k * 2_000, (k + 1) * 2_000, fleet.drive(200, k * 2_000, 2_000), states, [], objects)
        began = time.perf_counter()
        past.write(chunk)
        best = min(best, time.perf_counter() - began)
    yield Row("write of 1,000,000 samples, 5,000 states, 10,000 objects, best of 4", best * 1e3, "ms")
    content = 5_000 * len(STATE) + 10_000 * len(OBJECT)
    yield Row("bytes of a sample, 200 of an asset together", (size(folder) / 4 - content) / ROWS, "bytes")


def reading(folder: Path, files: int, seconds: float) -> Iterator[Row]:
    """One asset out of all files, before and after compaction; beside it arrays in memory."""
    assets, per = 60_000, 17
    fleet, past, rng, one = Fleet(assets), ChunkFiles(folder), np.random.default_rng(2), []
    for k in range(files):
        rows = fleet.drive(per, k * 2_000, 2_000)
        states, objects = kept(5_000, k)
        past.write(Chunk(k * 2_000, (k + 1) * 2_000, rows, states, [], objects))
        if k == 0:
            one.append(rows.take(np.lexsort((rows.t, rows.asset))))
    end, total = past.end, files * assets * per
    yield Row("bytes of a sample, 17 of an asset together", size(folder) / total, "bytes")

    def sliced(asset: int) -> None:
        a, b = np.searchsorted(one[0].asset, [asset, asset + 1])
        for _ in range(files):
            one[0].take(slice(int(a), int(b)))

    picked = rng.integers(0, 5_000, 200).tolist()
    arrays = best_of(sliced, picked, seconds)

    def figures(of: str) -> Iterator[Row]:
        got = best_of(lambda asset: past.rows(asset, 0, end), picked, seconds)
        yield Row(
            f"rows of one asset, {files * per} samples of {total:,}, {of}", got, "us", "arrays", got / arrays
        )
        got = best_of(lambda asset: past.rows(asset, fleet.t - 1_200_000, end), picked, seconds)
        yield Row(f"its last 20 minutes, {of}", got, "us")
        got = best_of(lambda asset: past.state(asset, fleet.t, end), picked, seconds)
        yield Row(f"newest state, {of}", got, "us")
        middle = START + (fleet.t - START) // 2
        got = best_of(lambda asset: past.state(asset, middle, end), picked, seconds)
        yield Row(f"state before the middle, {of}", got, "us")
        got = best_of(lambda asset: past.objects(asset, middle, end), picked, seconds)
        yield Row(f"objects since the middle, {of}", got, "us")

    yield from figures(f"{files} files")
    began, did = time.perf_counter(), 0
    while past.compact():
        did += 1
    took = time.perf_counter() - began
    merged = did * 8 * assets * per
    yield Row(f"compaction, {did} merges of eight", merged / took if did else 0.0, "samples/s")
    yield from figures(f"{len(list(folder.glob('*.past')))} files")


def many_assets(folder: Path) -> Iterator[Row]:
    """100 files with a sample and a state of each of a million assets in all: memory of an open folder."""
    writer, fleet = ChunkFiles(folder), Fleet(1_000_000)
    for k in range(2):
        rows = fleet.drive(1, k, 1)
        states = [KeptState(asset, fleet.t, k + 1, STATE) for asset in range(0, 1_000_000, 10)]
        writer.write(Chunk(k, k + 1, rows, states, [], []))
    source = sorted(folder.glob("*.past"))[1]
    del writer, rows, states
    for k in range(2, 100):
        clone(source, folder, k)
    before = resident()
    began = time.perf_counter()
    past = ChunkFiles(folder)
    took = time.perf_counter() - began
    yield Row("opening 100 files of 1,000,000 assets", took * 1e3, "ms")
    yield Row("memory that it takes", (resident() - before) / 1e6, "MB")
    for asset in range(0, 1_000_000, 1_000):
        past.state(asset, fleet.t + 1, past.end)
        past.rows(asset, 0, past.end)
    yield Row("and after 1,000 assets were read (pages that the system may take back)", mapped() / 1e6, "MB")


def clone(source: Path, folder: Path, position: int) -> None:
    """The same file for another position: only its header and name differ."""
    data = source.read_bytes()
    head = unsealed(source, data[:HEAD]) | {"first": position, "last": position + 1}
    (folder / str(Name(position, position + 1, 0, 0))).write_bytes(sealed(head) + data[HEAD:])


class Fleet:
    """Trucks that drive on; each call of ``drive`` gives their next samples."""

    def __init__(self, assets: int) -> None:
        self.rng, self.t = np.random.default_rng(1), START
        self.lon, self.lat = self.rng.integers(900_000_000, 1_200_000_000, (2, assets))
        self.speed, self.way = self.rng.uniform(5, 25, assets), self.rng.integers(0, 10**12, assets)
        self.heading = self.rng.uniform(0, 36_000, assets)

    def drive(self, samples: int, first: int, span: int) -> Rows:
        """``samples`` of each truck in order of receipt, spread over ``span`` log positions."""
        n, parts, begun = len(self.lon), [], self.t
        for k in range(samples):
            self.t += 10_000
            self.speed = np.clip(self.speed + self.rng.normal(0, 1.0, n), 0, 30)
            self.heading = (self.heading + self.rng.normal(0, 300, n)) % 36_000
            angle = self.heading * (np.pi / 18_000)
            self.lon = self.lon + np.rint(
                np.sin(angle) * self.speed * 10 * 90 + self.rng.normal(0, 20, n)
            ).astype(int)
            self.lat = self.lat + np.rint(
                np.cos(angle) * self.speed * 10 * 90 + self.rng.normal(0, 20, n)
            ).astype(int)
            self.way = self.way + (self.speed * 10_000).astype(int)
            ckmh = np.rint(self.speed * 360).astype(int)
            columns = {"asset": np.arange(n), "t": np.full(n, self.t), "lon": self.lon, "lat": self.lat}
            columns |= {"speed": ckmh, "wheel": ckmh + self.rng.integers(-20, 20, n), "odometer": self.way}
            columns |= {"heading": self.heading.astype(int), "hdop": self.rng.integers(70, 90, n)}
            columns |= {"sats": self.rng.integers(9, 12, n), "fix": np.full(n, 3)}
            report = k // 10  # of ten samples
            columns["received"] = np.full(n, begun + (report + 1) * 100_000) + np.arange(n) % 977
            position = first + 1 + (report * span * 10) // samples + np.arange(n) * span * 10 // samples // n
            parts.append(columns | {"position": np.minimum(position, first + span)})
        return Rows(*(np.concatenate([part[name] for part in parts]) for name in NAMES))


def kept(assets: int, k: int) -> tuple[list[KeptState], list[KeptObject]]:
    """A state and two objects of each asset in the k-th chunk of 2,000 positions."""
    t, at = START + k * 170_000, k * 2_000 + 2_000
    states = [KeptState(asset, t, at, STATE) for asset in range(assets)]
    ids = ((asset, n) for asset in range(assets) for n in range(2))
    return states, [KeptObject(asset, f"visit-{asset}-{k}-{n}", t + n, at, OBJECT) for asset, n in ids]


def best_of(read: Callable[[int], object], assets: list[int], seconds: float) -> float:
    """Microseconds of a read: the least over the rounds of the mean over the assets."""
    best, stop = float("inf"), time.perf_counter() + seconds / 5
    while time.perf_counter() < stop or best == float("inf"):
        began = time.perf_counter()
        for asset in assets:
            read(asset)
        best = min(best, (time.perf_counter() - began) / len(assets))
    return best * 1e6


def size(folder: Path) -> int:
    """Bytes of the folder's files."""
    return sum(path.stat().st_size for path in folder.iterdir())


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def resident() -> int:
    """Bytes of this process's own memory, without files mapped."""
    return _status("RssAnon")


def mapped() -> int:
    """Bytes of mapped files that are in memory."""
    return _status("RssFile")


if __name__ == "__main__":
    main()
