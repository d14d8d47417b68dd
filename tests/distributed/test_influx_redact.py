"""Redaction in a real InfluxDB: to the instant, by any name, the means too, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feeds.store.influx import admin
from feeds.store.influx.client import Client
from feeds.store.influx.lines import SAMPLES, TICKS
from feeds.store.influx.redact import redact
from feeds.store.influx.store import InfluxStore
from tests.distributed.servers import Influx
from tests.distributed.test_influx_store import NASTY, bucket_of, client_of
from tests.unit.feeds.store.contract import ALL, T0, times
from tests.unit.feeds.store.frames import Report, at, frame


@pytest.fixture
def client(influx: Influx) -> Iterator[Client]:
    client = client_of(influx, bucket_of(influx))
    yield client
    client.close()


@pytest.mark.parametrize("name", ["a", "", *NASTY])
def test_only_the_vehicle_and_only_the_time_goes(client: Client, name: str) -> None:
    store = InfluxStore(client)
    one, other = Report(name, [at(k) for k in range(1, 6)]), Report("other", [at(2), at(3)], device="u2")
    store.write(0, 7, [frame(one, other)])
    told = redact(client, [name], 2, 4)
    assert (told.samples, told.means) == (2, False)
    assert times(store.track(name, *ALL, 10)) == [1, 4, 5]
    assert times(store.track("other", *ALL, 10)) == [2, 3]
    assert redact(client, [name], 2, 4).samples == 0
    assert InfluxStore(client).position(0) == 7


def test_all_vehicles(client: Client) -> None:
    store = InfluxStore(client)
    reports = [Report(name, [at(1), at(9)], device=f"of-{name}") for name in ("a", "b")]
    store.write(0, 3, [frame(*reports)])
    assert redact(client, [], *ALL).samples == 4
    assert not times(store.track("a", *ALL, 10))
    assert InfluxStore(client).position(0) == 3


def test_the_last_tick_before_the_end_goes_and_the_end_stays(client: Client) -> None:
    line = f"{SAMPLES},asset=a,device=d has=0i "
    for tick in (T0 * TICKS - 1, T0 * TICKS, (T0 + 5) * TICKS - 1, (T0 + 5) * TICKS):
        client.write(f"{line}{tick}".encode())
    assert redact(client, ["a"], T0, T0 + 5).samples == 2
    assert redact(client, ["a"], T0 - 1, T0 + 6).samples == 2


def test_means_that_the_samples_went_into_go(client: Client) -> None:
    assert list(admin.create(client, None))
    bucket, quarter = admin.means_bucket(client.place.bucket), 900_000
    begin = T0 // quarter * quarter
    query = {"org": client.place.org, "bucket": bucket, "precision": "ms"}
    for width in ("1m", "15m"):
        for asset in ("a", "b"):
            lines = [f"mean_{width},asset={asset} sats=7 {begin + k * quarter}" for k in range(3)]
            client.request("POST", "/api/v2/write", query, body="\n".join(lines).encode(), kind="text/plain")
    assert redact(client, ["a"], begin + quarter + 60_001, begin + 2 * quarter).means
    text = "SELECT count(sats) AS n FROM {} GROUP BY asset"
    held = {}
    for width in ("1m", "15m"):
        form = {"db": bucket, "epoch": "ns", "q": text.format(f"mean_{width}")}
        held[width] = client.request("POST", "/query", {"org": client.place.org}, form=form).decode()
    assert ('"a"' in held["15m"], ",2]" in held["15m"], held["1m"].count(",3]")) == (True, True, 2)
