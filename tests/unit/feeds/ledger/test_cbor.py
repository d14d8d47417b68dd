"""CBOR by hand gives the bytes that cbor2 gives."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import cbor

CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([0, 23, 24, 255, 256, 65_535, 65_536]).map(lambda size: b"x" * size),
)


@given(st.dictionaries(st.text(max_size=20), CONTENTS, max_size=8))
def test_a_map_of_groups(groups: dict[str, bytes]) -> None:
    assert cbor.group_map(groups) == cbor2.dumps(groups)


@given(st.lists(st.text(max_size=20), max_size=40))
def test_a_list_of_texts(names: list[str]) -> None:
    assert cbor.names(names) == cbor2.dumps(names)


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535, 65_536, 1 << 20])
def test_the_head_of_bytes(size: int) -> None:
    assert cbor2.loads(cbor.head(size) + bytes(size)) == bytes(size)
