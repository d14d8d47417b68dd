"""The store's contract on a real InfluxDB, and what is InfluxDB's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient

from feeds.store.influx.client import Client, Place
from feeds.store.influx.store import InfluxStore
from tests.distributed.servers import Influx
from tests.unit.feeds.store.contract import StoreContract


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
