"""Bulk filings: rows become the data of commands, and every fault has its cell."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from feeds.sheets import Filings, SheetError, filings_of, known_names, read_sheet
from tests.unit.feeds.sheets.books import Rows, book

VIN, OTHER = "LZZTESTA6PN000001", "LZZTESTA8PN000002"
HEADER = (
    "reference,vin,chassis,kind,exporter,consignee,gate,direction,window from,window until,batch,"
    "document.invoice,document.invoice.expires,data.colour"
)
GOOD = (
    f"R1,{VIN},AB 1,牵引车,Ex,Co,mohan-boten,cn-la,2026-11-22T07:00+08:00,2026-11-22T09:00+08:00,B1,"
    "I-7,2027-01-01T00:00Z,red"
)


def read(*rows: str, **more: Any) -> Filings:
    table = read_sheet("f.csv", "\n".join((HEADER, *rows)).encode(), known_names)
    return filings_of(table, **more)


def test_a_good_row_becomes_the_data_of_a_command() -> None:
    (row,) = read(GOOD).rows
    assert row.data == {
        "reference": "R1",
        "vin": VIN,
        "chassis": "AB 1",
        "kind": "tractor",
        "exporter": "Ex",
        "consignee": "Co",
        "gate": "mohan-boten",
        "direction": "CN>LA",
        "window_from_ms": 1_795_302_000_000,
        "window_until_ms": 1_795_309_200_000,
        "batch": "B1",
        "regime": None,
        "documents": [
            {
                "kind": "invoice",
                "number": "I-7",
                "issued_ms": None,
                "expires_ms": 1_798_761_600_000,
                "sha256": None,
            }
        ],
        "data": {"colour": "red"},
    }
    assert str(row.fault("gate", "mars", "a gate")) == "line 2, column 7: gate: got mars, want a gate"


@pytest.mark.parametrize(
    ("old", "new", "column", "got", "want"),
    [
        (VIN, "LZZTESTA5PN000001", 2, "LZZTESTA5PN000001", "check digit at position 9: got 5, want 6"),
        (VIN, "", 2, "nothing", "a value"),
        ("AB 1", "1.23E+16", 3, "1.23E+16", "the digits as text"),
        ("AB 1", "A" * 41, 3, "A" * 41, "chassis number: got 41 characters, want at most 40"),
        ("AB 1", "AB#1", 3, "AB#1", "chassis number: got '#' in 'AB#1'"),
        ("牵引车", "boat", 4, "boat", "passenger, rigid, semi_trailer, special, tractor"),
        ("cn-la", "south", 8, "south", "two countries, for example CN>LA"),
        ("2026-11-22T07:00+08:00", "2026-11-22T07:00", 9, "2026-11-22T07:00", "an offset"),
        ("2026-11-22T07:00+08:00", "2026-13-22T07:00+08:00", 9, "2026-13-22T07:00+08:00", "date and time"),
        ("2026-11-22T07:00+08:00", "2026-11-22", 9, "2026-11-22", "date and time"),
        ("2026-11-22T07:00+08:00", "1926-11-22T07:00+08:00", 9, "1926-11-22T07:00+08:00", "2000 to 2099"),
        (
            "2026-11-22T09:00+08:00",
            "2026-11-21T09:00+08:00",
            10,
            "2026-11-21T09:00+08:00",
            "not before window_from",
        ),
        ("2027-01-01T00:00Z", "soon", 13, "soon", "date and time"),
    ],
)
def test_a_fault_has_its_cell_and_spoils_the_row(
    old: str, new: str, column: int, got: str, want: str
) -> None:
    filings = read(GOOD.replace(old, new, 1), GOOD.replace(VIN, OTHER).replace("R1", "R2"))
    assert [row.number for row in filings.rows] == [3]
    (fault,) = filings.faults
    assert (fault.row, fault.column, fault.address) == (2, column, f"line 2, column {column}")
    assert fault.got == got
    assert want in fault.want
    assert filings.count == 2


def test_what_is_twice_is_a_fault_of_the_second() -> None:
    filings = read(GOOD, GOOD.replace(VIN, OTHER), GOOD.replace("R1", "R2"))
    assert [row.number for row in filings.rows] == [2]
    assert [str(fault) for fault in filings.faults] == [
        "line 3, column 1: reference: got R1, want each reference once (it is in line 2, column 1 too)",
        f"line 4, column 2: vin: got {VIN}, want each vin once (it is in line 2, column 2 too)",
    ]


def test_a_row_of_another_width_is_one_fault() -> None:
    filings = read(GOOD + ",more")
    assert [fault.want for fault in filings.faults] == ["as many cells as the header has"]
    assert filings.rows == []


def test_defaults_stand_for_columns_and_an_offset_for_instants_without() -> None:
    rows: Rows = [
        ["reference", "VIN", "底盘号", "window_from"],
        ["R1", VIN, "x", datetime.fromisoformat("2026-11-22T07:00")],
    ]
    table = read_sheet("f.xlsx", book(rows), known_names)
    with pytest.raises(SheetError, match="want a column for gate"):
        filings_of(table)
    filings = filings_of(table, {"gate": "mohan-boten", "direction": "CN>LA"}, offset_min=480)
    assert filings.rows[0].data["window_from_ms"] == 1_795_302_000_000
    assert filings.rows[0].data["gate"] == "mohan-boten"
    (fault,) = filings_of(table, {"gate": "g", "direction": "CN>LA"}).faults
    assert (fault.address, fault.got) == ("Sheet1!D2", "2026-11-22T07:00:00")


def test_a_day_number_without_a_date_s_format_is_told() -> None:
    rows: Rows = [["reference", "VIN", "chassis", "window from"], ["R1", VIN, "x", 46_348.25]]
    table = read_sheet("f.xlsx", book(rows), known_names)
    (fault,) = filings_of(table, {"gate": "g", "direction": "CN>LA"}).faults
    assert (fault.address, fault.got) == ("Sheet1!D2", "46348.25")
    assert "a cell formatted as a date" in fault.want


def test_a_whole_number_as_chassis_is_a_warning_and_filed() -> None:
    rows: Rows = [["reference", "VIN", "chassis"], ["R1", VIN, 12345]]
    filings = filings_of(read_sheet("f.xlsx", book(rows), known_names), {"gate": "g", "direction": "CN>LA"})
    assert filings.rows[0].data["chassis"] == "12345"
    assert [fault.severity.value for fault in filings.faults] == ["warning"]


def test_columns_that_are_not_used_are_said() -> None:
    table = read_sheet(
        "f.csv", f"reference,vin,chassis,gate,direction,colour\nR,{VIN},a,g,CN>LA,red\n".encode(), known_names
    )
    assert filings_of(table).notes == ["columns not used: colour"]


def test_a_document_column_twice_is_refused() -> None:
    text = f"reference,vin,chassis,gate,direction,document.cmr,document.cmr.number\nR,{VIN},a,g,CN>LA,1,2\n"
    with pytest.raises(SheetError, match=r"got column 'document.cmr.number' twice"):
        filings_of(read_sheet("f.csv", text.encode(), known_names))
