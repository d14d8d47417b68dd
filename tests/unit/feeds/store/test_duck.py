"""What is DuckDB's own: files, processes, crashes, a full disk, and rewriting."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from feeds.store import periods, segments
from feeds.store.duck import DuckStore
from feeds.store.duckfile import BrokenError
from feeds.store.intake import Intake
from feeds.store.port import Store, StoreAwayError, StoreError
from streams.records import SAMPLES, Frame
from tests.unit.feeds.store.contract import ALL, StoreContract, rows, times
from tests.unit.feeds.store.frames import Report, at, frame

ROOT = Path(__file__).parents[4]
HOUR = 3_600_000
NOON = 20_000 * 24 * HOUR + 12 * HOUR
LATER_MS = NOON + 48 * HOUR


def settle(store: DuckStore, now_ms: int = LATER_MS) -> None:
    while store.compact(now_ms, 10.0):
        pass


def arriving(n: int, count: int = 10, received_ms: int = NOON) -> Report:
    """Report ``n``: ``count`` samples of one asset, one a ms."""
    samples = [at(n * count + k, tyre=float(k)) for k in range(count)]
    return Report("a", samples, seq=n, received_ms=received_ms)


def stored_rows(folder: Path, prefix: str = "s") -> list[tuple[int, int]]:
    """(asset, t_ms) of all sample rows as they lie in the file, segment after segment."""
    with duckdb.connect(str(folder / "samples.duckdb")) as file:
        names = file.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_oid").fetchall()
        tables = [name for (name,) in names if name.startswith(f"{prefix}_")]
        return [row for t in tables for row in file.execute(f"SELECT asset, t_ms FROM {t}").fetchall()]


def levels(store: DuckStore) -> list[int]:
    with store._reading() as cursor:
        return [n for (n,) in cursor.execute("SELECT level FROM segments ORDER BY level").fetchall()]


class TestDuckStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DuckStore]:
        with DuckStore(tmp_path / "store", segment_rows=60) as store:
            yield store

    def settle(self, store: Store) -> None:
        assert isinstance(store, DuckStore)
        settle(store)


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    for n in range(1, 6):
        with DuckStore(tmp_path, segment_rows=15) as store:
            assert store.position(2) == n - 1
            store.write(2, n, [frame(arriving(n))])
            if n == 3:
                settle(store)
    with DuckStore(tmp_path) as store:
        assert times(store.track("a", *ALL, 100)) == list(range(10, 60))
        assert rows(store.latest(["a"]), "asset", "device", "t_ms") == [("a", "unit-1", 59)]
        assert rows(store.signals("a", ["tyre"], 58, 60, 100), "tyre") == [(8.0,), (9.0,)]


def test_retention_is_there_after_opening_again(tmp_path: Path) -> None:
    with DuckStore(tmp_path) as store:
        store.write(0, 1, [frame(arriving(0))])
        store.drop_before(5)
    with DuckStore(tmp_path) as store:
        assert times(store.track("a", *ALL, 100)) == [5, 6, 7, 8, 9]


def test_closed_hour_is_rewritten_sorted_and_without_duplicates(tmp_path: Path) -> None:
    with DuckStore(tmp_path, segment_rows=1000) as store:
        for position, n in enumerate((3, 1, 2, 1), start=1):
            other = Report("b", [at(n)], seq=n, device="unit-2", received_ms=NOON)
            store.write(0, position, [frame(arriving(n, received_ms=NOON), other)])
        assert store.compact(NOON + 1, 10.0) == 0  # the hour goes on
        assert levels(store) == [-1]
        settle(store, NOON + HOUR)
        assert levels(store) == [-1, 1]
    found = stored_rows(tmp_path)
    assert found == sorted(set(found))
    assert len(found) == 33
    assert len(stored_rows(tmp_path, "x")) == 30


def test_late_data_of_a_rewritten_day_is_merged_when_the_day_of_its_arrival_ends(tmp_path: Path) -> None:
    with DuckStore(tmp_path, segment_rows=1000) as store:
        store.write(0, 1, [frame(arriving(2))])
        settle(store, NOON + HOUR)
        store.write(0, 2, [frame(arriving(1, received_ms=NOON + HOUR), arriving(2, received_ms=NOON + HOUR))])
        settle(store, NOON + 2 * HOUR)
        assert levels(store) == [-1, 1, 1]
        settle(store, NOON + 12 * HOUR)
        assert levels(store) == [-1, 2]
    assert stored_rows(tmp_path) == [(0, t) for t in range(10, 30)]


def test_many_segments_of_a_day_are_merged_before_it_ends(tmp_path: Path) -> None:
    with DuckStore(tmp_path, segment_rows=10) as store:
        for n in range(1, 40):
            store.write(0, n, [frame(arriving(n))])
        settle(store, NOON)
        assert levels(store) == [-1, 1, 1, 1, 1, 1, 1, 2, 2]
        assert times(store.track("a", *ALL, 1000)) == list(range(10, 400))


def crowded(hour: int, count: int) -> Frame:
    """``count`` samples that arrive in an hour of the day of NOON, and ten that every hour brings again."""
    now = NOON + (hour - 12) * HOUR
    own, again = Report("a", [], content=str(hour), received_ms=now), Report("a", [], received_ms=now)
    reports = frame(own, again)
    t_ms = [*range(10 + hour * count, 10 + (hour + 1) * count), *range(10)]
    columns = {name: [7] * len(t_ms) for name in SAMPLES.names}
    columns |= {"report": [0] * count + [1] * 10, "t_ms": t_ms}
    samples = [pa.array(columns[f.name], f.type) for f in SAMPLES]
    return Frame(reports.reports, pa.RecordBatch.from_arrays(samples, schema=SAMPLES), reports.extras)


def test_merge_of_many_samples_with_a_few_duplicates_needs_little_memory(tmp_path: Path) -> None:
    count = 15_000
    with DuckStore(tmp_path, memory_mb=64) as store:
        for hour in range(segments.FAN):
            store.write(0, hour + 1, [crowded(hour, count)])
            settle(store, NOON + (hour - 11) * HOUR)
        assert levels(store) == [-1, 2]
    assert stored_rows(tmp_path) == [(0, t) for t in range(10 + segments.FAN * count)]
    with duckdb.connect(str(tmp_path / "samples.duckdb")) as file:
        (merged,) = file.execute("SELECT id FROM segments WHERE level = 2").fetchall()[0]
        came = file.execute(f"SELECT DISTINCT received_ms FROM s_{merged} WHERE t_ms < 10").fetchall()
    assert came == [(NOON - 12 * HOUR,)]


def test_merge_that_was_cut_off_leaves_nothing_behind(tmp_path: Path) -> None:
    with DuckStore(tmp_path, segment_rows=10) as store:
        for n in range(1, 18):
            report = Report("b", [at(n)], seq=n, device="unit-2", received_ms=NOON)
            store.write(0, n, [frame(arriving(n), report)])
        for _ in range(17):  # 16 segments sorted, the first range of assets merged
            assert store.compact(NOON, 0.0) == 1
    with DuckStore(tmp_path, segment_rows=10) as store:
        assert levels(store) == [-1] + [1] * 16
        settle(store)
        assert levels(store) == [-1, 3]
        assert len(times(store.track("a", *ALL, 1000))) == 170
        assert len(times(store.track("b", *ALL, 1000))) == 17
    found = stored_rows(tmp_path)
    assert found == sorted(found)
    assert len(found) == 187


def test_retention_during_a_merge_frees_what_is_over(tmp_path: Path) -> None:
    with DuckStore(tmp_path, segment_rows=10) as store:
        for n in range(1, 18):
            store.write(0, n, [frame(arriving(n))])
        for _ in range(17):
            store.compact(NOON, 0.0)
        store.drop_before(55)
        settle(store, LATER_MS)
        assert times(store.track("a", *ALL, 1000)) == list(range(55, 180))
        store.drop_before(10_000)
        settle(store)
        assert levels(store) == [-1]
    assert stored_rows(tmp_path) == []


def test_purge_reaches_days_that_hold_a_sample_from_the_future(tmp_path: Path) -> None:
    future = NOON * 2
    with DuckStore(tmp_path, segment_rows=10) as store:
        clock_ahead = Report("a", [at(future)], seq=9, received_ms=NOON)
        store.write(0, 1, [frame(arriving(1), clock_ahead)])
        settle(store)
        store.drop_before(LATER_MS)
        assert times(store.track("a", *ALL, 10)) == [future]
    assert stored_rows(tmp_path) == [(0, future)]


def test_second_process_is_told_who_holds_the_store(tmp_path: Path) -> None:
    code = "import sys, pathlib, feeds.store.duck as duck; duck.DuckStore(pathlib.Path(sys.argv[1]))"
    with DuckStore(tmp_path):
        command = [sys.executable, "-c", code, str(tmp_path)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert second.returncode != 0
    assert "StoreError: store in use by another process" in second.stderr
    assert f"PID {os.getpid()}" in second.stderr


def test_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "samples.duckdb").write_bytes(b"GARBAGE" * 1000)
    with pytest.raises(StoreError, match="store failed"):
        DuckStore(tmp_path)


def test_store_of_another_format_is_refused(tmp_path: Path) -> None:
    DuckStore(tmp_path).close()
    with duckdb.connect(str(tmp_path / "samples.duckdb")) as file:
        file.execute("UPDATE meta SET format = 99")
    with pytest.raises(StoreError, match="got 99, want 1"):
        DuckStore(tmp_path)


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError):
        DuckStore(tmp_path / "taken" / "store")


_ENDLESS = """
import sys
from pathlib import Path
from feeds.store import duck, periods
from feeds.store.duck import DuckStore
from tests.unit.feeds.store.test_duck import arriving, frame
store = DuckStore(Path(sys.argv[1]), segment_rows=100)
for n in range(1, 1_000_000):
    store.write(0, n, [frame(arriving(n))])
    print(n, flush=True)
    if n % 7 == 0:
        store.compact(2**50, 0.0)
"""


def test_killed_store_holds_every_batch_up_to_its_position_and_nothing_else(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as lines:
        told = [int(next(lines)) for _ in range(60)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in lines if line.endswith("\n")]
    process.wait()
    with DuckStore(tmp_path) as store:
        position = store.position(0)
        assert position in (told[-1], told[-1] + 1)
        assert times(store.track("a", *ALL, 10**6)) == list(range(10, position * 10 + 10))
        store.write(0, position + 1, [frame(arriving(position + 1))])


def write_until_refused(store: DuckStore) -> int:
    for n in range(1000):
        try:
            store.write(0, n + 1, [frame(arriving(n, 1000))])
        except StoreAwayError:
            return n
    raise AssertionError("never refused")


def test_full_disk_refuses_until_there_is_room_and_loses_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with DuckStore(tmp_path, segment_rows=5000) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            n = write_until_refused(store)
            with pytest.raises(StoreAwayError, match="can't be written"):
                store.write(0, n + 1, [frame(arriving(n, 1000))])
            assert store.position(0) == n
            assert len(times(store.track("a", *ALL, 10**6))) == n * 1000
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        store.write(0, n + 1, [frame(arriving(n, 1000))])
        settle(store)
    with DuckStore(tmp_path) as store:
        assert store.position(0) == n + 1
        assert times(store.track("a", *ALL, 10**6)) == list(range((n + 1) * 1000))


def test_long_period_is_read_piece_by_piece_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periods, "SPAN_ROWS", 50)
    instants = [NOON + n * 24 * HOUR + k * 60_000 for n in range(20) for k in range(10)]
    received_ms = instants[-1]
    with DuckStore(tmp_path) as store:
        bend = [
            at(t, lon=100 + k / 100, lat=20 + (0.01 if k == 137 else 0), speed_ckmh=k)
            for k, t in enumerate(instants)
        ]
        again = Report("a", bend, content="again", received_ms=received_ms)
        store.write(0, 1, [frame(Report("a", bend, received_ms=received_ms), again)])
        assert times(store.track("a", *ALL, 1000)) == sorted(instants * 2)
        thinned = times(store.track("a", *ALL, 12))
        assert len(thinned) <= 12
        assert {instants[0], instants[136], instants[137], instants[138], instants[-1]} <= set(thinned)
        assert times(store.signals("a", ["speed_kmh"], *ALL, 1000)) == sorted(instants * 2)
        assert times(store.signals("a", ["speed_kmh"], NOON, NOON + 15 * 24 * HOUR, 1000)) == sorted(
            instants[:150] * 2
        )
        assert store.signals("a", ["speed_kmh"], *ALL, 10).num_rows <= 10


def test_broken_connection_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise BrokenError("store not usable: lost", 1.0)

    with DuckStore(tmp_path) as store:
        store.write(0, 1, [frame(arriving(1))])
        with monkeypatch.context() as patch:
            patch.setattr(Intake, "write", broken)
            with pytest.raises(StoreAwayError):
                store.write(0, 2, [frame(arriving(2))])
        with pytest.raises(StoreAwayError):
            store.track("a", *ALL, 10)
        store.write(0, 2, [frame(arriving(2))])
        assert times(store.track("a", *ALL, 100)) == list(range(10, 30))
