from collections.abc import Iterator
from pathlib import Path

import pytest

from feeds.store.duck import DuckStore
from feeds.store.port import Store
from tests.unit.feeds.store.contract import StoreContract

LATER_MS = 1_900_000_000_000


def settle(store: DuckStore) -> None:
    while store.compact(LATER_MS, 10.0):
        pass


class TestDuckStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DuckStore]:
        with DuckStore(tmp_path / "store", segment_rows=20) as store:
            yield store

    def settle(self, store: Store) -> None:
        assert isinstance(store, DuckStore)
        settle(store)
