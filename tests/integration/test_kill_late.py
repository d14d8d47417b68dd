"""``kill -9`` of the fold at random while backlogs come in: it serves what one that was never killed does."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from corridor.folder import Folder
from corridor.rebuild import Rebuild
from corridor.settings import Settings
from feeds.readmodel import ReadModel
from streams.engine import Engine, Rules
from streams.engine import engine as engine_module
from streams.records import NewRecord
from streams.runtime import embedded
from streams.runtime.embedded import Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.unit.streams.engine.small_world import Feeder, Sample, drive, world

KILLS = int(os.environ.get("KILLS", "8"))
ROOT = Path(__file__).parents[2]
TRUCKS, CHECKPOINT_EVERY = 6, 3
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def backlogs(seed: int) -> list[list[Sample]]:
    """What arrives, by frames: trucks that cross the gate and come back, cut into pieces, shuffled by up to
    hours, some twice."""
    chance = random.Random(seed)
    pieces: list[tuple[float, list[Sample]]] = []
    for truck in range(TRUCKS):
        begin = truck * 300.0
        there = drive(begin, -0.1, 0.1, kmh=30 + 5 * truck, asset=f"a{truck}")
        back = drive(begin + 9_000, 0.1, -0.5, kmh=60, asset=f"a{truck}")
        samples = [*there, *back]
        for at in range(0, len(samples), 15):
            piece = samples[at : at + 15]
            late = chance.choice([0, 0, 60, 3_600, 4 * 3_600])
            pieces += [(piece[-1].t_s + late, piece)] * (2 if chance.random() < 0.1 else 1)
    pieces.sort(key=lambda one: one[0])
    return [
        [sample for _, piece in pieces[at : at + 2] for sample in piece] for at in range(0, len(pieces), 2)
    ]


def fill(folder: Folder) -> Engine:
    """The log of all frames; returns an engine that folded it without a break, its events in ``straight``."""
    feed, log = Feeder(Engine(0, world())), SqliteLog(folder.log)
    for frame in backlogs(7):
        record = feed.record(frame)
        log.append([NewRecord(0, record.kind, record.received_ms, record.key, record.body)])
        straight.extend(feed.engine.fold(record).events)
    log.close()
    return feed.engine


straight: list[object] = []


def fold(root: Path) -> None:
    """The child: fold the log a record a step, say each, with a snapshot after every few and compaction
    beside it."""
    folder = Folder(root)
    embedded._READ_BYTES = 1  # type: ignore[misc]
    engine_module._GENERATION = 0  # type: ignore[misc]  # what is sealed is asked of the past
    log, read = SqliteLog(folder.log), ReadModel(folder.read, 1)
    past = PastFolder(folder.past)
    files, rules = SnapshotFiles(folder.snapshots, 0), Rules(checkpoint_rows=32)
    runner = Runner(log, world(), read, files, past, rules=rules)
    runner.recover()
    halt = threading.Event()

    def compact() -> None:
        while not halt.wait(0.01):
            past.compact()

    beside = threading.Thread(target=compact, daemon=True)
    beside.start()
    while runner.step().records:
        print(runner.engine.position, flush=True)
        if runner.engine.position % CHECKPOINT_EVERY == 0:
            runner.checkpoint()
            runner.trim_past()
    runner.checkpoint()
    halt.set()
    beside.join()
    read.close()
    log.close()
    print(f"differ {runner.replays_differ}", flush=True)


def start(root: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.integration.test_kill_late", str(root)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_killing_the_fold_while_late_data_comes_changes_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    straight.clear()
    engine = fill(folder)
    assert engine.counts.refolds > 30
    chance = random.Random(3)
    per_life = engine.position // (KILLS + 1)
    for _ in range(KILLS):
        child = start(folder.root)
        assert child.stdout is not None
        for _ in range(chance.randint(1, 2 * per_life)):
            if not child.stdout.readline():
                break
        for _ in range(chance.randint(0, 200_000)):  # somewhere within the work of a record
            pass
        child.kill()
        child.communicate()
    last = start(folder.root)
    said, _ = last.communicate()
    assert last.returncode == 0
    assert said.splitlines()[-1] == "differ 0"
    with ReadModel(folder.read, 1) as read:
        assert read.events_after((0,), "main", limit=1_000_000) == straight
    settings = Settings(data_dir=folder.root, min_free_mb=1)
    result = Rebuild(settings, folder, lambda *_: None, world()).run()
    assert result.comparison.same
    assert result.comparison.equal == len(straight)


if __name__ == "__main__":
    fold(Path(sys.argv[1]))
