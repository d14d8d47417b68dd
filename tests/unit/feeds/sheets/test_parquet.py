"""Parquet: text as it is, numbers and dates told like a spreadsheet's, limits before memory is taken."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.sheets import (
    Field,
    Limits,
    OddKind,
    SheetError,
    Table,
    columns_of,
    faults_of,
    known_names,
    read_sheet,
)

VIN = "LZZTESTA6PN000001"


def read(columns: dict[str, Any], **more: Any) -> Table:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return read_sheet("list.parquet", out.getvalue(), known_names, **more)


def test_text_is_read_with_row_numbers() -> None:
    table = read({"VIN": [VIN, None], "chassis": pa.array([" A1 ", "B"]).dictionary_encode()})
    assert (table.rows, table.numbers) == ([[VIN, "A1"], ["", "B"]], [1, 2])
    assert table.address(1, 1) == "row 2, column chassis"


@pytest.mark.parametrize(
    ("column", "text", "kind"),
    [
        (pa.array([12345]), "12345", OddKind.NUMBER),
        (pa.array([1.23e16]), "1.23e+16", OddKind.FLOAT),
        (pa.array([12345.0]), "12345", OddKind.FLOAT),
        (pa.array([datetime.date(2026, 5, 1)]), "2026-05-01", OddKind.DATE),
        (
            pa.array([1_777_000_000_000_000_001], pa.timestamp("ns", "UTC")),
            "2026-04-24T03:06:40+00:00",
            OddKind.DATE,
        ),
        (pa.array([True]), "TRUE", OddKind.BOOLEAN),
    ],
)
def test_what_is_no_text_is_told(column: Any, text: str, kind: OddKind) -> None:
    table = read({"VIN": [VIN], "chassis": column})
    assert table.rows[0][1] == text
    assert table.odd[0, 1].kind is kind
    (fault,) = faults_of(table, columns_of(table, [Field.VIN, Field.CHASSIS]))
    assert (fault.address, fault.column) == ("row 1, column chassis", 2)


def test_limits_hold_and_repeated_values_are_counted_unpacked() -> None:
    with pytest.raises(SheetError, match="too many rows: got 3, want at most 2"):
        read({"VIN": [VIN] * 3}, limits=Limits(rows=2))
    with pytest.raises(SheetError, match="columns: got 2, want 1 to 1"):
        read({"VIN": [VIN], "b": ["x"]}, limits=Limits(columns=1))
    with pytest.raises(SheetError, match="bytes unpacked, want at most"):
        read({"VIN": ["x" * 1_000] * 20_000}, limits=Limits(unpacked_bytes=1 << 20))
    assert read({"VIN": ["x" * 50]}, limits=Limits(cell_characters=40)).odd[0, 0].kind is OddKind.LONG


def test_what_can_t_be_read_is_refused() -> None:
    with pytest.raises(SheetError, match="parquet: got a file that can't be read"):
        read_sheet("a.parquet", b"PAR1" + bytes(40) + b"PAR1", known_names)
    with pytest.raises(SheetError, match="column 'chassis': got list"):
        read({"VIN": [VIN], "chassis": [["a"]]})
