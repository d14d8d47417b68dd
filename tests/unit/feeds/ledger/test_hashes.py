"""Leaves and nodes hashed many at once: the same as one by one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import hashes, merkle, sha

pytestmark = pytest.mark.skipif(not sha.FOUND, reason="this Python has OpenSSL built in")


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=70))
def test_leaves(entries: list[bytes]) -> None:
    assert hashes.leaf_hashes(entries) == [merkle.leaf_hash(one) for one in entries]


@given(st.integers(0, 8), st.randoms())
def test_roots(level: int, random: Random) -> None:
    nodes = [random.randbytes(32) for _ in range(1 << level)]
    want = nodes
    while len(want) > 1:
        want = merkle.level_above(want)
    assert [hashes.complete_root(nodes)] == want


def test_without_openssls_own_functions_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [bytes([n]) * n for n in range(256)]
    leaves = hashes.leaf_hashes(entries)
    root = hashes.complete_root(leaves)
    monkeypatch.setattr(sha, "FOUND", False)
    assert hashes.leaf_hashes(entries) == leaves
    assert hashes.complete_root(leaves) == root
