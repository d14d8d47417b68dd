"""Homes: where each key and command belongs, and notes that can't be read."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codec import CodecError, dump_json
from streams.engine import Engine, SnapshotError, restore, snapshot
from streams.engine.queues import encode
from streams.events import Event, Kind, object_id
from streams.homes import Fit, command_home, handed_zones, home, opened_note
from streams.memory_log import MemoryLog
from streams.records import LogRecord, NewRecord, RecordKind
from streams.sqlite_log import SqliteLog
from tests.unit.streams.engine.small_world import T0, world

WORLD = world()


def command(name: str, number: int = 1, **data: Any) -> dict[str, Any]:
    return {"id": f"cmd_{number}", "command": name, "tenant": "main", "by": "test", "data": data}


def key_of(place: int, partitions: int, stem: str) -> str:
    """A key that is at home there."""
    return next(key for n in range(1_000) if home(key := f"{stem}{n}", partitions) == place)


def fold(engine: Engine, body: dict[str, Any]) -> list[Event]:
    position = engine.position + 1
    record = LogRecord(engine.partition, position, RecordKind.COMMAND, T0, "", dump_json(body))
    return engine.fold(record).events


def test_a_home_never_moves_while_the_partitions_stay() -> None:
    """These are what other programs compute: CRC-32 as in zlib, of UTF-8."""
    assert home("123456789", 1 << 32) == 0xCBF43926
    assert [home(key, 8) for key in ("asset_1", "mohan-boten", "d-\u00e9")] == [
        zlib.crc32(key.encode()) % 8 for key in ("asset_1", "mohan-boten", "d-\u00e9")
    ]
    assert home("anything", 1) == 0


def test_each_command_goes_to_the_home_of_what_it_is_checked_against_first() -> None:
    asset = object_id(Kind.ASSET, "main", "V1")
    for n in (2, 3, 16):
        assert command_home(command("asset.register", vin="V1"), n) == home(asset, n)
        assert command_home(command("asset.update", asset=asset), n) == home(asset, n)
        assert command_home(command("device.fit", asset=asset, device="d"), n) == home(asset, n)
        for name in ("device.unfit", "device.key", "device.key.revoke"):
            assert command_home(command(name, device="d", key="k"), n) == home("d", n)
        assert command_home(command("zone.publish", zones=[]), n) == 0
        assert command_home(command("zone.retire", ids=[]), n) == 0


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))
)
@settings(max_examples=50, deadline=None)
def test_a_command_of_any_form_has_a_home(data: Any) -> None:
    for name in ("asset.register", "asset.update", "device.fit", "device.unfit", "zone.publish", "x"):
        assert 0 <= command_home({"command": name, "data": data}, 5) < 5


@pytest.mark.parametrize(
    "body",
    [
        b"\x78\x9cgarbage",
        b"not json",
        b'{"fit": []}',
        b'{"fit": ["c", "main", {"device": "d", "asset": "a"}, 0, 1]}',
        b'{"fit": ["c", "main", {"device": "d", "asset": 7, "from_ms": 1}, 0, 1]}',
        b'{"zones": [1, 2]}',
        b'{"zones": [1, 2, [7]]}',
        b"[]" + b" " * 3,
    ],
)
def test_a_note_that_can_not_be_read_is_left_out(body: bytes) -> None:
    engine = Engine(1, WORLD, partitions=2)
    with pytest.raises(CodecError):
        engine.fold(LogRecord(1, 1, RecordKind.NOTE, T0, "", body))
    assert (engine.position, engine.number) == (1, 0)


def test_a_note_of_a_fitting_is_itself_again() -> None:
    fit = Fit("c", "main", {"device": "d", "asset": "a", "from_ms": 1, "datum": "gcj02"}, 3, 9)
    handed = fit.handed(8)
    assert (handed.to, handed.key) == (home("d", 8), "d")
    assert opened_note(handed.body) == fit


def test_what_came_to_another_partition_than_its_home_is_refused_there() -> None:
    here, there = key_of(0, 2, "d"), key_of(1, 2, "d")
    engine = Engine(0, WORLD, partitions=2)
    (elsewhere,) = fold(engine, command("device.unfit", 1, device=there))
    assert elsewhere.data["error"]["code"] == "elsewhere"
    (unknown,) = fold(engine, command("device.unfit", 2, device=here))
    assert unknown.data["error"]["code"] == "unknown"
    other = Engine(1, WORLD, partitions=2)
    (zones,) = fold(other, command("zone.retire", 3, ids=["yard"], valid_from_ms=0))
    assert zones.data["error"]["code"] == "elsewhere"


def test_a_fitting_is_answered_where_its_device_is_at_home_and_nowhere_else() -> None:
    engines = [Engine(p, WORLD, partitions=2) for p in range(2)]
    vin = next(v for n in range(99) if home(object_id(Kind.ASSET, "main", v := f"V{n}"), 2) == 0)
    asset, _ = fold(engines[0], command("asset.register", 1, vin=vin))
    here, there = key_of(0, 2, "d"), key_of(1, 2, "d")
    assert len(fold(engines[0], command("device.fit", 2, device=here, asset=asset.id))) == 2
    position = engines[0].position + 1
    body = dump_json(command("device.fit", 3, device=there, asset=asset.id))
    step = engines[0].fold(LogRecord(0, position, RecordKind.COMMAND, T0 + 5, "", body))
    assert step.events == []
    (handed,) = step.handed
    assert handed.to == 1
    told = engines[1].fold(LogRecord(1, 1, RecordKind.NOTE, T0 + 9, "", handed.body)).events
    assert [event.kind for event in told] == [Kind.DEVICE, Kind.COMMAND]
    assert told[0].data == {"device": there, "asset": asset.id, "from_ms": T0 + 5, "to_ms": None}
    assert told[1].data["ok"]
    (refused,) = fold(
        engines[0], command("device.fit", 4, device=there, asset="asset_none" + key_of(0, 2, ""))
    )
    assert refused.data["error"]["code"] in ("unknown", "elsewhere")


def test_a_snapshot_is_of_one_count_of_partitions() -> None:
    with pytest.raises(SnapshotError, match="another partition count: got 2, want 1"):
        restore(snapshot(Engine(0, WORLD, partitions=2)), WORLD)
    with pytest.raises(SnapshotError, match="another partition count: got 1, want 4"):
        restore(snapshot(Engine(0, WORLD)), WORLD, partitions=4)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_log_keeps_the_notes_on_which_decisions_rest(tmp_path: Path, kind: str) -> None:
    log: MemoryLog | SqliteLog = MemoryLog(2) if kind == "memory" else SqliteLog(tmp_path / "log.db", 2)
    fit = Fit("c", "main", {"device": "d", "asset": "a", "from_ms": 1}, 0, 9).handed(2).body
    (zones,) = handed_zones(1, [[T0, False, {"id": "z"}, "00"]], 2)
    bodies = [encode([]), fit, zones.body, b"{}"]
    log.append([NewRecord(1, RecordKind.NOTE, T0, "k", body) for body in bodies])
    log.append([NewRecord(1, RecordKind.FRAME, T0, "k", fit)])
    assert log.trim(1, 5) == 3
    assert [(r.position, r.body) for r in log.read(1, 0, 1 << 20)] == [(2, fit), (3, zones.body)]
    assert log.trimmed(1) == 5
    if isinstance(log, SqliteLog):
        log.close()
