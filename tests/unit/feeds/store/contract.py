"""What every store must do. A test module subclasses ``StoreContract`` and says how to make one."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feeds.store.port import Store
from feeds.store.schema import LATEST, TRACK, signals_schema
from tests.unit.feeds.store.contract_quality import QualityContract
from tests.unit.feeds.store.frames import Report, at, frame

ALL = (-(2**62), 2**62)
T0 = 1_800_000_000_000  # frames.Report.received_ms


def times(table: pa.Table) -> list[int]:
    return [int(t) for t in table["t_ms"].to_pylist()]


def rows(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


class StoreContract(QualityContract):
    """Fixture ``store`` gives an empty one; ``settle`` does whatever upkeep the store has, up to its end."""

    def settle(self, store: Store) -> None:
        """Nothing to do for most."""

    @pytest.fixture(params=["as written", "settled"])
    def done(self, request: pytest.FixtureRequest) -> Any:
        return self.settle if request.param == "settled" else lambda store: None

    def test_empty_store_answers_with_empty_tables(self, store: Store) -> None:
        assert store.position(0) == 0
        assert store.track("a", *ALL, 10).equals(TRACK.empty_table())
        assert store.signals("a", ["speed_kmh", "tyre"], *ALL, 10).equals(
            signals_schema(["speed_kmh", "tyre"]).empty_table()
        )
        assert store.latest(["a"]).equals(LATEST.empty_table())
        assert store.latest([]).equals(LATEST.empty_table())

    def test_track_serves_every_column_as_it_was_measured(self, store: Store, done: Any) -> None:
        full = at(
            T0 + 1000,
            lon=-170.5,
            lat=-33.25,
            alt_mm=-4000,
            speed_ckmh=8512,
            heading_cdeg=35999,
            hdop_c=90,
            sats=12,
            fix=3,
            odometer_mm=7_000_000_000_123,
            wheel_ckmh=8500,
        )
        store.write(0, 1, [frame(Report("a", [full, at(T0 + 700_000)], received_ms=T0 + 700_000))])
        done(store)
        table = store.track("a", *ALL, 10)
        assert table.schema.equals(TRACK)
        assert table.to_pylist()[0] == {**full, "flags": 0}
        missing = {n: None for n in TRACK.names if n not in ("t_ms", "lon_e7", "lat_e7", "flags")}
        assert table.to_pylist()[1] == {**at(T0 + 700_000), "flags": 0, **missing}

    def test_interval_is_half_open(self, store: Store, done: Any) -> None:
        store.write(0, 1, [frame(Report("a", [at(t, speed_ckmh=t) for t in (999, 1000, 1999, 2000)]))])
        done(store)
        assert times(store.track("a", 1000, 2000, 10)) == [1000, 1999]
        assert times(store.signals("a", ["speed_kmh"], 1000, 2000, 10)) == [1000, 1999]
        assert times(store.track("a", 1000, 1000, 10)) == []
        assert times(store.track("a", 2000, 1000, 10)) == []

    def test_assets_are_apart(self, store: Store, done: Any) -> None:
        store.write(0, 1, [frame(Report("a", [at(1)]), Report("b", [at(2)], device="unit-2"))])
        done(store)
        assert times(store.track("a", *ALL, 10)) == [1]
        assert times(store.track("b", *ALL, 10)) == [2]
        assert times(store.track("", *ALL, 10)) == []

    def test_rewritten_batch_counts_once(self, store: Store, done: Any) -> None:
        reports = frame(Report("a", [at(1, speed_ckmh=10, tyre=2.5), at(2)]))
        store.write(0, 1, [reports])
        store.write(0, 1, [reports])
        done(store)
        store.write(0, 2, [reports])
        assert times(store.track("a", *ALL, 10)) == [1, 2]
        assert rows(store.signals("a", ["tyre", "speed_kmh"], *ALL, 10), "t_ms", "tyre", "speed_kmh") == [
            (1, 2.5, 0.1)
        ]
        assert store.latest(["a"]).num_rows == 1

    def test_report_sent_again_in_another_frame_counts_once(self, store: Store, done: Any) -> None:
        one, two = Report("a", [at(1), at(2)]), Report("a", [at(3)], seq=1)
        again = Report("a", [at(1), at(2)], received_ms=1_800_000_009_000)
        store.write(0, 1, [frame(one)])
        done(store)
        store.write(0, 2, [frame(two, again)])
        done(store)
        assert times(store.track("a", *ALL, 10)) == [1, 2, 3]

    def test_conflicting_samples_of_one_instant_coexist(self, store: Store, done: Any) -> None:
        store.write(0, 1, [frame(Report("a", [at(1, lat=10.0, tyre=1.0)], content="x"))])
        store.write(0, 2, [frame(Report("a", [at(1, lat=20.0, tyre=2.0)], content="y"))])
        done(store)
        assert sorted(rows(store.track("a", *ALL, 10), "t_ms", "lat_e7")) == [
            (1, 10 * 10**7),
            (1, 20 * 10**7),
        ]
        assert sorted(rows(store.signals("a", ["tyre"], *ALL, 10), "t_ms", "tyre")) == [(1, 1.0), (1, 2.0)]
        assert store.latest(["a"]).num_rows == 1

    def test_instant_twice_in_one_report_is_kept_twice(self, store: Store, done: Any) -> None:
        twice = frame(Report("a", [at(5, lat=1.0), at(4, lat=2.0), at(5, lat=3.0)]))
        store.write(0, 1, [twice])
        store.write(0, 2, [twice])
        done(store)
        found = rows(store.track("a", *ALL, 10), "t_ms", "lat_e7")
        assert found[0] == (4, 2 * 10**7)
        assert sorted(found[1:]) == [(5, 1 * 10**7), (5, 3 * 10**7)]

    def test_order_of_writing_does_not_matter(self, store: Store, done: Any) -> None:
        for position, t in enumerate((5, 1, 4, 2, 3), start=1):
            store.write(0, position, [frame(Report("a", [at(t, tyre=t / 2)], seq=t))])
            if t == 4:
                done(store)
        done(store)
        assert times(store.track("a", *ALL, 10)) == [1, 2, 3, 4, 5]
        assert rows(store.signals("a", ["tyre"], *ALL, 10), "tyre") == [
            (0.5,),
            (1.0,),
            (1.5,),
            (2.0,),
            (2.5,),
        ]
        assert times(store.latest(["a"])) == [5]

    def test_sample_without_position_is_a_signal_but_no_track(self, store: Store, done: Any) -> None:
        samples = [at(1), at(2, lon=None, lat=None, engine_rpm=1200.0), at(3, lat=None), at(4, lon=None)]
        store.write(0, 1, [frame(Report("a", samples))])
        done(store)
        assert times(store.track("a", *ALL, 10)) == [1]
        assert times(store.latest(["a"])) == [1]
        assert rows(store.signals("a", ["engine_rpm"], *ALL, 10), "t_ms", "engine_rpm") == [(2, 1200.0)]

    def test_signals_have_the_units_of_the_wire(self, store: Store, done: Any) -> None:
        sample = at(
            1, speed_ckmh=1234, odometer_mm=5678, heading_cdeg=9050, sats=9, hdop_c=85, fuel_level_pct=40.5
        )
        store.write(0, 1, [frame(Report("a", [sample]))])
        done(store)
        names = ["odometer_m", "speed_kmh", "heading_deg", "sats", "hdop", "fuel_level_pct", "fuel_used_l"]
        table = store.signals("a", names, *ALL, 10)
        assert table.schema.equals(signals_schema(names))
        assert rows(table, *names) == [(5.678, 12.34, 90.5, 9.0, 0.85, 40.5, None)]

    def test_extras_stand_beside_signals_of_the_same_sample(self, store: Store, done: Any) -> None:
        samples = [at(1, engine_rpm=900.0, tyre=7.5), at(2, tyre=8.5, door=1), at(3, engine_rpm=950.0), at(4)]
        store.write(0, 1, [frame(Report("a", samples), Report("b", [at(1, tyre=99.0)], device="unit-2"))])
        done(store)
        names = ["tyre", "engine_rpm", "door", "never"]
        assert rows(store.signals("a", names, *ALL, 10), "t_ms", *names) == [
            (1, 7.5, 900.0, None, None),
            (2, 8.5, None, 1.0, None),
            (3, None, 950.0, None, None),
        ]
        assert rows(store.signals("a", ["never"], *ALL, 10), "never") == []
        assert store.signals("a", ["tyre", "tyre"], *ALL, 10).column_names == ["t_ms", "tyre"]

    def test_extra_may_be_called_like_a_column_of_the_store(self, store: Store, done: Any) -> None:
        names = ["hash", "asset", "value", "v1", "flags"]
        values = {name: float(k) for k, name in enumerate(names)}
        again = Report("a", [at(1, **values)])
        store.write(0, 1, [frame(again)])
        store.write(0, 2, [frame(again)])
        done(store)
        assert store.signals("a", names, *ALL, 10).to_pylist() == [{"t_ms": 1, **values}]

    def test_latest_is_the_newest_instant_not_the_newest_write(self, store: Store, done: Any) -> None:
        store.write(0, 1, [frame(Report("a", [at(50, lat=5.0)]), Report("b", [at(7)], device="unit-2"))])
        done(store)
        store.write(0, 2, [frame(Report("a", [at(40, lat=4.0)], seq=1))])
        table = store.latest(["b", "a", "nobody", "a"])
        assert table.schema.equals(LATEST)
        assert sorted(rows(table, "asset", "device", "t_ms")) == [("a", "unit-1", 50), ("b", "unit-2", 7)]
        store.write(0, 3, [frame(Report("a", [at(60, lat=6.0)], seq=2))])
        done(store)
        assert rows(store.latest(["a"]), "t_ms", "lat_e7") == [(60, 6 * 10**7)]

    def test_positions_are_by_partition_and_never_go_back(self, store: Store) -> None:
        store.write(0, 7, [])
        store.write(3, 2, [frame(Report("a", [at(1)]))])
        assert (store.position(0), store.position(1), store.position(3)) == (7, 0, 2)
        store.write(0, 5, [])
        assert store.position(0) == 7

    def test_frame_without_samples_is_no_trouble(self, store: Store) -> None:
        store.write(0, 1, [frame(), frame(Report("a", [])), frame(Report("a", [at(1)]))])
        assert times(store.track("a", *ALL, 10)) == [1]

    def test_track_is_thinned_to_its_shape(self, store: Store, done: Any) -> None:
        minutes = [T0 - (100 - k) * 60_000 for k in range(100)]
        corner = [
            at(t, lon=100 + min(k, 60) / 100, lat=20 + max(k - 60, 0) / 100) for k, t in enumerate(minutes)
        ]
        store.write(0, 1, [frame(Report("a", corner))])
        done(store)
        table = store.track("a", *ALL, 3)
        assert times(table) == [minutes[0], minutes[60], minutes[99]]
        assert len(times(store.track("a", *ALL, 20))) <= 20
        assert set(times(store.track("a", *ALL, 20))) >= {minutes[0], minutes[60], minutes[99]}
        assert len(times(store.track("a", *ALL, 100))) == 100

    def test_signals_are_thinned_to_their_peaks(self, store: Store, done: Any) -> None:
        samples = [
            at(t, speed_ckmh=12000 if t == 777 else 5000, tyre=-9.0 if t == 333 else 8.0) for t in range(1000)
        ]
        store.write(0, 1, [frame(Report("a", samples))])
        done(store)
        table = store.signals("a", ["speed_kmh", "tyre"], *ALL, 40)
        assert table.num_rows <= 40
        assert {0, 333, 777, 999} <= set(times(table))

    def test_dropped_samples_are_gone_at_once_and_stay_gone(self, store: Store, done: Any) -> None:
        report = Report("a", [at(t, tyre=t / 1) for t in (10, 20, 30)])
        store.write(0, 1, [frame(report, Report("b", [at(15)], device="unit-2"))])
        done(store)
        store.drop_before(20)
        store.write(0, 2, [frame(report)])
        for _ in range(2):
            assert times(store.track("a", *ALL, 10)) == [20, 30]
            assert times(store.signals("a", ["tyre"], *ALL, 10)) == [20, 30]
            assert rows(store.latest(["a", "b"]), "asset", "t_ms") == [("a", 30)]
            done(store)
        store.drop_before(15)
        assert times(store.track("a", *ALL, 10)) == [20, 30]

    def test_threads_write_and_read_at_once(self, store: Store) -> None:
        failures: list[BaseException] = []

        def guarded(work: Any) -> threading.Thread:
            def run() -> None:
                try:
                    work()
                except BaseException as error:
                    failures.append(error)

            return threading.Thread(target=run)

        def write(partition: int) -> None:
            for n in range(1, 21):
                samples = [at(partition * 10_000 + n * 10 + k) for k in range(10)]
                store.write(partition, n, [frame(Report(f"a{partition}", samples, seq=n))])

        def read() -> None:
            for _ in range(20):
                found = times(store.track("a0", *ALL, 10_000))
                assert len(found) % 10 == 0  # all of a batch or nothing
                assert found == sorted(found)
                store.latest(["a0", "a1"])

        threads = [guarded(lambda p=p: write(p)) for p in range(2)]
        threads += [guarded(read) for _ in range(2)]
        threads.append(guarded(lambda: self.settle(store)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(times(store.track("a1", *ALL, 10_000))) == 200
        assert (store.position(0), store.position(1)) == (20, 20)

    def test_many_random_writes_read_like_a_plain_list(self, store: Store, done: Any) -> None:
        random = np.random.default_rng(7)
        want: dict[str, set[int]] = {f"a{n}": set() for n in range(5)}
        for position in range(1, 31):
            reports = []
            for n in range(5):
                start = int(random.integers(0, 500))
                samples = [at(t) for t in range(start, start + int(random.integers(1, 8)))]
                reports.append(Report(f"a{n}", samples, device=f"d{n}", hash=bytes(32)))
                want[f"a{n}"] |= {int(s["t_ms"] or 0) for s in samples}
            store.write(0, position, [frame(*reports)])
            if position % 10 == 0:
                done(store)
        for asset, instants in want.items():
            assert times(store.track(asset, *ALL, 10_000)) == sorted(instants)
            assert times(store.track(asset, 100, 300, 10_000)) == sorted(
                t for t in instants if 100 <= t < 300
            )
