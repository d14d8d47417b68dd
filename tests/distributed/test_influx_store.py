"""The store's contract on a real InfluxDB, and what is InfluxDB's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influxdb_client.client.influxdb_client import InfluxDBClient

from feeds.store import periods
from feeds.store.influx import state
from feeds.store.influx.client import Client, Place
from feeds.store.influx.store import InfluxStore
from feeds.store.periods import DAY_MS
from streams.engine.quality import Flag
from tests.distributed.servers import Influx
from tests.unit.feeds.store.contract import ALL, T0, StoreContract, rows, times
from tests.unit.feeds.store.frames import Report, at, frame


def bucket_of(influx: Influx, keep_s: int = 0) -> str:
    """A new bucket."""
    name = f"t-{uuid.uuid4().hex}"
    with InfluxDBClient(influx.url, influx.token, org=influx.org) as api:
        rules = [{"type": "expire", "everySeconds": keep_s}] if keep_s else []
        api.buckets_api().create_bucket(bucket_name=name, retention_rules=rules, org=influx.org)
    return name


def client_of(influx: Influx, bucket: str, token: str = "") -> Client:
    return Client(Place(influx.url, influx.org, bucket), token or influx.token)


class TestInfluxStore(StoreContract):
    @pytest.fixture
    def store(self, influx: Influx) -> Iterator[InfluxStore]:
        with InfluxStore(client_of(influx, bucket_of(influx))) as store:
            yield store


NASTY = [
    "x'; DROP MEASUREMENT samples; --",
    'a"b',
    "a\\",
    "\\,=",
    "a b,c=d",
    "$asset",
    "/.*/",
    "%5C",
    "\n",
    "é",
]


@pytest.fixture
def store(influx: Influx) -> Iterator[InfluxStore]:
    with InfluxStore(client_of(influx, bucket_of(influx))) as store:
        yield store


@pytest.mark.parametrize("name", ["", *NASTY])
def test_hostile_names_are_only_names(store: InfluxStore, name: str) -> None:
    other = Report("other", [at(2, tyre=1.0)], device="unit-2")
    store.write(0, 1, [frame(Report(name, [at(1, **{name: 7.5}), at(3)], device=name), other)])
    assert times(store.track(name, *ALL, 10)) == [1, 3]
    assert store.signals(name, [name, "tyre"], *ALL, 10).to_pylist() == [{"t_ms": 1, name: 7.5, "tyre": None}]
    assert rows(store.latest([name, "nobody"]), "asset", "device", "t_ms") == [(name, name, 3)]
    assert times(store.track("other", *ALL, 10)) == [2]
    for asked in NASTY:
        if asked != name:
            assert times(store.track(asked, *ALL, 10)) == []
            assert store.signals("other", [asked], *ALL, 10).num_rows == 0


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(NASTY)
_SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_SETTINGS
@given(
    asset=_TEXT,
    device=_TEXT,
    values=st.dictionaries(
        _TEXT.map(lambda n: f"e{n}"), st.floats(allow_nan=False, allow_infinity=False), max_size=3
    ),
    rpm=st.floats(allow_nan=False, allow_infinity=False),
    odometer=st.integers(-(2**63), 2**63 - 1),
)
def test_whatever_is_written_reads_back_equal(
    store: InfluxStore, asset: str, device: str, values: dict[str, float], rpm: float, odometer: int
) -> None:
    t_ms = len(asset) * 1000 + len(device)
    sample = at(t_ms, engine_rpm=rpm, odometer_mm=odometer, **values)
    content = f"{asset}\0{device}\0{values}\0{rpm}\0{odometer}"
    store.write(0, 1, [frame(Report(asset, [sample], content=content, device=device))])
    names = ["engine_rpm", *values]
    found = store.signals(asset, names, t_ms, t_ms + 1, 1000).to_pylist()
    assert {"t_ms": t_ms, "engine_rpm": rpm, **values} in found
    assert odometer in store.track(asset, t_ms, t_ms + 1, 1000)["odometer_mm"].to_pylist()
    assert rows(store.latest([asset]), "asset") == [(asset,)]


def test_a_report_received_again_counts_as_received_first(store: InfluxStore) -> None:
    for received_ms in (T0 + 900_000, T0, T0 + 30_000):
        store.write(0, 1, [frame(Report("a", [at(T0 + 200_000)], received_ms=received_ms))])
    assert rows(store.track("a", *ALL, 10), "t_ms", "flags") == [(T0 + 200_000, int(Flag.CLOCK_AHEAD))]


def test_latest_looks_as_far_back_as_there_is_something(influx: Influx) -> None:
    now_ms = T0 + 1000 * DAY_MS
    with InfluxStore(client_of(influx, bucket_of(influx)), now_ms=lambda: now_ms) as store:
        ages = {"hour": 3_600_000, "week": 7 * DAY_MS, "years": 990 * DAY_MS, "future": -5 * DAY_MS}
        reports = [Report(asset, [at(now_ms - age), at(now_ms - age - 1)]) for asset, age in ages.items()]
        store.write(0, 1, [frame(*reports, Report("signals", [at(now_ms, lon=None, lat=None)]))])
        found = rows(store.latest([*ages, "signals"]), "asset", "t_ms")
        assert found == [(asset, now_ms - age) for asset, age in ages.items()]


def test_long_period_is_read_piece_by_piece_and_loses_nothing(
    store: InfluxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periods, "SPAN_ROWS", 50)
    instants = [T0 + n * DAY_MS + k * 60_000 for n in range(-20, 0) for k in range(10)]
    samples = [at(t, lon=100 + k / 100, speed_ckmh=k, tyre=k / 2) for k, t in enumerate(instants)]
    store.write(0, 1, [frame(Report("a", samples))])
    assert times(store.track("a", *ALL, 1000)) == instants
    assert times(store.signals("a", ["speed_kmh", "tyre"], *ALL, 1000)) == instants
    thinned = store.track("a", *ALL, 20)
    assert thinned.num_rows <= 20
    assert {instants[0], instants[-1]} <= set(times(thinned))


def test_what_another_process_wrote_and_dropped_is_seen(influx: Influx) -> None:
    bucket = bucket_of(influx)
    with InfluxStore(client_of(influx, bucket)) as one, InfluxStore(client_of(influx, bucket)) as other:
        one.write(0, 5, [frame(Report("a", [at(t) for t in (10, 20, 30)]))])
        assert other.position(0) == 5
        assert times(other.track("a", *ALL, 10)) == [10, 20, 30]
        one.drop_before(20)
        assert times(other.track("a", *ALL, 10)) == [20, 30]


def test_old_positions_are_deleted_and_the_newest_stays(
    influx: Influx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_TIDY", 5)
    bucket = bucket_of(influx)
    with InfluxStore(client_of(influx, bucket)) as store:
        for position in range(1, 23):
            store.write(0, position, [])
            store.write(1, 2 * position, [])
    client = client_of(influx, bucket)
    for partition, newest in ((0, 22), (1, 44)):
        text = "SELECT position FROM covered WHERE partition = $p"
        (series,) = client.query(text, {"p": str(partition)})
        kept = [int(n) for n in series.table({})["position"].to_pylist()]
        assert kept[-1] == newest
        assert len(kept) <= 5
    client.close()
    with InfluxStore(client_of(influx, bucket)) as store:
        assert (store.position(0), store.position(1)) == (22, 44)
