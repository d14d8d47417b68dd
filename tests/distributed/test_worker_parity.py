"""The recorded log of the parity tests through Kafka and Faust: every event equal to the byte."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.distributed.servers import Kafka
from tests.distributed.worker_system import System, system
from tests.parity.compare import difference
from tests.parity.record import Recorded, recorded
from tests.parity.runtime import Outcome, served

PARTITIONS = 4
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Distributed:
    """A Runtime (see ``tests.parity.runtime``): workers over Kafka, who fold while the log is appended.

    ``dies``: one of them is killed half-way, and another one comes in its place.
    """

    kafka: Kafka
    workers: int
    dies: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return f"Kafka and Faust, {self.workers} workers{', one dies' if self.dies else ''}"

    def run(self, log: Recorded, folder: Path) -> Outcome:
        """See Runtime.run."""
        prefix = f"w-parity-{self.workers}{'-dies' if self.dies else ''}"
        with system(self.kafka.address, folder, log.partitions, prefix, ["recorded"]) as cluster:
            for number in range(self.workers):
                cluster.worker(str(number))
            appending = threading.Thread(target=log.into, args=(cluster.log,))
            appending.start()
            if self.dies:
                self._one_dies(cluster, log)
            appending.join()
            cluster.wait_positions(log.ends())
            cluster.stop()
            return served(self.name, [cluster.published(p) for p in range(log.partitions)], folder)

    def _one_dies(self, cluster: System, log: Recorded) -> None:
        while any(cluster.saved(p) < end // 3 for p, end in enumerate(log.ends())):
            time.sleep(0.02)
        cluster.workers["0"].kill()
        cluster.worker("in its place")


@pytest.fixture(scope="module")
def log() -> Recorded:
    return recorded(PARTITIONS)


@pytest.fixture(scope="module")
def live(log: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What was served while the log grew."""
    return served("the recorded system", log.events, tmp_path_factory.mktemp("live"))


@pytest.mark.parametrize(
    ("workers", "dies"),
    [
        pytest.param(1, False, marks=pytest.mark.long),
        pytest.param(2, False, marks=pytest.mark.long),
        pytest.param(4, False, marks=pytest.mark.long),
        (2, True),
    ],
)
def test_workers_serve_what_was_served(
    kafka: Kafka, workers: int, dies: bool, log: Recorded, live: Outcome, tmp_path: Path
) -> None:
    assert difference(live, Distributed(kafka, workers, dies).run(log, tmp_path)) is None
