"""The store in InfluxDB: rendering, writing and one asset's day, against the ways that are usual.

Rendering is measured against the client's Point objects, the read of a day against Flux with ``pivot``, each
in the same run. Starts an InfluxDB of its own (``make servers``), or uses CORRIDOR_TEST_INFLUX_URL.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point

from bench.history import FIRST_DAY, Row, frames, row, timed
from feeds.store.influx.client import Client, Place
from feeds.store.influx.lines import INTEGERS, MEASURED, render
from feeds.store.influx.queries import TRACK_TEXT
from feeds.store.influx.store import InfluxStore
from feeds.store.names import Names
from feeds.store.periods import DAY_MS
from feeds.store.schema import rows_of
from streams.records import Frame
from tests.distributed import servers
from tests.distributed.process import ServerError

POINTS: Final = 2_000
BATCH: Final = 50_000
_FLUX: Final = """
from(bucket: _bucket) |> range(start: time(v: _start), stop: time(v: _stop))
  |> filter(fn: (r) => r._measurement == "samples" and r.asset == _asset)
  |> filter(fn: (r) => %s)
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> drop(columns: ["_start", "_stop", "_measurement", "asset", "device"])
"""


def main() -> int:
    """Prints a table and writes the JSON that is asked for; 0 too when there is no InfluxDB."""
    parser = argparse.ArgumentParser(prog="bench.influx", description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=12.0, help="how long to read, all in all")
    parser.add_argument(
        "--samples", type=int, default=200_000, help="of other assets than the one that is read"
    )
    args = parser.parse_args()
    rows = rendering(frames(100, 20_000, FIRST_DAY))
    try:
        with tempfile.TemporaryDirectory(prefix="influx-") as folder, servers.influx(Path(folder)) as server:
            rows += served(server, args.samples, args.seconds)
    except ServerError as error:
        print(f"without an InfluxDB only rendering is measured: {error}")
    for one in rows:
        beside = f"   {one['ratio']:.2f} of {one['peer']}" if "ratio" in one else ""
        print(f"{one['what']:<70} {one['value']:>14,.2f} {one['unit']}{beside}")
    if args.json:
        args.json.write_text(json.dumps({"bench": "influx", "rows": rows}, indent=1))
    return 0


def best(work: Callable[[], Any], times: int = 8) -> float:
    """CPU seconds of this thread, the least of some runs."""
    least = float("inf")
    for _ in range(times):
        begin = time.thread_time()
        work()
        least = min(least, time.thread_time() - begin)
    return least


def rendering(batch: list[Frame]) -> list[Row]:
    """Frames to line protocol, in columns and by Point objects."""
    names = Names()
    rows = rows_of(batch, names)
    count = rows.samples.num_rows
    ours = best(lambda: render(rows_of(batch, Names()), names)) / count
    few = rows.samples.slice(0, POINTS).to_pylist()
    theirs = best(lambda: [point(sample, names) for sample in few], 3) / POINTS
    return [
        row("rendering, CPU", ours * 1e6, "us/sample", peer="Point objects", ratio=ours / theirs),
        row("rendering by Point objects, CPU", theirs * 1e6, "us/sample"),
        row("bytes of a line", len(render(rows, names).text) / count, "bytes"),
    ]


def point(sample: dict[str, Any], names: Names) -> str:
    """One sample as line protocol, by the client's own means."""
    made: Any = Point("samples")  # type: ignore[no-untyped-call]
    for tag in ("asset", "device"):
        made = made.tag(tag, names.text(sample[tag]))
    for name in ("hash", "received_ms", *MEASURED):
        if sample[name] is not None:
            made = made.field(name, sample[name])
    return str(made.time(sample["t_ms"] * 10**6).to_line_protocol())


def served(server: servers.Influx, samples: int, seconds: float) -> list[Row]:
    """Writing and reading on a real server, in a bucket of its own that is deleted again."""
    with InfluxDBClient(server.url, server.token, org=server.org, timeout=60_000) as api:
        buckets = api.buckets_api()
        bucket = buckets.create_bucket(bucket_name=f"bench-{uuid.uuid4().hex}", org=server.org)
        try:
            client = Client(Place(server.url, server.org, bucket.name), server.token)
            with InfluxStore(client) as store:
                return [*written(store, server, samples), *read(store, server, client, api, seconds)]
        finally:
            buckets.delete_bucket(bucket)


def written(store: InfluxStore, server: servers.Influx, samples: int) -> list[Row]:
    """A day of ``asset-0``, a sample a second, then a fleet, in batches as StoreWriter makes them."""
    store.write(0, 1, frames(1, 86_400 // 2_000 * 2_000 + 2_000, FIRST_DAY))
    fleet = frames(200, samples, FIRST_DAY + 1)
    served_cpu = cpu_of(server)
    per = BATCH // fleet[0].samples.num_rows
    with timed() as spent:
        for position, k in enumerate(range(0, len(fleet), per), start=2):
            store.write(0, position, fleet[k : k + per])
    out = [
        row(f"write, batches of {BATCH:,}, confirmed", samples / spent["wall"], "samples/s"),
        row("write, this side's CPU", spent["cpu"] / samples * 1e6, "us/sample"),
    ]
    if served_cpu is not None:
        now = cpu_of(server) or 0.0
        out.append(row("write, the server's CPU", (now - served_cpu) / samples * 1e6, "us/sample"))
    return out


def cpu_of(server: servers.Influx) -> float | None:
    """CPU seconds of a server that runs here."""
    if not server.running or not Path("/proc").is_dir():
        return None
    words = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def read(
    store: InfluxStore, server: servers.Influx, client: Client, api: InfluxDBClient, seconds: float
) -> list[Row]:
    """One asset's day of 86,400 rows in the shapes that the API asks for, and the bare queries."""
    start, end = FIRST_DAY * DAY_MS, (FIRST_DAY + 1) * DAY_MS
    bounds = {"start": start * 10**6, "stop": end * 10**6}
    fields = " or ".join(f'r._field == "{n}"' for n in ("has", "hash", "received_ms", *_judged()))
    flux: dict[str, Any] = {"_bucket": client.place.bucket, "_asset": "asset-0"}
    flux |= {"_start": start * 10**6, "_stop": end * 10**6}
    two = ["speed_kmh", "fuel_level_pct"]
    kinds: dict[str, Callable[[], int]] = {
        "all 86,400 rows": lambda: store.track("asset-0", start, end, 10**6).num_rows,
        "track thinned to 2,000": lambda: store.track("asset-0", start, end, 2000).num_rows,
        "2 signals thinned to 1,000": lambda: store.signals("asset-0", two, start, end, 1000).num_rows,
        "its last hour": lambda: store.track("asset-0", end - 3_600_000, end, 10**6).num_rows,
        "query alone, InfluxQL": lambda: len(client.query(TRACK_TEXT, {"asset": "asset-0", **bounds})),
        "query alone, Flux with pivot": lambda: len(
            api.query_api().query_raw(_FLUX % fields, params=flux).read()
        ),
    }
    out = []
    for kind, query in kinds.items():
        wall: list[float] = []
        cpu: list[float] = []
        until, served_cpu = time.monotonic() + seconds / len(kinds), cpu_of(server)
        while time.monotonic() < until or len(wall) < 2:
            with timed() as spent:
                if not query():
                    raise SystemExit(f"nothing found: {kind}")
            wall.append(spent["wall"] * 1000)
            cpu.append(spent["cpu"] * 1000)
        out.append(row(f"one asset, one day: {kind}, p50", statistics.median(wall), "ms"))
        out.append(row(f"one asset, one day: {kind}, CPU here", min(cpu), "ms"))
        if served_cpu is not None:
            each = ((cpu_of(server) or 0.0) - served_cpu) / len(wall) * 1000
            out.append(row(f"one asset, one day: {kind}, CPU of the server", each, "ms"))
    everyone = [f"asset-{n}" for n in range(200)]
    with timed() as spent:
        found = store.latest(everyone).num_rows
    return [*out, row(f"latest of {found} assets, months old", spent["wall"] * 1000, "ms")]


def _judged() -> tuple[str, ...]:
    return tuple(n for n in MEASURED if n in INTEGERS)


if __name__ == "__main__":
    raise SystemExit(main())
