"""Tables of positions as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codec import CodecError
from streams.kafka.positions import Positions, decode, encode

ROW = st.tuples(
    *(st.text(max_size=6) for _ in range(4)),
    *(st.integers(-(1 << 63), (1 << 63) - 1) for _ in range(3)),
    *(st.integers(-(1 << 31), (1 << 31) - 1) for _ in range(4)),
    st.booleans(),
)


def table(rows: list[tuple[object, ...]], position: int) -> Positions:
    columns = list(zip(*rows, strict=True)) or [()] * 12
    texts: list[list[Any]] = [list(one) for one in columns[:4]]
    longs = [np.array(one, np.int64) for one in columns[4:7]]
    ints = [np.array(one, np.int32) for one in columns[7:11]]
    asset, tenant, device, country = texts
    t, seen, trip = longs
    at_gate = np.array(columns[11], bool)
    lon, lat, speed, heading = ints
    return Positions(
        position, asset, tenant, device, t, seen, lon, lat, speed, heading, country, at_gate, trip
    )


@given(rows=st.lists(ROW, max_size=20), position=st.integers(0, 1 << 62))
def test_what_was_encoded_is_decoded(rows: list[tuple[object, ...]], position: int) -> None:
    given_, got = table(rows, position), decode(encode(table(rows, position)))
    assert got.position == position
    assert len(got) == len(rows)
    for name in Positions.__slots__[1:]:
        want, found = getattr(given_, name), getattr(got, name)
        assert list(found) == list(want)
        assert getattr(found, "dtype", None) == getattr(want, "dtype", None)


@pytest.mark.parametrize("body", [b"", b"junk", encode(table([], 3))[:50]])
def test_what_is_no_table_is_said(body: bytes) -> None:
    with pytest.raises(CodecError, match="positions not readable"):
        decode(body)
