"""The truck questions of the Time Series Benchmark Suite, to DuckDB and InfluxDB with the same data.

Both get the generated fleet (``tsbs_data``) and then the same questions about the same trucks, fleets and
periods (``tsbs_queries``); the answers must be equal. Starts an InfluxDB of its own (``make servers``), or
uses CORRIDOR_TEST_INFLUX_URL; without one it says so and asks DuckDB alone. Wall time on a machine that does
other things too is noisy: compare the two columns, and little else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient

from bench.tsbs_data import BEGIN_MS, FLEETS, Fleet, fleet, lines
from bench.tsbs_queries import QUESTIONS, Answer, Question, comparable, parameters
from feeds.store.influx.client import Client, Place
from feeds.store.influx.send import Sender
from tests.distributed import servers
from tests.distributed.process import ServerError

Row = dict[str, Any]
Engine = Callable[[Question, dict[str, Any]], Answer]
_NAMED: Final = ("truck", "fleet", "start", "stop")


def main() -> int:
    """Prints a table and writes the JSON that is asked for; 1 when answers differ."""
    parser = argparse.ArgumentParser(prog="bench.tsbs", description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scale", type=int, default=20, help="trucks")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--queries", type=int, default=5, help="of each kind")
    args = parser.parse_args()
    data = fleet(args.scale, args.hours)
    with tempfile.TemporaryDirectory(prefix="tsbs-") as folder, contextlib.ExitStack() as stack:
        engines: dict[str, tuple[Engine, float]] = {"DuckDB": duck(Path(folder), data, stack)}
        try:
            server = stack.enter_context(servers.influx(Path(folder) / "influx"))
            engines["InfluxDB"] = influx(server, data, stack)
        except ServerError as error:
            print(f"no InfluxDB, so DuckDB alone: {error}")
        rates = {name: data.rows / spent for name, (_, spent) in engines.items()}
        rows: list[Row] = [{"what": "load", "unit": "rows/s", **rates}]
        rows += [asked(question, engines, data, args) for question in QUESTIONS]
    shown(rows, list(engines), data)
    if args.json:
        wanted = {"scale": args.scale, "hours": args.hours, "queries": args.queries, "points": data.rows}
        args.json.write_text(json.dumps({"bench": "tsbs", **wanted, "rows": rows}, indent=1))
    return int(not all(row.get("equal", True) for row in rows))


def asked(
    question: Question, engines: dict[str, tuple[Engine, float]], data: Fleet, args: argparse.Namespace
) -> Row:
    """One question with some parameters, to each engine in turn."""
    random = np.random.default_rng(123)
    given = {"begin_ms": BEGIN_MS, "end_ms": data.end_ms, "fleets": FLEETS, "scale": args.scale}
    wall: dict[str, list[float]] = {name: [] for name in engines}
    equal, found = True, 0
    for _ in range(args.queries):
        about, answers = parameters(question, random, given), []
        for name, (engine, _) in engines.items():
            begin = time.perf_counter()
            answer = engine(question, about)
            wall[name].append((time.perf_counter() - begin) * 1000)
            answers.append(comparable(answer))
        equal = equal and all(answer == answers[0] for answer in answers)
        found += len(answers[0])
    means = {name: statistics.mean(times) for name, times in wall.items()}
    return {"what": question.name, "unit": "ms, mean", **means, "rows": found, "equal": equal}


def shown(rows: list[Row], engines: list[str], data: Fleet) -> None:
    """The table."""
    print(f"{data.tags.num_rows} trucks, {data.rows:,} points")
    print(f"{'':<36}" + "".join(f"{name:>14}" for name in engines) + "   unit")
    for row in rows:
        beside = "" if row.get("equal", True) else "   ANSWERS DIFFER"
        told = "".join(f"{row[name]:>14,.1f}" for name in engines)
        rows_told = f", {row['rows']} rows" if "rows" in row else ""
        print(f"{row['what']:<36}{told}   {row['unit']}{rows_told}{beside}")


def duck(folder: Path, data: Fleet, stack: contextlib.ExitStack) -> tuple[Engine, float]:
    """Tables sorted by truck and time, like those of the store after compaction."""
    config: dict[str, Any] = {"threads": 1, "memory_limit": "512MB"}
    connection = stack.enter_context(duckdb.connect(str(folder / "tsbs.duckdb"), config=config))
    begin = time.perf_counter()
    for name, table in {"tags": data.tags, **data.tables}.items():
        order = "" if name == "tags" else " ORDER BY id, t_ms"
        connection.register("ready", table).execute(f"CREATE TABLE {name} AS SELECT * FROM ready{order}")
    connection.execute("CHECKPOINT")
    spent = time.perf_counter() - begin

    def ask(question: Question, about: dict[str, Any]) -> Answer:
        used = {name: about[name] for name in _NAMED if f"${name}" in question.sql}
        return connection.execute(question.sql, used).fetchall()

    return ask, spent


def influx(server: servers.Influx, data: Fleet, stack: contextlib.ExitStack) -> tuple[Engine, float]:
    """A bucket of its own, which is deleted again."""
    client = stack.enter_context(_bucket(server))
    sender = Sender(client.write)
    stack.callback(sender.close)
    begin = time.perf_counter()
    for table in data.tables:
        outcome = sender.send(lines(data, table))
        assert not outcome.refused, outcome
    spent = time.perf_counter() - begin

    def ask(question: Question, about: dict[str, Any]) -> Answer:
        bound = about | {"start": about["start"] * 10**6, "stop": about["stop"] * 10**6}

        def run(text: str) -> Any:
            text = text.replace("FROM diagnostics", 'FROM "diagnostics"')  # a word of InfluxQL
            return client.query(text, {name: bound[name] for name in _NAMED if f"${name}" in text})

        return question.influx(run)

    return ask, spent


@contextlib.contextmanager
def _bucket(server: servers.Influx) -> Iterator[Client]:
    with InfluxDBClient(server.url, server.token, org=server.org, timeout=60_000) as api:
        made = api.buckets_api().create_bucket(bucket_name=f"tsbs-{uuid.uuid4().hex}", org=server.org)
        client = Client(Place(server.url, server.org, made.name), server.token, timeout_s=120)
        try:
            yield client
        finally:
            client.close()
            api.buckets_api().delete_bucket(made)


if __name__ == "__main__":
    raise SystemExit(main())
