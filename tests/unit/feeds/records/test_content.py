"""Contents as JSON values: every number is its own, what was not measured is null; of many as of each."""

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
from tests.unit.feeds.records import slowly


def read(name: str, content: bytes) -> Any:
    found = readable(EntryKind.REPORT, name, [content])
    assert found is not None
    assert len(found) == 1
    return found[0]


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


def drawn(dtype: np.dtype[Any], count: int, seed: int) -> bytes:
    """Rows with numbers, of which some are not measured."""
    random = np.random.default_rng(seed)
    rows = np.zeros(count, dtype)
    for name in dtype.names or ():
        values = random.integers(0, 100, count)
        absent = random.random(count) < random.choice([0, 0.5, 1])
        rows[name] = [null_of(dtype[name]) if no else one for one, no in zip(values, absent, strict=True)]
    return rows.tobytes()


@st.composite
def signals(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from(BUS.names or ()), min_size=1, max_size=6, unique=True))
    count, seed = draw(st.integers(1, 5)), draw(st.integers(0, 99))
    one = st.tuples(
        st.integers(0, count - 1), st.sampled_from(["fuel_pct", "own", names[0]]), st.floats(0, 9)
    )
    packed = drawn(np.dtype([(name, BUS[name]) for name in names]), count, seed)
    return cbor2.dumps([names, packed, [list(extra) for extra in draw(st.lists(one, max_size=3))]])


@given(contents=st.lists(signals(), min_size=1, max_size=6))
def test_signals_of_many(contents: list[bytes]) -> None:
    assert readable(EntryKind.REPORT, "signals", contents) == [slowly.READERS["signals"](c) for c in contents]


@given(
    which=st.sampled_from([("place", PLACE), ("coarse", COARSE)]),
    parts=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99)), min_size=1, max_size=6),
)
def test_rows_of_many(which: tuple[str, np.dtype[Any]], parts: list[tuple[int, int]]) -> None:
    name, dtype = which
    contents = [drawn(dtype, count, seed) for count, seed in parts]
    assert readable(EntryKind.REPORT, name, contents) == [slowly.READERS[name](c) for c in contents]


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("place", [b"1", bytes(PLACE.itemsize - 1)]),  # together they are a row
        ("coarse", [b"short"]),
        ("head", [b"\xff"]),
        ("facts", [b""]),
        ("signals", [b"\xff"]),
        ("signals", [cbor2.dumps([["none such"], b"", []])]),
        ("signals", [cbor2.dumps([[], b"", []])]),
        ("signals", [cbor2.dumps([["t_ms", "t_ms"], bytes(16), []])]),
        ("signals", [cbor2.dumps([["t_ms"], bytes(7), []])]),
        ("signals", [cbor2.dumps([["t_ms"], "text", []])]),
        ("signals", [cbor2.dumps([["t_ms"], bytes(8), [[1, "own", 1.0]]])]),
        ("signals", [cbor2.dumps([["t_ms"], bytes(8), [1]])]),
        ("signals", [cbor2.dumps([[["t_ms"]], bytes(8), []])]),
    ],
)
def test_content_that_is_none_is_refused(name: str, contents: list[bytes]) -> None:
    with pytest.raises(FormatError):
        readable(EntryKind.REPORT, name, contents)


def test_an_event_that_is_none_is_refused() -> None:
    with pytest.raises(FormatError):
        readable(EntryKind.EVENT, "head", [b"{"])
    assert readable(EntryKind.EVENT, "whole", [b"{"]) is None
