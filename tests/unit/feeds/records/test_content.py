"""Contents as JSON values: every number is its own, what was not measured is null."""

from __future__ import annotations

from typing import Any

import cbor2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger.entry import EntryKind
from feeds.ledger.errors import FormatError
from feeds.ledger.reports import BUS, COARSE, PLACE, null_of
from feeds.records.content import readable

SALT = bytes(16)


def read(name: str, content: bytes) -> Any:
    return readable(EntryKind.REPORT, {name: (SALT, content)})[name]


def plainly(rows: npt.NDArray[Any]) -> dict[str, list[Any]]:
    """Number by number."""
    found: dict[str, list[Any]] = {name: [] for name in rows.dtype.names or ()}
    for row in rows:
        for name in found:
            value, null = row[name].item(), null_of(rows.dtype[name])
            found[name].append(None if value == null or value != value else value)
    return found


def rows_of(data: st.DataObject, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    rows = np.zeros(data.draw(st.integers(0, 5)), dtype)
    for name in dtype.names or ():
        kind = dtype[name]
        values = st.just(null_of(kind)) | (
            st.floats(allow_infinity=False)
            if kind.kind == "f"
            else st.integers(np.iinfo(kind).min, np.iinfo(kind).max)
        )
        rows[name] = data.draw(st.lists(values, min_size=len(rows), max_size=len(rows)))
    return rows


@pytest.mark.parametrize(("name", "dtype"), [("place", PLACE), ("coarse", COARSE)])
@given(data=st.data())
def test_rows_are_columns_of_numbers_and_nulls(name: str, dtype: np.dtype[Any], data: st.DataObject) -> None:
    rows = rows_of(data, dtype)
    assert read(name, rows.tobytes()) == plainly(rows)


@given(data=st.data())
def test_signals_are_those_that_were_measured(data: st.DataObject) -> None:
    rows = rows_of(data, BUS)
    content = cbor2.dumps([list(BUS.names or ()), rows.tobytes(), []])
    want = {name: one for name, one in plainly(rows).items() if any(value is not None for value in one)}
    assert read("signals", content) == want


def test_a_signal_without_a_column_is_null_where_it_was_not_said() -> None:
    rows = np.zeros(2, [("t_ms", "<i8")])
    content = cbor2.dumps([["t_ms"], rows.tobytes(), [[1, "own", 2.5]]])
    assert read("signals", content) == {"t_ms": [0, 0], "own": [None, 2.5]}


@pytest.mark.parametrize(("name", "content"), [("place", b"1"), ("signals", b"\xff"), ("facts", b"")])
def test_content_that_is_none_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(FormatError):
        read(name, content)
