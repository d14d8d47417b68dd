"""``corridor rebuild`` over a system of several partitions: each is made anew, and no note is lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from corridor.folder import Folder
from corridor.rebuild import Rebuild
from corridor.settings import Settings
from feeds.readmodel import ReadModel
from streams.codec import dump_json, encode_frame
from streams.events import Kind, object_id
from streams.homes import command_home, home
from streams.log import LogFullError
from streams.records import NewRecord, RecordKind
from streams.runtime import embedded
from streams.runtime.embedded import Runner
from streams.runtime.pastfolder import PastFolder
from streams.runtime.snapshots import SnapshotFiles
from streams.sqlite_log import SqliteLog
from tests.property.cluster import split
from tests.property.test_partitions import shape
from tests.unit.streams.engine.small_world import T0, build, drive, world

PARTITIONS = 2
WORLD = world()
VINS = ("V0", "V1", "V2")
ASSETS = [object_id(Kind.ASSET, "main", vin) for vin in VINS]


@pytest.fixture(autouse=True)
def _a_record_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_READ_BYTES", 1)


class System:
    """A start of a system in ``folder``, in one thread."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.log, self.read = SqliteLog(folder.log, PARTITIONS), ReadModel(folder.read, PARTITIONS)
        self.runners = [self._runner(partition) for partition in range(PARTITIONS)]
        for runner in self.runners:
            runner.recover()

    def _runner(self, partition: int) -> Runner:
        files = SnapshotFiles(self.folder.snapshots, partition)
        past = PastFolder(self.folder.past_of(partition, PARTITIONS))
        return Runner(self.log, WORLD, self.read, files, past, partition, speaks=True, partitions=PARTITIONS)

    def command(self, number: int, what: str, **data: Any) -> None:
        body: dict[str, Any] = {
            "id": f"cmd_{number}",
            "command": what,
            "tenant": "main",
            "by": "test",
            "data": data,
        }
        place = command_home(body, PARTITIONS)
        self.log.append([NewRecord(place, RecordKind.COMMAND, T0, body["id"], dump_json(body))])

    def settle(self) -> None:
        while sum(runner.step().records for runner in self.runners):
            pass

    def answered(self) -> set[str]:
        cursor = (0,) * PARTITIONS
        return {event.id for event in self.read.events_after(cursor, "main", [Kind.COMMAND], 1_000)}

    def end(self) -> None:
        self.read.close()
        self.log.close()


def elsewhere(asset: str) -> str:
    """A device whose home is another one than the asset's."""
    return next(d for n in range(99) if home(d := f"{asset}-{n}", PARTITIONS) != home(asset, PARTITIONS))


def filled(folder: Folder) -> System:
    """Trucks that crossed, devices, zones; snapshots in the middle."""
    system, seq = System(folder), {}  # type: ignore[var-annotated]
    for number, vin in enumerate(VINS):
        system.command(number, "asset.register", vin=vin, name=vin)
    system.settle()
    for number, asset in enumerate(ASSETS):
        system.command(10 + number, "device.fit", device=elsewhere(asset), asset=asset)
    drives = [drive(60 * n, -0.08, 0.08, asset=asset) for n, asset in enumerate(ASSETS)]
    samples = sorted((sample for one in drives for sample in one), key=lambda sample: sample.t_s)
    for first in range(0, len(samples), 12):
        frame = build(samples[first : first + 12], seq)
        for place, part in split(frame, PARTITIONS):
            system.log.append([NewRecord(place, RecordKind.FRAME, T0, "", encode_frame(part))])
        if first == 48:
            system.command(20, "zone.publish", zones=[shape("shed"), shape("shack")], valid_from_ms=T0)
        system.settle()
        if first % 60 == 0:
            assert sum(runner.checkpoint() for runner in system.runners)
    return system


def rebuild_of(folder: Folder) -> Rebuild:
    settings = Settings(data_dir=folder.root, min_free_mb=1, partitions=PARTITIONS)
    return Rebuild(settings, folder, lambda *_: None, WORLD)


def unsent(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a fitting whose note the log did not take: one that is decided in another partition."""
    system.command(90, "device.fit", device=elsewhere(ASSETS[0]), asset=ASSETS[0])

    def full(_: Sequence[NewRecord]) -> list[int]:
        raise LogFullError("log full", 1.0)

    monkeypatch.setattr(system.log, "append", full)
    system.settle()
    assert "cmd_90" not in system.answered()
    system.end()


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_every_partition_is_made_anew_and_a_note_that_was_not_sent_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_snapshot: bool
) -> None:
    folder = Folder(tmp_path / "data")
    system = filled(folder)
    assert len(system.read.objects(Kind.CROSSING, "main")) == len(ASSETS)
    unsent(system, monkeypatch)
    rebuild = rebuild_of(folder)
    result = rebuild.run(from_snapshot)
    assert result.comparison.same
    assert result.comparison.equal > 5
    assert result.begun.startswith("the snapshot at" if from_snapshot else "the beginning of the log")
    assert any(b"cmd_90" in record.body for record in result.owed)
    rebuild.replace(result)
    system = System(folder)
    system.settle()
    assert "cmd_90" in system.answered()
    assert {len(runner.engine.world.book.newest()) for runner in system.runners} == {len(WORLD.zones) + 2}
    system.end()


def test_a_log_that_was_trimmed_still_holds_what_was_decided_elsewhere(tmp_path: Path) -> None:
    """Fittings and zones are there though all frames, and the snapshots, are gone."""
    folder = Folder(tmp_path / "data")
    system = filled(folder)
    held = [runner.engine.registry.devices for runner in system.runners]
    assert sum(map(len, held)) == len(ASSETS)
    for partition in range(PARTITIONS):
        assert system.log.trim(partition, system.log.end(partition))
    system.end()
    for path in folder.snapshots.iterdir():
        path.unlink()
    rebuild = rebuild_of(folder)
    result = rebuild.run()
    rebuild.replace(result)
    system = System(folder)
    system.settle()
    assert [runner.engine.registry.devices for runner in system.runners] == held
    names = {orjson.dumps(runner.engine.world.book.dump()) for runner in system.runners}
    assert len(names) == 1
    assert b"shed" in names.pop()
    system.end()
