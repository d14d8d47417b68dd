from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from feeds.store.duck import DuckStore
from feeds.store.memory import MemoryStore
from feeds.store.port import StoreAwayError
from feeds.store.writer import StoreWriter
from streams.codec import encode_frame
from streams.memory_log import MemoryLog
from streams.records import Frame, NewRecord, RecordKind
from tests.unit.feeds.store.contract import ALL, times
from tests.unit.feeds.store.frames import Report, at, frame


def record(body: bytes, kind: RecordKind = RecordKind.FRAME, partition: int = 0) -> NewRecord:
    return NewRecord(partition, kind, 1, "key", body)


def of(n: int, asset: str = "a") -> bytes:
    return encode_frame(frame(Report(asset, [at(n * 10 + k) for k in range(10)], seq=n)))


def drain(writer: StoreWriter) -> int:
    steps = 0
    while writer.step():
        steps += 1
    return steps


def test_frames_go_into_the_store_and_other_records_are_covered() -> None:
    log, store = MemoryLog(2), MemoryStore()
    log.append(
        [record(of(0)), record(b"{}", RecordKind.COMMAND), record(of(1)), record(b"", RecordKind.TICK)]
    )
    log.append([record(of(5, "b"), partition=1)])
    writer = StoreWriter(log, store, [0, 1])
    assert writer.lag() == 5
    assert writer.step() == 5
    assert writer.step() == 0
    assert writer.lag() == 0
    assert (store.position(0), store.position(1)) == (4, 1)
    assert times(store.track("a", *ALL, 100)) == list(range(20))
    assert times(store.track("b", *ALL, 100)) == list(range(50, 60))


def test_only_own_partitions_are_carried() -> None:
    log, store = MemoryLog(2), MemoryStore()
    log.append([record(of(0)), record(of(1), partition=1)])
    assert StoreWriter(log, store, [1]).step() == 1
    assert (store.position(0), store.position(1)) == (0, 1)


def test_batches_stop_at_their_size() -> None:
    class Sized(MemoryLog):
        def read(self, partition: int, after: int, max_bytes: int) -> list:  # type: ignore[type-arg]
            return super().read(partition, after, max_bytes)[:2]

    log, store = Sized(), MemoryStore()
    log.append([record(of(n)) for n in range(10)])
    assert drain(StoreWriter(log, store, [0], batch_samples=30)) == 3
    assert len(times(store.track("a", *ALL, 1000))) == 100


def broken_frames() -> dict[str, bytes]:
    good = frame(Report("a", [at(1, tyre=1.0)]))
    wide = good.samples.set_column(0, good.samples.schema.field(0), pa.array([7], pa.int32()))
    names = pa.DictionaryArray.from_arrays(pa.array([5], pa.int32()), pa.array(["x"]), safe=False)
    astray = good.reports.set_column(1, good.reports.schema.field(1), names)
    lone = good.extras.set_column(0, good.extras.schema.field(0), pa.array([-1], pa.int32()))
    return {
        "garbage": b"garbage",
        "cut off": encode_frame(good)[:-9],
        "report astray": encode_frame(Frame(good.reports, wide, good.extras)),
        "asset astray": encode_frame(Frame(astray, good.samples, good.extras)),
        "extra astray": encode_frame(Frame(good.reports, good.samples, lone)),
    }


@pytest.mark.parametrize("name", broken_frames())
def test_unreadable_frame_is_parked_and_stops_nothing(name: str, caplog: pytest.LogCaptureFixture) -> None:
    log, store = MemoryLog(), MemoryStore()
    log.append([record(of(0)), record(broken_frames()[name]), record(of(1))])
    writer = StoreWriter(log, store, [0])
    assert writer.step() == 3
    assert writer.parked == 1
    assert "partition=0 position=2" in caplog.text
    assert times(store.track("a", *ALL, 100)) == list(range(20))


def test_store_that_is_away_is_tried_again_with_the_same_records() -> None:
    class Away(MemoryStore):
        away = True

        def write(self, partition: int, position: int, frames: Sequence[Frame]) -> None:
            if self.away:
                raise StoreAwayError("store away", 1.0)
            super().write(partition, position, frames)

    log, store = MemoryLog(), Away()
    log.append([record(of(0)), record(b"garbage")])
    writer = StoreWriter(log, store, [0])
    for _ in range(2):
        with pytest.raises(StoreAwayError):
            writer.step()
    assert (store.position(0), writer.parked) == (0, 0)
    store.away = False
    assert writer.step() == 2
    assert writer.parked == 1


def test_new_writer_goes_on_where_the_store_is(tmp_path: Path) -> None:
    log = MemoryLog()
    for n in range(3):
        log.append([record(of(n))])
        with DuckStore(tmp_path) as store:
            assert StoreWriter(log, store, [0]).step() == 1
    with DuckStore(tmp_path) as store:
        assert StoreWriter(log, store, [0]).step() == 0
        assert times(store.track("a", *ALL, 100)) == list(range(30))
