"""Workers over a real Kafka on this machine: samples a second, and how long partitions stand still.

*Rate*: the fleet of ``bench.engine`` (5,000 trucks a partition, four partitions, frames of 1,000 samples with
400 bytes of raw report for every ten) is appended as quickly as Kafka takes it, to workers that wait for it.
Told are samples a second of wall clock between a quarter and nine tenths of the way, and samples a second of
processor time of the workers in the same span: this machine has other work. One worker is held to one core.

*Move*: ``--assets`` of them are heard of once; then one of two workers is killed. Told is the time from the
kill until all partitions are folded without delay again: six seconds of it is the session that has to end.
Beside it the two places where a snapshot could lie: the bytes of one read back from files, and from a
compacted topic in pieces of 900 KB.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

import geofences
from bench.fleet import ASSETS, SAMPLES_A_REPORT, T0, frame_of, frames, roads
from bench.report import Row, parser, tell
from corridor.kafka import kafka_of
from corridor.settings import Settings
from streams.codec import decode_frame, encode_frame
from streams.engine import Engine, World, snapshot
from streams.kafka.bodies import bodies as events_of
from streams.kafka.bodies import marks_header
from streams.kafka.client import producer
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import EVENTS, LOG, create, stated
from streams.kafka.wire import headers_of
from streams.records import Frame, LogRecord, NewRecord, RecordKind
from streams.runtime.chunks import ChunkFiles
from streams.runtime.epochs import Epochs
from streams.runtime.snapshots import SnapshotFiles
from tests.distributed import servers
from tests.distributed.process import Server

PARTITIONS: Final = 4
SAMPLES: Final = 1_000
RAW: Final = 400
PIECE: Final = 900_000
ROOT: Final = Path(__file__).parents[1]


class Bench:
    """One Kafka, topics of a prefix, and workers."""

    def __init__(self, address: str, folder: Path, prefix: str) -> None:
        self.settings = Settings(
            kafka_servers=address,
            kafka_prefix=f"{prefix}.",
            partitions=PARTITIONS,
            shared_dir=folder / prefix / "shared",
            snapshot_s=10.0,
        )
        self.kafka: KafkaSettings = replace(kafka_of(self.settings), wait_s=20.0)
        self.folder = folder / prefix
        self.folder.mkdir()
        _not_each_to_disk(self.kafka)
        create(self.kafka)
        self.workers: list[Server] = []

    def start(self, cores: set[int] | None = None) -> Server:
        """One more worker."""
        values = self.settings.model_dump(mode="json", exclude_none=True)
        config = self.folder / "corridor.toml"
        config.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items()))
        name = f"worker{len(self.workers)}"
        command = [sys.executable, "-m", "corridor", "worker", "--config", str(config)]
        path = os.pathsep.join([str(ROOT), str(ROOT / "firmware-sim")])
        worker = Server(
            name, command, self.folder, lambda: "is up" in worker.said(), environment={"PYTHONPATH": path}
        )
        self.workers.append(worker)
        worker.start()
        if cores is not None:
            for task in os.listdir(f"/proc/{worker.pid}/task"):
                os.sched_setaffinity(int(task), cores)
        return worker

    def figures(self, worker: Server) -> dict[str, dict[str, float]]:
        """Its metrics by name and partition."""
        url = re.findall(r"http://[0-9.:]+", worker.said())[-1]
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            found: dict[str, dict[str, float]] = {}
            for line in answer.read().decode().splitlines():
                match = re.fullmatch(r'(\w+)\{partition="(\d+)"\} (\S+)', line)
                if match:
                    found.setdefault(match[1], {})[match[2]] = float(match[3])
            return found

    def folded(self) -> int:
        """Records that were folded, over all partitions of workers that run."""
        running = [worker for worker in self.workers if worker.running]
        return int(
            sum(sum(self.figures(one).get("corridor_engine_position", {}).values()) for one in running)
        )

    def well(self) -> bool:
        """Whether all partitions are owned and folded without delay."""
        owned = 0
        for worker in self.workers:
            if worker.running:
                url = re.findall(r"http://[0-9.:]+", worker.said())[-1]
                try:
                    with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
                        owned += len(json.loads(answer.read())["checks"]["partitions"])
                except OSError:
                    return False
        return owned == PARTITIONS

    def append(self, bodies: Iterator[tuple[int, bytes]]) -> None:
        """Append frames to partitions in turn, each as (partition, body)."""
        client = producer(self.kafka, linger_ms=5)
        for partition, body in bodies:
            record = NewRecord(partition, RecordKind.FRAME, T0, "k", body)
            while True:
                try:
                    client.produce(self.kafka.topic(LOG), body, b"k", partition, headers=headers_of(record))
                    break
                except BufferError:
                    client.poll(0.05)
            client.poll(0)
        client.flush(120)

    def stop(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.stop()


def _not_each_to_disk(kafka: KafkaSettings) -> None:
    """One broker syncs each message to the disk: that is its work, not what is measured here."""
    (log,) = (topic for topic in stated(kafka) if topic.name == kafka.topic(LOG))
    config = {name: value for name, value in log.config.items() if name != "flush.messages"}
    new = NewTopic(log.name, log.partitions, log.replication, config=config)
    admin = AdminClient(kafka.client())
    admin.create_topics([new])[log.name].result(20)


def with_raw(body: bytes, rng: np.random.Generator) -> bytes:
    """The frame with raw reports as large as real ones."""
    frame = decode_frame(body)
    raw = pa.array([rng.bytes(RAW) for _ in range(frame.reports.num_rows)], pa.binary())
    at = frame.reports.schema.get_field_index("raw")
    reports = frame.reports.set_column(at, frame.reports.schema.field(at), raw)
    return encode_frame(Frame(reports, frame.samples, frame.extras))


def cpu_s(worker: Server) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(address: str, folder: Path, count: int, bodies: list[list[bytes]]) -> tuple[float, ...]:
    """With ``count`` workers: samples a second of wall clock and of processor time, cores in use, and the
    share of records that Faust gave in time."""
    bench = Bench(address, folder, f"rate{count}-{time.monotonic_ns()}")
    try:
        for _ in range(count):
            bench.start({0} if count == 1 else None)
        while not bench.well():
            time.sleep(0.1)
        total = sum(map(len, bodies))
        order = ((p, b) for many in itertools.zip_longest(*bodies) for p, b in enumerate(many) if b)
        feeding = threading.Thread(target=bench.append, args=(order,), daemon=True)
        feeding.start()
        marks: list[tuple[float, float, int]] = []
        while not marks or marks[-1][2] < 0.95 * total:
            cpu = sum(map(cpu_s, bench.workers))
            marks.append((time.monotonic(), cpu, bench.folded()))
            time.sleep(0.1)
        begin = next(mark for mark in marks if mark[2] >= 0.25 * total)
        end = next(mark for mark in reversed(marks) if mark[2] <= 0.95 * total or mark is marks[-1])
        samples = (end[2] - begin[2]) * SAMPLES
        feeding.join()
        wall, used = end[0] - begin[0], end[1] - begin[1]
        caught = sum(
            sum(bench.figures(worker).get("corridor_engine_caught_total", {}).values())
            for worker in bench.workers
        )
        return samples / wall, samples / used, used / wall, 1 - caught / total
    finally:
        bench.stop()


def fleet(assets: int) -> Iterator[bytes]:
    """Frames in which each asset is heard of once: it drives and stands. The last one tells of one again."""
    ways, rng = roads(np.random.default_rng(4)), np.random.default_rng(6)
    road, begin = rng.integers(0, len(ways.length), assets), 99 * rng.random(assets)
    times, speed = np.array([0, 10_000, 20_000, 340_000]), np.array([6_000, 6_000, 0, 0])
    gone = np.cumsum(speed * np.diff(times, prepend=0)) / 360_000 / 111_000
    for first in [*range(0, assets, 2_000), -1]:
        who = np.arange(max(0, first), min(assets, first + 2_000 if first >= 0 else 1))
        x, y = ways.at(np.repeat(road[who, None], 4, 1), begin[who, None] + gone)
        names = [f"asset-{i:07d}" for i in who.tolist()]
        devices = [f"device-{i:07d}" for i in who.tolist()]
        later = 0 if first >= 0 else 400_000
        rows, ticks = np.arange(len(who)), np.tile(times + later, (len(who), 1))
        speeds = np.broadcast_to(speed, ticks.shape)
        seq = np.full_like(rows, first < 0)
        yield encode_frame(frame_of(rows, seq, ticks, x, y, names, devices, T0 + later, 1, speeds))


def _state(bench: Bench, bodies: list[bytes]) -> int:
    """Put the state after ``bodies`` where workers look for it, the same for each partition; its bytes."""
    known, gates = geofences.world()
    made = bench.folder / "made"
    engine = Engine(0, World(known, gates), None, ChunkFiles(made), PARTITIONS)
    for position, body in enumerate(bodies, 1):
        engine.fold(LogRecord(0, position, RecordKind.FRAME, T0, "k", body))
        if position % 25 == 0:
            engine.seal()
    client, size = producer(bench.kafka), 0
    for partition in range(PARTITIONS):
        engine.partition = partition
        epoch = bench.folder / "shared" / "engine" / f"p{partition}" / "epoch-000001"
        data = snapshot(engine)
        ChunkFiles(made).copy(epoch / "past", 1 << 62)
        SnapshotFiles(epoch / "snapshots", partition).save(engine.position, data)
        (mark,) = events_of(engine.position, engine.number, [])
        header = marks_header(engine.position, engine.number)
        client.produce(bench.kafka.topic(EVENTS), mark[2], partition=partition, headers=header)
        size += len(data)
    client.flush(20)
    return size


def move(address: str, folder: Path, assets: int) -> list[Row]:
    """How long it takes until all partitions of a killed worker are folded again, and what is read for it."""
    bench = Bench(address, folder, f"move-{time.monotonic_ns()}")
    try:
        *bodies, last = fleet(assets // PARTITIONS)
        size = _state(bench, bodies)
        bench.append((p, body) for body in bodies for p in range(PARTITIONS))
        first = bench.start()
        bench.start()
        while not bench.well():
            time.sleep(0.2)
        said = len(bench.workers[1].said())
        killed, used = time.monotonic(), cpu_s(bench.workers[1])
        first.kill()
        bench.append((p, last) for p in range(PARTITIONS))
        while bench.folded() < (len(bodies) + 1) * PARTITIONS:
            time.sleep(0.05)
        took, used = time.monotonic() - killed, cpu_s(bench.workers[1]) - used
        begun = re.findall(r"took_s=([0-9.]+) from the snapshot", bench.workers[1].said()[said:])
        rows = [
            Row(f"kill to all partitions folded again, {assets:,} assets", took, "s"),
            Row("  of it: a partition acquired and restored, at most", max(map(float, begun)), "s"),
            Row("  processor time of the one that took over", used, "s"),
            Row("  snapshots of all partitions", size / 1e6, "MB"),
        ]
        epoch = Epochs(bench.folder / "shared" / "engine", 0).held()[-1]
        files = SnapshotFiles(epoch.snapshots, 0)
        return rows + _places(bench.kafka, files.load(max(files.positions())), folder)
    finally:
        bench.stop()


def _places(kafka: KafkaSettings, data: bytes, folder: Path) -> list[Row]:
    """The bytes of a snapshot, written durably and read back: a file and a compacted topic."""
    path = folder / "snapshot"
    started = time.monotonic()
    with path.open("wb") as file:
        file.write(data)
        os.fsync(file.fileno())
    wrote_file = time.monotonic() - started
    read_file = min(_timed(path.read_bytes) for _ in range(5))
    topic = kafka.topic("snapshots")
    config = {"cleanup.policy": "compact", "max.message.bytes": str(2 << 20)}
    admin = AdminClient(kafka.client())
    admin.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result(20)
    client: Producer = producer(kafka, linger_ms=5)
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    started = time.monotonic()
    for number, piece in enumerate(pieces):
        while True:
            try:
                client.produce(topic, piece, b"%d" % number, 0)
                break
            except BufferError:
                client.poll(0.05)
    client.flush(60)
    wrote_topic = time.monotonic() - started

    def read() -> Any:
        consumer = Consumer(kafka.client(group_id="bench", auto_offset_reset="earliest"))
        consumer.assign([TopicPartition(topic, 0, 0)])
        parts: list[bytes] = []
        while len(parts) < len(pieces):
            parts += [message.value() or b"" for message in consumer.consume(100, 1.0)]
        consumer.close()
        whole = b"".join(parts)
        assert whole == data
        return whole

    read_topic = min(_timed(read) for _ in range(3))
    mega = len(data) / 1e6
    return [
        Row(f"a snapshot of {mega:,.0f} MB read from a file", read_file, "s"),
        Row("the same from a topic", read_topic, "s", "a file", read_topic / read_file),
        Row("written to a file, durably", wrote_file, "s"),
        Row("the same to a topic", wrote_topic, "s", "a file", wrote_topic / wrote_file),
    ]


def _timed(call: Any) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def main() -> None:
    """Run it."""
    words = parser(__doc__, 20)
    words.add_argument("--assets", type=int, default=1_000_000, help="of the move (1,000,000)")
    words.add_argument("--only", choices=("rate", "move"), help="one part")
    options = words.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, servers.kafka(Path(name) / "kafka") as broker:
        if options.only != "move":
            each = int(options.seconds * 100_000 / SAMPLES / PARTITIONS)
            ways, rng = roads(np.random.default_rng(4)), np.random.default_rng(9)
            warm = 2 * ASSETS * SAMPLES_A_REPORT // SAMPLES
            bodies = [
                [
                    with_raw(body, rng)
                    for _, body in itertools.islice(
                        frames(SAMPLES, ways, np.random.default_rng(p)), warm + each
                    )
                ]
                for p in range(PARTITIONS)
            ]
            size = len(bodies[0][0])
            rows.append(Row(f"a frame of {SAMPLES:,} samples", size / 1000, "KB"))
            one = rate(broker.address, Path(name), 1, bodies)
            rows.append(Row("one worker on one core", one[0], "samples/s"))
            rows.append(Row("  by its processor time", one[1], "samples/s"))
            rows.append(Row("  cores in use", one[2], "cores"))
            rows.append(Row("  records that Faust gave in time", 100 * one[3], "%"))
            two = rate(broker.address, Path(name), 2, bodies)
            rows.append(Row("two workers", two[0], "samples/s", "one worker", two[0] / one[0]))
            rows.append(Row("  by their processor time", two[1], "samples/s", "one worker", two[1] / one[1]))
            rows.append(Row("  cores in use", two[2], "cores"))
        if options.only != "rate":
            rows += move(broker.address, Path(name), options.assets)
    tell("worker", rows, options.json)


if __name__ == "__main__":
    main()
