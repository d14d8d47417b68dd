import pytest

from feeds.store.memory import MemoryStore
from tests.unit.feeds.store.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
