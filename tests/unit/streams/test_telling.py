"""What an owner tells beside its events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from streams.codec import dump_json, load_json
from streams.events import Change, Event, Kind
from streams.kafka.positions import ROUND_S, Positions
from streams.records import LogRecord, RecordKind
from streams.runtime import telling
from streams.runtime.telling import Teller
from tests.unit.streams.engine.small_world import T0, Feeder, Sample, drive, feeder


class Tables:
    def __init__(self) -> None:
        self.told: list[Positions] = []

    def publish(self, partition: int, table: Positions) -> None:
        self.told.append(table)


class Keys:
    def __init__(self) -> None:
        self.held: dict[str, bytes | None] = {}
        self.flushed = False

    def send(self, values: Mapping[str, bytes | None]) -> None:
        self.held |= values

    def flush(self) -> None:
        self.flushed = True

    def close(self) -> None:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr("streams.runtime.telling.time.monotonic", lambda: now[0])
    return now


def fleet(count: int) -> Feeder:
    feed = feeder()
    feed.feed([Sample(0, 0.001 * (n + 1), asset=f"a{n}") for n in range(count)])
    return feed


def test_rows_that_moved_are_told_some_times_a_second_and_once(clock: list[float]) -> None:
    feed, tables = feeder(), Tables()
    teller = Teller(0, tables, None)
    for sample in drive(0, -0.006, -0.0055):
        step = feed.engine.fold(feed.record([sample]))
        teller.add(step.events, step.moved)
        teller.tell(feed.engine)
    assert tables.told == []
    clock[0] += 0.2
    teller.tell(feed.engine)
    (table,) = tables.told
    assert (table.asset, table.tenant, table.device, table.country) == (["a1"], ["main"], ["d-a1"], ["LA"])
    assert (table.position, table.at_gate.tolist(), len(table)) == (feed.engine.position, [True], 1)
    latest = feed.engine.latest(np.array([0]))
    for name in ("t", "lon", "lat", "speed", "heading", "seen", "trip_mm"):
        assert getattr(table, name).tolist() == latest[name].tolist()
    clock[0] += 0.2
    teller.tell(feed.engine)
    assert len(tables.told) == 1, "nothing moved"


def test_everything_comes_round_whether_it_moves_or_not(clock: list[float]) -> None:
    feed, tables = fleet(7), Tables()
    teller = Teller(0, tables, None)
    for _ in range(int(ROUND_S / 0.5)):
        clock[0] += 0.5
        teller.tell(feed.engine)
    names = [name for table in tables.told for name in table.asset]
    assert set(names) == {f"a{n}" for n in range(7)}
    assert len(names) <= 9, "hardly one twice"


def test_a_large_table_goes_in_pieces(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "ROWS", 3)
    feed, tables = feeder(), Tables()
    step = feed.engine.fold(feed.record([Sample(0, 0.001 * (n + 1), asset=f"a{n}") for n in range(7)]))
    teller = Teller(0, tables, None)
    teller.add(step.events, step.moved)
    clock[0] += 0.2
    teller.tell(feed.engine)
    assert [len(table) for table in tables.told] == [3, 3, 1]


def test_objects_that_gateways_need_are_registered() -> None:
    keys = Keys()
    teller = Teller(3, None, keys)

    def event(kind: Kind, id_: str, data: dict[str, object], position: int) -> Event:
        return Event(3, position, position, kind, id_, 1, Change.CREATED, "main", "a1", 0, 0, data)

    moved = np.empty(0, np.int64)
    teller.add([event(Kind.DEVICE, "device_1", {"device": "d1", "to_ms": None}, 1)], moved)
    teller.add([event(Kind.TRIP, "trip_1", {}, 2), event(Kind.ASSET, "asset_1", {"vin": "V"}, 3)], moved)
    teller.add([event(Kind.DEVICE, "device_1", {"device": "d1", "to_ms": 5}, 4)], moved)
    assert sorted(keys.held) == ["asset_1", "device:d1"]
    held = load_json(keys.held["device:d1"] or b"")
    assert (held["position"], held["partition"], held["data"]) == (4, 3, {"device": "d1", "to_ms": 5})
    teller.flush()
    assert keys.flushed


def test_fittings_come_round_as_they_are_now(clock: list[float]) -> None:
    keys, feed = Keys(), feeder()
    teller = Teller(0, None, keys)

    def command(name: str, data: dict[str, object]) -> None:
        body = {"id": f"c{feed.engine.position}", "command": name, "tenant": "main", "by": "x", "data": data}
        position = feed.engine.position + 1
        record = LogRecord(0, position, RecordKind.COMMAND, T0 + position, "k", dump_json(body))
        teller.add(feed.engine.fold(record).events, np.empty(0, np.int64))

    command("asset.register", {"vin": "WDSTTESTA00000001"})
    (asset,) = feed.engine.registry.assets
    for device in ("d1", "d2", "d3"):
        command("device.fit", {"device": device, "asset": asset})
    command("device.unfit", {"device": "d2"})
    told = {key: load_json(value or b"") for key, value in keys.held.items()}
    keys.held = {"device:d1": b"late and old"}
    for _ in range(int(2 * telling.FITTINGS_S)):
        clock[0] += 1.0
        teller.tell(feed.engine)
    again = {key: load_json(value or b"") for key, value in keys.held.items()}
    assert sorted(again) == ["device:d1", "device:d2", "device:d3"]
    for key, value in again.items():
        assert value == told[key] | {"position": 5}
