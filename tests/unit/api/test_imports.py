"""CSV files of assets: every fault is named by row, column, got and want."""

from __future__ import annotations

import pytest

from api.errors import Problem
from api.imports import MAX_ROWS, read_assets

GOOD = "LZZTESTA6PN000001"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_forms_that_spreadsheets_write_are_read(delimiter: str, start: str, end: str) -> None:
    text = start + end.join([delimiter.join(("Name", " VIN ")), delimiter.join(("one", GOOD)), ""])
    table = read_assets(text.encode())
    assert table.faults == []
    assert [(r.number, r.data["vin"], r.data["name"]) for r in table.rows] == [(2, GOOD, "one")]


def test_quoted_fields_and_blank_lines_are_read() -> None:
    table = read_assets(f'vin,name,plates\n\n{GOOD},"a, b","A1|B2"\n\n'.encode())
    assert table.rows[0].data["name"] == "a, b"
    assert table.rows[0].data["plates"] == ["A1", "B2"]


@pytest.mark.parametrize(
    ("row", "column", "got", "want"),
    [
        ("1.23457E+16,,", "vin", "1.23457E+16", "the digits as text"),
        (f"{GOOD},1.23E+16,", "chassis", "1.23E+16", "the digits as text"),
        (f'{GOOD},"1,23E+16",', "chassis", "1,23E+16", "the digits as text"),
        (",x,", "vin", "nothing", "a value"),
        (f"{GOOD},x", "", "2 fields", "3 fields as in the header"),
        (f"{GOOD},x,boat", "kind", "boat", "'tractor', 'semi_trailer'"),
        ("LZZTESTA5PN000001,x,", "vin", "LZZTESTA5PN000001", "position 9: got 5, want 6"),
    ],
)
def test_fault_is_named(row: str, column: str, got: str, want: str) -> None:
    table = read_assets(f"vin,chassis,kind\n{row}\n".encode())
    (fault,) = table.faults
    assert (fault.row, fault.column, fault.got) == (2, column, got)
    assert want in fault.want
    assert table.rows == []
    assert table.count == 1


def test_vin_twice_in_a_file_is_a_fault_of_the_second() -> None:
    table = read_assets(f"vin\n{GOOD}\n{GOOD.lower()}\n".encode())
    assert [r.number for r in table.rows] == [2]
    assert [(f.row, f.want) for f in table.faults] == [(3, "each VIN once (it is in row 2 too)")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "file is empty: got no rows"),
        (b"\n\n", "file is empty"),
        (b"name\nx\n", "header: got name, want vin"),
        (b"vin,vin\n", "each once"),
        (b"vin,colour\n", "header: got vin, colour"),
        ("vin\n车".encode("gb18030"), "want UTF-8"),
        (b"PK\x03\x04\x00\x00\xff", "want UTF-8"),
        (b"vin\x00\n", "want CSV in UTF-8"),
        (b'vin\n"open', "not readable as CSV"),
        (b"vin\n" + b"x\n" * (MAX_ROWS + 1), f"got {MAX_ROWS + 1}, want at most {MAX_ROWS}"),
    ],
)
def test_file_that_is_no_table_of_assets_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Problem) as refused:
        read_assets(body)
    assert refused.value.status_code == 422
    assert message in str(refused.value.detail)
