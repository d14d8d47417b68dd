"""One asset's day out of many samples, and the rate at which samples become history.

Builds a store of ``--samples`` in a temporary folder: closed days directly in the form that compaction
leaves (sorted, one segment a day), and the newest 2 % by ``write`` and ``compact`` as in service. Then reads
days of random assets, and writes against a bare DuckDB insert of the same columns in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feeds.store.duck import DuckStore
from feeds.store.names import Names
from feeds.store.schema import ROWS, rows_of
from feeds.store.segments import DAY_MS, columns, create
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame

FIRST_DAY: Final = 20_500
PER_REPORT: Final = 10
FRAME_SAMPLES: Final = 2_000
BLOCK_ROWS: Final = 500_000

Row = dict[str, Any]


def main() -> None:
    """Prints a table and writes the JSON that is asked for."""
    parser = argparse.ArgumentParser(prog="bench.history", description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to read and to write, each")
    parser.add_argument("--samples", type=int, default=100_000_000)
    parser.add_argument("--rows-per", type=int, default=86_400, help="samples of one asset a day")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where to build it (default: the temporary folder)")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=args.folder))
    try:
        rows = run(folder, args.samples, args.rows_per, args.days, args.seconds)
    finally:
        shutil.rmtree(folder)
    for row in rows:
        beside = f"   {row['ratio']:.2f} of {row['peer']}" if "ratio" in row else ""
        print(f"{row['what']:<70} {row['value']:>14,.2f} {row['unit']}{beside}")
    if args.json:
        args.json.write_text(json.dumps({"bench": "history", "rows": rows}, indent=1))


def run(folder: Path, samples: int, rows_per: int, days: int, seconds: float) -> list[Row]:
    """Build, read and write; the rows of the report."""
    assets = max(1, round(samples / days / rows_per))
    out: list[Row] = []
    with DuckStore(folder) as store:
        with timed() as spent:
            closed = build(store, assets, rows_per, days)
        out.append(row(f"closed days built: {closed:,} samples", closed / spent["wall"], "samples/s"))
        out += written(store, folder, assets, seconds, FIRST_DAY + days)
    size = sum(f.stat().st_size for f in folder.glob("samples*"))
    with DuckStore(folder) as store:
        total = closed + int(out[-1]["value"])
        out[-1:] = [row(f"size on disk, {total:,} samples", size / total, "bytes/sample")]
        out += read(store, assets, rows_per, days, seconds, total)
    return out


def row(what: str, value: float, unit: str, **beside: object) -> Row:
    """One line of the report."""
    return {"what": what, "value": value, "unit": unit, **beside}


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of the block."""
    spent: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent["wall"], spent["cpu"] = time.perf_counter() - wall, time.process_time() - cpu


def measured(n: int, random: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
    """Columns of a truck under way: a line with noise, and signals with their sensors' steps."""
    drift = np.cumsum(random.integers(-300, 1500, n))
    speed = np.abs(6000 + np.cumsum(random.integers(-40, 41, n))) % 9000
    return {
        "lon_e7": (1_010_000_000 + drift % 20_000_000).astype(np.int32),
        "lat_e7": (210_000_000 + (drift // 2) % 20_000_000).astype(np.int32),
        "alt_mm": (600_000 + drift % 100_000).astype(np.int32),
        "speed_ckmh": speed.astype(np.int32),
        "heading_cdeg": (drift % 36_000).astype(np.int32),
        "hdop_c": random.integers(70, 130, n, np.int32),
        "sats": random.integers(8, 14, n, np.int16),
        "fix": np.full(n, 3, np.int8),
        "odometer_mm": 10**11 + np.cumsum(speed // 4),
        "wheel_ckmh": (speed // 10 * 10).astype(np.int32),
        "fuel_level_pct": np.round(60 - np.arange(n) / 40_000 % 50, 1),
        "fuel_used_l": 90_000 + np.arange(n) // 100 * 0.5,
        "engine_rpm": 900 + random.integers(0, 800, n) * 0.125,
        "engine_hours_h": 12_000 + np.arange(n) // 180 * 0.05,
        "axle_load_kg": 9000 + random.integers(0, 40, n) * 0.5,
        "coolant_c": 80.0 + random.integers(0, 12, n),
        "ambient_c": 24 + random.integers(0, 20, n) * 0.03125,
        "battery_v": 27 + random.integers(0, 20, n) * 0.05,
    }


def build(store: DuckStore, assets: int, rows_per: int, days: int) -> int:
    """Days in the form that compaction leaves: sorted by asset and instant, one segment a day."""
    random, count = np.random.default_rng(1), 0
    names = [(n, f"asset-{n}" if n < assets else f"unit-{n - assets}") for n in range(2 * assets)]
    with store._writing():
        cursor = store._intake.cursor
        cursor.begin()
        table = pa.table({"id": pa.array([n for n, _ in names], pa.int32()), "name": [t for _, t in names]})
        cursor.register("fleet", table).execute("INSERT INTO names SELECT * FROM fleet")
        cursor.commit()
        store._intake.names = Names(text for _, text in names)
        block = max(1, BLOCK_ROWS // rows_per)
        for day in range(FIRST_DAY, FIRST_DAY + days):
            ident = store._intake.take_id()
            cursor.execute(create("s", ident))
            cursor.execute(create("x", ident))
            for first in range(0, assets, block):
                table = sorted_rows(
                    np.arange(first, min(assets, first + block)), assets, rows_per, day, random
                )
                cursor.register("ready", table).execute(f"INSERT INTO s_{ident} SELECT * FROM ready")
                count += table.num_rows
            span = [day * DAY_MS, (day + 1) * DAY_MS - 1]
            cursor.execute(f"INSERT INTO segments VALUES ({ident}, 3, {day}, ?, ?)", span)
        cursor.execute("CHECKPOINT")
    return count


def sorted_rows(
    numbers: npt.NDArray[np.int64], assets: int, rows_per: int, day: int, random: np.random.Generator
) -> pa.Table:
    """ROWS of some assets' day."""
    n = len(numbers) * rows_per
    t_ms = day * DAY_MS + np.arange(rows_per) * (DAY_MS // rows_per)
    asset, t_ms = np.repeat(numbers, rows_per).astype(np.int32), np.tile(t_ms, len(numbers))
    reports = -(-n // PER_REPORT)
    of_report = {
        "hash": random.integers(-(2**63), 2**63 - 1, reports),
        "seq": (day - FIRST_DAY) * rows_per // PER_REPORT + np.arange(reports) % (rows_per // PER_REPORT + 1),
        "received_ms": t_ms[::PER_REPORT] + 500,
    }
    values = {**measured(n, random), "asset": asset, "t_ms": t_ms, "device": asset + np.int32(assets)}
    values["flags"] = np.zeros(n, np.uint32)
    values |= {name: np.repeat(column, PER_REPORT)[:n] for name, column in of_report.items()}
    return pa.table([pa.array(values[name]) for name in ROWS.names], schema=ROWS)


def frames(assets: int, total: int, day: int) -> list[Frame]:
    """Frames as a gateway builds them, the fleet taking turns."""
    random, made = np.random.default_rng(2), []
    reports = FRAME_SAMPLES // PER_REPORT
    for n in range(total // FRAME_SAMPLES):
        who = (n * reports + np.arange(reports)) % assets
        turn = (n * reports + np.arange(reports)) // assets
        t_ms = day * DAY_MS + (turn[:, None] * PER_REPORT + np.arange(PER_REPORT)).ravel() * 1000
        made.append(_frame(who, turn, t_ms, random))
    return made


def _frame(
    who: npt.NDArray[np.int64],
    turn: npt.NDArray[np.int64],
    t_ms: npt.NDArray[np.int64],
    random: np.random.Generator,
) -> Frame:
    reports, n = len(who), len(t_ms)
    values = {
        "device": _texts([f"unit-{k}" for k in who]),
        "asset": _texts([f"asset-{k}" for k in who]),
        "tenant": _texts(["bench"] * reports),
        "boot": _texts(["b1"] * reports),
        "seq": pa.array(turn),
        "hash": pa.array([random.bytes(32) for _ in who], pa.binary(32)),
        "received_ms": pa.array(t_ms[PER_REPORT - 1 :: PER_REPORT] + 500),
        "form": pa.array(np.full(reports, Form.CBOR, np.uint8)),
        "samples": pa.array(np.full(reports, PER_REPORT, np.int32)),
        "dropped": pa.array(np.zeros(reports, np.int32)),
        "raw": pa.array([b""] * reports, pa.binary()),
    }
    heads = [values.get(f.name) for f in REPORTS]
    head = [pa.nulls(reports, f.type) if h is None else h for h, f in zip(heads, REPORTS, strict=True)]
    report = np.repeat(np.arange(reports, dtype=np.int32), PER_REPORT)
    body = {**measured(n, random), "report": report, "t_ms": t_ms}
    samples = [pa.array(body[f.name]) for f in SAMPLES]
    return Frame(
        pa.RecordBatch.from_arrays(head, schema=REPORTS),
        pa.RecordBatch.from_arrays(samples, schema=SAMPLES),
        pa.RecordBatch.from_pylist([], schema=EXTRAS),
    )


def _texts(values: list[str]) -> pa.DictionaryArray:
    return pa.array(values).dictionary_encode()


def written(store: DuckStore, folder: Path, assets: int, seconds: float, day: int) -> list[Row]:
    """``write`` with ``compact`` between, then the same rows into a bare table, for ``seconds`` each."""
    batch, now_ms = frames(assets, 20_000, day), day * DAY_MS
    stored = 0
    longest = 0.0
    spent = {"write": 0.0, "cpu": 0.0, "compact": 0.0}
    until, position = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        position += 1
        with timed() as one:
            store.write(0, position, batch)
        spent["write"] += one["wall"]
        spent["cpu"] += one["cpu"]
        longest = max(longest, one["wall"])
        stored += 20_000
        if position % 12 == 0:
            with timed() as one:
                store.compact(now_ms, 1.0)
            spent["compact"] += one["wall"]
        batch = [_later(frame, -(-20_000 // assets) * 1000) for frame in batch]
    bare_rate = bare(folder, batch, seconds / 4)
    rate = stored / spent["write"]
    peer = {"peer": "bare DuckDB insert of the same columns, no position", "ratio": rate / bare_rate}
    return [
        row("write, batches of 20,000, each durable", rate, "samples/s", **peer),
        row("write, CPU", spent["cpu"] / stored * 1e6, "us/sample"),
        row("write, longest batch", longest * 1000, "ms"),
        row(
            "write and compact by turns in one thread",
            stored / (spent["write"] + spent["compact"]),
            "samples/s",
        ),
        row("stored", stored, "samples"),
    ]


def _later(frame: Frame, by_ms: int) -> Frame:
    """The same reports, ``by_ms`` later."""
    at = frame.samples.schema.get_field_index("t_ms")
    moved = pa.array(frame.samples["t_ms"].to_numpy() + by_ms)
    return Frame(frame.reports, frame.samples.set_column(at, SAMPLES.field("t_ms"), moved), frame.extras)


def bare(folder: Path, batch: list[Frame], seconds: float) -> float:
    """Samples a second of a durable Arrow insert into one unsorted table, nothing else done."""
    ready, inserted, spent = rows_of(batch, Names()).samples, 0, 0.0
    with duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 1}) as connection:
        connection.execute(f"CREATE TABLE bare ({columns(ROWS)})")
        connection.register("ready", ready)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with timed() as one:
                connection.execute("INSERT INTO bare SELECT * FROM ready")
            spent += one["wall"]
            inserted += ready.num_rows
    os.unlink(folder / "bare.duckdb")
    return inserted / spent


def read(store: DuckStore, assets: int, rows_per: int, days: int, seconds: float, total: int) -> list[Row]:
    """Days of random assets from random instants, in the shapes that the API asks for."""
    random, share = np.random.default_rng(3), seconds / 4
    million = f"{total / 1e6:,.0f} million"

    def day() -> tuple[str, int, int]:
        start = (FIRST_DAY + random.uniform(0, max(0, days - 1))) * DAY_MS
        return f"asset-{random.integers(assets)}", int(start), int(start) + DAY_MS

    kinds: dict[str, Callable[[], pa.Table]] = {
        f"all {rows_per:,} rows": lambda: store.track(*day(), rows_per + 1),
        "track thinned to 2,000": lambda: store.track(*day(), 2000),
        "2 signals thinned to 1,000": lambda: _signals(store, day(), ["speed_kmh", "fuel_level_pct"]),
    }
    out: list[Row] = []
    for kind, query in kinds.items():
        times: list[float] = []
        cpu: list[float] = []
        until = time.monotonic() + share
        while time.monotonic() < until or len(times) < 20:
            with timed() as spent:
                found = query()
            times.append(spent["wall"] * 1000)
            cpu.append(spent["cpu"] * 1000)
            if found.num_rows == 0:
                raise SystemExit(f"nothing found: {kind}")
        what = f"one asset, one day of {million}: {kind}"
        out.append(row(f"{what}, p50", statistics.median(times), "ms"))
        out.append(row(f"{what}, p95", statistics.quantiles(times, n=20)[-1], "ms"))
        out.append(row(f"{what}, CPU p50", statistics.median(cpu), "ms"))
    everyone = [f"asset-{n}" for n in range(assets)]
    with timed() as spent:
        store.latest(everyone)
    out.append(row(f"latest of {assets:,} assets", spent["wall"] * 1000, "ms"))
    return out


def _signals(store: DuckStore, day: tuple[str, int, int], names: list[str]) -> pa.Table:
    asset, start_ms, end_ms = day
    return store.signals(asset, names, start_ms, end_ms, 1000)


if __name__ == "__main__":
    main()
