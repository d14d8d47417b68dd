"""The whole distributed system on this machine: reports made durable, and how soon an event shows.

Mosquitto, Kafka and InfluxDB (``make servers`` first), one gateway, worker, store writer and API, and the
load generator beside them: all share the machine's cores. With one copy Kafka writes each append to the disk
before it confirms. InfluxDB is far slower than the rest, and lags.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from bench.ingest import generate
from bench.latency import first_reports, is_visit
from bench.probes import beside_load, send
from bench.report import Row, parser, tell
from bench.system import commands, cpu_of
from corridor.folder import Local
from streams.codec import dump_json
from streams.homes import command_home
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import create
from streams.records import NewRecord, RecordKind
from tests.distributed import servers
from tests.distributed.process import Server, free_port

PARTITIONS: Final = 4
SAMPLES: Final = 10
ROLES: Final = {"worker": ["worker"], "gateway": ["gateway"], "store": ["store", "run"], "api": ["api"]}


@contextlib.contextmanager
def system(folder: Path, devices: int) -> Iterator[tuple[Local, dict[str, Server]]]:
    """Everything, healthy, with assets registered and devices fitted."""
    with (
        servers.kafka(folder / "kafka") as kafka,
        servers.influx(folder / "influx") as influx,
        servers.mosquitto(folder / "mosquitto") as broker,
    ):
        settings = KafkaSettings(kafka.address, partitions=PARTITIONS)
        create(settings)
        key = secrets.token_urlsafe(24)
        given = {
            "CORRIDOR_KAFKA_SERVERS": kafka.address,
            "CORRIDOR_PARTITIONS": str(PARTITIONS),
            "CORRIDOR_INFLUX_URL": influx.url,
            "CORRIDOR_INFLUX_TOKEN": influx.token,
            "CORRIDOR_SHARED_DIR": str(folder / "shared"),
            "CORRIDOR_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}",
            "CORRIDOR_GATEWAY_GROUP": "bench",
            "CORRIDOR_ADMIN_KEY": key,
            "CORRIDOR_LOG_LEVEL": "warning",
        }
        register(settings, devices)
        roles: dict[str, Server] = {}
        with contextlib.ExitStack() as ending:
            for name, words in ROLES.items():
                roles[name] = _role(folder, name, words, given)
                ending.callback(roles[name].stop)
            for one in roles.values():
                one.wait_ready()
            port = int(roles["api"].environment["CORRIDOR_HTTP_PORT"])  # type: ignore[attr-defined]
            yield (
                Local(f"http://127.0.0.1:{port}", key, "127.0.0.1", broker.port, os.getpid()),
                {**roles, "Kafka": kafka, "InfluxDB": influx, "Mosquitto": broker},
            )


def register(settings: KafkaSettings, devices: int) -> None:
    """Append the commands that register and fit ``devices``."""
    log, now = KafkaLog(settings), int(time.time() * 1000) - 86_400_000
    records = [
        NewRecord(command_home(one, PARTITIONS), RecordKind.COMMAND, now, one["id"], dump_json(one))
        for one in commands(devices)
    ]
    for at in range(0, len(records), 500):
        log.append(records[at : at + 500])
    log.close()


def _role(folder: Path, name: str, words: list[str], given: dict[str, str]) -> Server:
    health, own = free_port(), folder / name
    own.mkdir()
    environment = given | {
        "CORRIDOR_HEALTH_PORT": str(health),
        "CORRIDOR_HTTP_PORT": str(free_port()),
        "CORRIDOR_DATA_DIR": str(own / "data"),
    }

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{health}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    made = Server(name, [sys.executable, "-m", "corridor", *words], own, ready, environment=environment)
    made.environment = environment  # type: ignore[attr-defined]
    made.launch()
    return made


def cpu(parts: dict[str, Server]) -> dict[str, float]:
    """Seconds of processor time of each part so far."""
    return {name: cpu_of(one.pid) for name, one in parts.items()}


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 20)
    made.add_argument("--devices", type=int, default=1_000)
    made.add_argument("--rate", type=float, default=6_000.0, help="reports a second to publish")
    options = made.parse_args()
    every_s, count = 0.1, int(options.seconds / 0.1)
    with (
        tempfile.TemporaryDirectory(prefix="corridor-bench-") as root,
        system(Path(root), options.devices + 2 * count) as (local, parts),
    ):
        time.sleep(2)
        quiet = asyncio.run(send(local, first_reports(options.devices + count, count), is_visit, every_s))
        rate, options.rate = options.rate, options.rate / 10
        work = send(local, first_reports(options.devices, count), is_visit, every_s)
        tenth = asyncio.run(beside_load(local, options.devices, options, work))
        before = cpu(parts)
        figures = generate(local.mqtt_port, options.devices, rate, options.seconds, boot="full")
        used = cpu(parts)
        if figures["durable"] < figures["sent"] or figures["refused"]:
            raise SystemExit(f"lost or refused: {figures}")
    rows: list[Row] = [
        Row("durable and acknowledged", figures["sent"] * SAMPLES / figures["durable_s"], "samples/s"),
        Row("last ack after the last publish", figures["durable_s"] - figures["published_s"], "s"),
    ]
    rows += [
        Row(f"CPU of {name}", 1e6 * (used[name] - before[name]) / figures["sent"], "us/report")
        for name in used
    ]
    for name, took in (("idle", quiet), (f"{rate:,.0f} samples/s", tenth)):
        for percent in (50, 99):
            rows.append(Row(f"publish to event, {name}, p{percent}", _percentile(took, percent), "ms"))
    tell("distributed", rows, options.json)
    return 0


def _percentile(values: list[float], percent: int) -> Any:
    return float(np.percentile(values, percent))


if __name__ == "__main__":
    sys.exit(main())
