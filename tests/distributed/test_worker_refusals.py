"""``corridor worker`` as an operator meets it: what it refuses, and how it says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.distributed.servers import Kafka
from tests.distributed.worker_system import ROOT

_PATH = os.pathsep.join([str(ROOT), str(ROOT / "firmware-sim")])


def corridor(kafka: Kafka, prefix: str, *words: str, partitions: int = 2) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corridor", *words]
    settings = {
        "CORRIDOR_KAFKA_SERVERS": kafka.address,
        "CORRIDOR_KAFKA_PREFIX": f"{prefix}.",
        "CORRIDOR_PARTITIONS": str(partitions),
    }
    environment = os.environ | settings | {"PYTHONPATH": _PATH}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_missing_topics_are_named_and_nothing_starts(kafka: Kafka, tmp_path: Path) -> None:
    done = corridor(kafka, "w-none", "worker", "--shared-dir", str(tmp_path))
    assert done.returncode == 2
    assert "topic w-none.log is missing; run `corridor topics create`" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_another_number_of_partitions_is_refused(kafka: Kafka, tmp_path: Path) -> None:
    assert corridor(kafka, "w-count", "topics", "create").returncode == 0
    done = corridor(kafka, "w-count", "worker", "--shared-dir", str(tmp_path), partitions=3)
    assert done.returncode == 2
    assert "topic w-count.log: got 2 partitions, want 3" in done.stderr


def test_no_shared_folder_and_no_kafka_are_said(kafka: Kafka, tmp_path: Path) -> None:
    done = corridor(kafka, "w-none", "worker")
    assert done.returncode == 2
    assert "setting shared_dir: got nothing, want a folder that every worker reaches" in done.stderr
    words = ("worker", "--kafka-servers", "127.0.0.1:1", "--shared-dir", str(tmp_path))
    done = corridor(kafka, "w-none", *words)
    assert done.returncode == 2
    assert "Kafka at 127.0.0.1:1 does not answer" in done.stderr
