"""Kafka goes away in order and comes back: who asks where a topic ends is answered again soon."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from streams.kafka.client import LogAwayError, Marks
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import LOG, create
from tests.distributed import servers

BACK_S = 30.0


def test_ends_are_known_again_once_kafka_is_back(tmp_path: Path) -> None:
    with servers.kafka(tmp_path) as kafka:
        settings = KafkaSettings(kafka.address, partitions=2, wait_s=2.0)
        create(settings)
        marks, halt, answered = Marks(settings, settings.topic(LOG), 2), threading.Event(), [0.0]

        def ask() -> None:
            while not halt.is_set():
                try:
                    marks.of(1)
                    answered.append(time.monotonic())
                except LogAwayError:
                    continue
                halt.wait(0.02)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        try:
            for _ in range(2):  # it was asked while it went, was away and came
                kafka.stop()
                kafka.start()
                back = time.monotonic()
                while answered[-1] < back:
                    assert time.monotonic() < back + BACK_S, "Kafka is back, and its topic's end is not known"
                    time.sleep(0.05)
        finally:
            halt.set()
            asking.join()
            marks.close()
