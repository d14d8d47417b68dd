"""Workers as processes over a real Kafka, what is driven through them, and what must come out."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from corridor.kafka import kafka_of
from corridor.settings import Settings
from streams.codec import encode_frame
from streams.engine import Engine
from streams.events import Event
from streams.homes import home
from streams.kafka.bodies import read_body
from streams.kafka.client import consumer
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import EVENTS, LOG, create
from streams.log import LogFullError
from streams.records import NewRecord, RecordKind
from streams.runtime.epochs import Epochs
from streams.runtime.snapshots import SnapshotFiles
from tests.distributed.process import Server
from tests.distributed.worker_child import RULES
from tests.unit.streams.engine.small_world import T0, Sample, build, drive, world

ROOT = Path(__file__).parents[2]


def backlogs(trucks: int, partitions: int, seed: int = 7) -> list[NewRecord]:
    """Frames in the order of arrival: trucks that cross the gate and come back, cut into pieces, shuffled by
    up to hours, some twice; each in the partition where its truck is at home."""
    chance = random.Random(seed)
    pieces: list[tuple[float, list[Sample]]] = []
    for truck in range(trucks):
        begin = truck * 300.0
        there = drive(begin, -0.1, 0.1, kmh=30 + 5 * (truck % 8), asset=f"a{truck}")
        back = drive(begin + 9_000, 0.1, -0.5, kmh=60, asset=f"a{truck}")
        samples = [*there, *back]
        for at in range(0, len(samples), 15):
            piece = samples[at : at + 15]
            late = chance.choice([0, 0, 60, 3_600, 4 * 3_600])
            pieces += [(piece[-1].t_s + late, piece)] * (2 if chance.random() < 0.1 else 1)
    pieces.sort(key=lambda one: one[0])
    seq: dict[str, int] = {}
    records = []
    for t_s, piece in pieces:
        body, asset = encode_frame(build(piece, seq, t_s)), piece[0].asset
        received = T0 + int(1000 * t_s)
        records.append(NewRecord(home(asset, partitions), RecordKind.FRAME, received, asset, body))
    return records


class System:
    """Workers over one Kafka, with topics and a shared folder of their own."""

    def __init__(
        self, address: str, folder: Path, partitions: int, prefix: str, words: Sequence[str] = ()
    ) -> None:
        """``words``: for each worker, see ``worker_child``."""
        self._words = words
        self.settings = Settings(
            kafka_servers=address,
            kafka_prefix=f"{prefix}.",
            partitions=partitions,
            shared_dir=folder / "shared",
            snapshot_s=1.0,
        )
        self.kafka = replace(kafka_of(self.settings), wait_s=10.0)
        self.folder, self.partitions = folder, partitions
        create(self.kafka)
        self.log = KafkaLog(self.kafka)
        self.workers: dict[str, Server] = {}
        self.fed = [0] * partitions

    def worker(self, name: str) -> Server:
        """Start a worker, or start it again; it is ready when it was given its partitions."""
        found = self.workers.get(name)
        if found is None:
            settings = json.dumps(self.settings.model_dump(mode="json", exclude_none=True))
            command = [sys.executable, "-m", "tests.distributed.worker_child", settings, *self._words]
            folder = self.folder / name
            folder.mkdir()
            path = os.pathsep.join([str(ROOT), str(ROOT / "firmware-sim")])
            found = self.workers[name] = Server(
                name,
                command,
                folder,
                lambda: re.search(r"^up \d+$", self.workers[name].said(), re.MULTILINE) is not None,
                environment={"PYTHONPATH": path},
            )
        found.start()
        return found

    def feed(self, records: Sequence[NewRecord], pause_s: float = 0.0) -> None:
        """Append the records, each when the one before is durable."""
        for record in records:
            while True:
                try:
                    (position,) = self.log.append([record])
                    break
                except LogFullError as error:  # it may be there: twice is twice a duplicate
                    time.sleep(error.retry_after)
            self.fed[record.partition] = max(self.fed[record.partition], position)
            time.sleep(pause_s)

    @contextlib.contextmanager
    def feeding(self, records: Sequence[NewRecord], pause_s: float) -> Iterator[None]:
        """Feed beside the block, and to the end before it is left."""
        thread = threading.Thread(target=self.feed, args=(records, pause_s))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def said(self, worker: Server) -> dict[str, Any]:
        """What a worker says of itself; nothing while it does not answer."""
        found = re.findall(r"^up (\d+)$", worker.said(), re.MULTILINE)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{found[-1]}/health", timeout=5) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            return dict(json.loads(error.read()))
        except (OSError, IndexError):
            return {}

    def positions(self) -> list[int]:
        """How far each partition is folded by a worker that runs; 0 where nobody says."""
        found = [0] * self.partitions
        for worker in self.workers.values():
            ports = re.findall(r"^up (\d+)$", worker.said(), re.MULTILINE) if worker.running else []
            with contextlib.suppress(OSError, IndexError):
                url = f"http://127.0.0.1:{ports[-1]}/metrics"
                with urllib.request.urlopen(url, timeout=5) as answer:
                    text = answer.read().decode()
                for partition, position in re.findall(
                    r'^corridor_engine_position\{partition="(\d+)"\} (\S+)$', text, re.MULTILINE
                ):
                    found[int(partition)] = max(found[int(partition)], int(float(position)))
        return found

    def wait_positions(self, ends: list[int], idle_s: float = 60.0) -> None:
        """Wait until all is folded up to ``ends``, as long as it goes on."""
        last, since = self.positions(), time.monotonic()
        while any(position < end for position, end in zip(last, ends, strict=True)):
            time.sleep(0.1)
            found = self.positions()
            if found != last:
                last, since = found, time.monotonic()
            if time.monotonic() - since > idle_s:
                tails = "\n".join(one.tail() for one in self.workers.values())
                raise AssertionError(f"it does not go on: got {last}, want {ends}\n{tails}")

    def owned(self) -> dict[str, list[int]]:
        """The partitions of each worker that runs and is well."""
        said = {name: self.said(one) for name, one in self.workers.items() if one.running}
        return {name: one["checks"]["partitions"] for name, one in said.items() if one.get("ready")}

    def wait_owned(self, by: int | None = None, within_s: float = 60.0) -> float:
        """Wait until all partitions are folded without delay, by so many workers; returns the seconds."""
        started = time.monotonic()
        while True:
            owned = self.owned()
            held = sorted(partition for one in owned.values() for partition in one)
            if held == list(range(self.partitions)) and by in (None, len(owned)):
                return time.monotonic() - started
            if time.monotonic() - started > within_s:
                tails = "\n".join(one.tail() for one in self.workers.values())
                raise AssertionError(f"partitions not owned within {within_s} s: {owned}\n{tails}")
            time.sleep(0.05)

    def wait_folded(self, within_s: float = 60.0) -> None:
        """Wait until a worker has saved everything that was fed."""
        started = time.monotonic()
        while any(self.saved(partition) < fed for partition, fed in enumerate(self.fed)):
            if time.monotonic() - started > within_s:
                tails = "\n".join(one.tail() for one in self.workers.values())
                raise AssertionError(f"not folded within {within_s} s: want {self.fed}\n{tails}")
            time.sleep(0.05)

    def saved(self, partition: int) -> int:
        """Log position of the newest snapshot in the shared folder."""
        epochs = Epochs(self.folder / "shared" / "engine", partition)
        files = [SnapshotFiles(one.snapshots, partition) for one in epochs.held() if one.snapshots.is_dir()]
        return max((max(one.positions(), default=0) for one in files), default=0)

    def committed(self) -> list[int]:
        """The offsets that the group of workers has committed, by partition."""
        client = consumer(self.kafka, group_id=self.kafka.topic("worker"))
        try:
            where = [TopicPartition(self.kafka.topic(LOG), p) for p in range(self.partitions)]
            return [max(0, one.offset) for one in client.committed(where, timeout=10)]
        finally:
            client.close()

    def stop(self) -> None:
        """End all workers in order, also those that are paused."""
        for worker in self.workers.values():
            worker.stop()

    def published(self, partition: int) -> list[Event]:
        """The events of a partition: every number once, without a hole, the same wherever it is twice."""
        found: dict[int, Event] = {}
        for body in everything(self.kafka, EVENTS, partition):
            for event in read_body(partition, body).events:
                assert found.setdefault(event.number, event) == event, "one number, two events"
                assert event.number == 1 or event.number - 1 in found, "a hole"
        return [found[number] for number in sorted(found)]

    def check(self) -> list[Engine]:
        """Stop all; what they published is what the log says, to the last record that was fed."""
        self.wait_folded()
        self.stop()
        engines = []
        for partition in range(self.partitions):
            engine = Engine(partition, world(), RULES, None, self.partitions)
            want: list[Event] = []
            while records := self.log.read(partition, engine.position, 4 << 20):
                for record in records:
                    want += engine.fold(record).events
            got, saved = self.published(partition), self.saved(partition)
            assert saved >= self.fed[partition]
            assert got == want[: len(got)]
            assert all(event.position > saved for event in want[len(got) :]), "events are missing"
            engines.append(engine)
        assert sum(len(self.published(partition)) for partition in range(self.partitions))
        return engines


def everything(kafka: KafkaSettings, topic: str, partition: int) -> list[bytes]:
    """The messages of a partition."""
    client, found = consumer(kafka), list[bytes]()
    try:
        low, high = client.get_watermark_offsets(TopicPartition(kafka.topic(topic), partition), timeout=10)
        client.assign([TopicPartition(kafka.topic(topic), partition, low)])
        while low + len(found) < high:
            message = client.poll(1.0)
            if message is not None:
                assert message.error() is None
                found.append(message.value() or b"")
    finally:
        client.close()
    return found


@contextlib.contextmanager
def system(
    address: str, folder: Path, partitions: int, prefix: str, words: Sequence[str] = ()
) -> Iterator[System]:
    """Topics and a folder for workers, all of which end with the block."""
    found = System(address, folder, partitions, prefix, words)
    try:
        yield found
    finally:
        found.stop()
        found.log.close()
