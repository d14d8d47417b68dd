"""What goes wrong with InfluxDB: tokens, buckets, refused samples, a server that dies or hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource

from feeds.store.influx.client import Client, Place
from feeds.store.influx.parked import Parked
from feeds.store.influx.send import MOST_REFUSED
from feeds.store.influx.store import InfluxStore
from feeds.store.port import StoreAwayError, StoreError
from feeds.store.writer import StoreWriter
from streams.codec import encode_frame
from streams.memory_log import MemoryLog
from streams.records import NewRecord, RecordKind
from tests.distributed import servers
from tests.distributed.servers import Influx
from tests.distributed.test_influx_store import bucket_of, client_of
from tests.unit.feeds.store.contract import ALL, T0, times
from tests.unit.feeds.store.frames import Report, at, frame

SECOND_NS = 10**9


def token_of(influx: Influx, bucket: str, *actions: str) -> str:
    """A token that may only do ``actions`` with ``bucket``."""
    with InfluxDBClient(influx.url, influx.token, org=influx.org) as api:
        found = api.buckets_api().find_bucket_by_name(bucket)
        resource = PermissionResource(  # type: ignore[no-untyped-call]
            type="buckets", id=found.id, org_id=found.org_id
        )
        permissions = [
            Permission(action=action, resource=resource)  # type: ignore[no-untyped-call]
            for action in actions
        ]
        return str(api.authorizations_api().create_authorization(found.org_id, permissions).token)


def one(t: int = T0, **values: float) -> list:  # type: ignore[type-arg]
    return [frame(Report("a", [at(t, **values)], seq=t))]


def test_a_token_that_may_not_is_told(influx: Influx) -> None:
    bucket = bucket_of(influx)
    with InfluxStore(client_of(influx, bucket, "nobody")) as store, pytest.raises(StoreError, match="token"):
        store.write(0, 1, one())
    reader = token_of(influx, bucket, "read")
    with InfluxStore(client_of(influx, bucket, reader)) as store:
        assert store.position(0) == 0
        with pytest.raises(StoreError, match="influx_token") as raised:
            store.write(0, 1, one())
        assert not isinstance(raised.value, StoreAwayError)
        assert store.position(0) == 0


def test_a_token_for_this_bucket_alone_does(influx: Influx) -> None:
    bucket = bucket_of(influx)
    with InfluxStore(client_of(influx, bucket, token_of(influx, bucket, "read", "write"))) as store:
        store.write(0, 1, one())
        store.drop_before(T0 - 1)
        assert times(store.track("a", *ALL, 10)) == [T0]


def test_a_missing_bucket_is_told_by_write_and_read(influx: Influx) -> None:
    with InfluxStore(client_of(influx, "never-made")) as store:
        with pytest.raises(StoreError, match="corridor store create"):
            store.write(0, 1, one())
        with pytest.raises(StoreError, match="corridor store create"):
            store.track("a", *ALL, 10)
        with pytest.raises(StoreError, match="corridor store create"):
            store.position(0)


def test_an_organisation_that_is_not_there_is_told(influx: Influx) -> None:
    client = Client(Place(influx.url, "nobody", "corridor"), influx.token)
    with InfluxStore(client) as store, pytest.raises(StoreError, match="corridor store create"):
        store.write(0, 1, one())


def test_a_refused_sample_is_set_aside_and_its_batch_is_kept(influx: Influx) -> None:
    client, parked = client_of(influx, bucket_of(influx)), list[Parked]()
    client.write(f'samples,asset=x,device=x x_odd="a text" {T0 * 10**6}'.encode())
    with InfluxStore(client, park=parked.extend) as store:
        reports = [
            Report("a", [at(T0 + k, **({"odd": 1.0} if k == 333 else {}))], seq=k, device=f"unit-{k % 7}")
            for k in range(600)
        ]
        store.write(0, 9, [frame(*reports[:200]), frame(*reports[200:])])
        assert times(store.track("a", *ALL, 1000)) == [T0 + k for k in range(600) if k != 333]
        assert (store.parked, store.position(0)) == (1, 9)
    (told,) = parked
    assert (told.tenant, told.asset, told.device, told.boot) == ("t1", "a", "unit-4", "b1")
    assert (told.seq, told.t_ms, told.received_ms) == (333, T0 + 333, reports[0].received_ms)
    assert "type conflict" in told.reason
    assert b"x_odd=1" in told.line


def test_a_bucket_of_other_types_stops_the_writer_and_covers_nothing(influx: Influx) -> None:
    client = client_of(influx, bucket_of(influx))
    client.write(f"samples,asset=x,device=x lon_e7=1.5 {T0 * 10**6}".encode())
    with InfluxStore(client) as store:
        batch = [frame(Report("a", [at(T0 + k) for k in range(2 * MOST_REFUSED)]))]
        with pytest.raises(StoreError, match="corridor store check"):
            store.write(0, 1, batch)
        assert store.position(0) == 0


def test_samples_beyond_retention_are_counted_and_the_others_kept(influx: Influx) -> None:
    with InfluxStore(client_of(influx, bucket_of(influx, keep_s=3600 * 24 * 400))) as store:
        report = Report("a", [at(10**12), at(T0), at(10**12 + 1), at(T0 + 1)])
        store.write(0, 1, [frame(report)])
        assert (store.late, store.parked, store.position(0)) == (2, 0, 1)
        assert times(store.track("a", *ALL, 10)) == [T0, T0 + 1]


def test_position_outlives_the_retention_of_samples(influx: Influx) -> None:
    bucket = bucket_of(influx, keep_s=3600)
    with InfluxStore(client_of(influx, bucket)) as store:
        store.write(3, 77, [])
    with InfluxStore(client_of(influx, bucket)) as store:
        assert store.position(3) == 77


def test_a_writer_that_was_paused_does_not_take_the_position_back(influx: Influx) -> None:
    bucket = bucket_of(influx)
    with InfluxStore(client_of(influx, bucket)) as late, InfluxStore(client_of(influx, bucket)) as owner:
        late.write(0, 10, [])
        owner.write(0, 500, [])
        late.write(0, 20, one())  # it does not know that it was overtaken
    with InfluxStore(client_of(influx, bucket)) as store:
        assert store.position(0) == 500
        assert times(store.track("a", *ALL, 10)) == [T0]


def test_a_server_that_hangs_is_away_and_the_write_may_be_repeated(tmp_path: Path) -> None:
    with servers.influx(tmp_path) as server:
        client = Client(Place(server.url, server.org, server.bucket), server.token, timeout_s=0.5)
        with InfluxStore(client) as store:
            store.write(0, 1, one())
            server.pause()
            try:
                with pytest.raises(StoreAwayError) as raised:
                    store.write(0, 2, one(T0 + 1))
                assert raised.value.retry_after > 0
            finally:
                server.resume()
            store.write(0, 2, one(T0 + 1))
            assert times(store.track("a", *ALL, 10)) == [T0, T0 + 1]


def test_a_writer_catches_up_after_its_server_was_killed_again_and_again(tmp_path: Path) -> None:
    log = MemoryLog(1)

    def reports(n: int) -> NewRecord:
        samples = [at(n * 10 + k, speed_ckmh=n) for k in range(10)]
        body = encode_frame(frame(Report("a", samples, seq=n)))
        return NewRecord(0, RecordKind.FRAME, 1, "key", body)

    with servers.influx(tmp_path) as server:
        client = Client(Place(server.url, server.org, server.bucket), server.token, timeout_s=5)
        with InfluxStore(client) as store:
            writer, covered = StoreWriter(log, store, [0], batch_samples=1), 0
            for n in range(60):
                log.append([reports(n)])
                if n % 20 == 19:
                    server.kill()
                    with pytest.raises(StoreAwayError):
                        writer.step()
                    server.start()
                while writer.step():
                    assert store.position(0) > covered
                    covered = store.position(0)
            assert (writer.lag(), writer.parked) == (0, 0)
        server.kill()
        server.start()
        with InfluxStore(client_of(server, server.bucket)) as store:
            assert store.position(0) == 60
            assert times(store.track("a", *ALL, 1000)) == list(range(600))
