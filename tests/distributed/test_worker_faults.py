"""Workers are killed, paused, joined and left alone by Kafka, with late data in flight: the same events."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.distributed import servers
from tests.distributed.servers import Kafka
from tests.distributed.worker_system import backlogs, system

KILLS = int(os.environ.get("KILLS", "4"))
PAUSE_S = float(os.environ.get("PAUSE_S", "10"))  # longer than a worker may be silent
pytestmark = pytest.mark.timeout(600)


def test_a_worker_folds_all_as_the_engine_does_by_itself(kafka: Kafka, tmp_path: Path) -> None:
    with system(kafka.address, tmp_path, 4, "w-all") as cluster:
        records = backlogs(12, 4)
        cluster.feed(records[: len(records) // 2])
        cluster.worker("one")
        cluster.feed(records[len(records) // 2 :])
        engines = cluster.check()
        assert sum(engine.counts.refolds for engine in engines) > 60
        assert "stopped" in cluster.workers["one"].said()
        assert "ERROR" not in cluster.workers["one"].said().replace("Group Coordinator Request failed", "")


def test_kill_at_random_instants_loses_and_doubles_nothing(kafka: Kafka, tmp_path: Path) -> None:
    with system(kafka.address, tmp_path, 4, "w-kill") as cluster:
        chance = random.Random(5)
        workers = [cluster.worker("one"), cluster.worker("two")]
        records = backlogs(10 + 5 * KILLS, 4)
        with cluster.feeding(records, 0.01):
            for number in range(KILLS):
                time.sleep(chance.uniform(0.3, 3.0))
                workers[number % 2].kill()
                time.sleep(chance.uniform(0.0, 2.0))
                workers[number % 2].start()
        assert sum(engine.counts.refolds for engine in cluster.check()) > 60


def test_partitions_move_with_their_state_when_a_worker_dies_and_when_one_joins(
    kafka: Kafka, tmp_path: Path
) -> None:
    with system(kafka.address, tmp_path, 4, "w-move") as cluster:
        cluster.worker("one")
        cluster.worker("two")
        records = backlogs(30, 4)
        third = len(records) // 3
        cluster.feed(records[:third])
        cluster.wait_owned(by=2)
        assert sorted(map(len, cluster.owned().values())) == [2, 2]
        cluster.wait_folded()  # there is a state that can move
        with cluster.feeding(records[third : 2 * third], 0.01):
            cluster.workers["one"].kill()
            assert cluster.wait_owned(by=1) < 30
        cluster.wait_folded()
        cluster.worker("three")
        cluster.feed(records[2 * third :])
        cluster.wait_owned(by=2)
        for name in ("two", "three"):
            assert "from the snapshot at" in cluster.workers[name].said(), "state did not move"
        assert sum(engine.counts.refolds for engine in cluster.check()) > 60
        assert cluster.committed() == [cluster.saved(p) for p in range(4)], "commits stalled"


@pytest.mark.long
def test_a_paused_owner_that_goes_on_hurts_nobody(kafka: Kafka, tmp_path: Path) -> None:
    with system(kafka.address, tmp_path, 4, "w-pause") as cluster:
        paused = cluster.worker("one")
        cluster.worker("two")
        records = backlogs(30, 4)
        half = len(records) // 2
        cluster.wait_owned(by=2)
        with cluster.feeding(records[:half], 0.01):
            time.sleep(1.0)
            paused.pause()
            time.sleep(PAUSE_S)
            cluster.wait_owned(by=1)
            paused.resume()
        cluster.feed(records[half:])
        cluster.wait_owned(by=2)
        cluster.check()


def test_a_worker_that_is_told_to_stop_saves_all_and_leaves_at_once(kafka: Kafka, tmp_path: Path) -> None:
    with system(kafka.address, tmp_path, 2, "w-term") as cluster:
        worker = cluster.worker("one")
        cluster.feed(backlogs(10, 2))
        cluster.wait_positions(cluster.fed)
        worker.stop()
        saved = [cluster.saved(0), cluster.saved(1)]
        assert all(position >= fed for position, fed in zip(saved, cluster.fed, strict=True))
        assert cluster.committed() == saved
        started = time.monotonic()
        cluster.worker("two")
        assert time.monotonic() - started < 5.5, "it waited for the first one to be given up"
        cluster.wait_owned()
        said = cluster.workers["two"].said()
        assert said.count("from the snapshot at") == 2
        cluster.check()


@pytest.mark.long
def test_a_worker_ends_also_when_kafka_is_away(tmp_path: Path) -> None:
    with (
        servers.kafka(tmp_path / "kafka") as broker,
        system(broker.address, tmp_path, 2, "w-away") as cluster,
    ):
        worker = cluster.worker("one")
        cluster.feed(backlogs(3, 2))
        cluster.wait_folded()
        broker.kill()
        os.kill(worker.pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while worker.running:
            assert time.monotonic() < deadline, worker.tail()
            time.sleep(0.05)
        assert worker.said().endswith("stopped\n")
        broker.start()
        cluster.check()


@pytest.mark.long
def test_kafka_restarts_below_a_worker(tmp_path: Path) -> None:
    with (
        servers.kafka(tmp_path / "kafka") as broker,
        system(broker.address, tmp_path, 4, "w-kafka") as cluster,
    ):
        cluster.worker("one")
        with cluster.feeding(backlogs(25, 4), 0.01):
            time.sleep(2.0)
            broker.restart()
            time.sleep(1.0)
            broker.kill()
            broker.start()
        cluster.wait_owned(within_s=90)
        cluster.check()
