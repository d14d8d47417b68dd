"""Excel workbooks: what a spreadsheet does to codes is told cell by cell, and hostile files are refused."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import pytest
from openpyxl import load_workbook

from feeds.sheets import (
    Fault,
    Field,
    Limits,
    Severity,
    SheetError,
    Table,
    columns_of,
    faults_of,
    known_names,
    read_sheet,
)
from tests.unit.feeds.sheets.books import STRINGS, Rows, book, inline, with_part

VIN = "LZZTESTA6PN000001"
HEADER = ["VIN", "chassis"]
SHEET = "xl/worksheets/sheet1.xml"


def read(data: bytes, **more: Any) -> Table:
    return read_sheet("list.xlsx", data, known_names, **more)


def faults(rows: Rows, after: Any = None) -> dict[str, Fault]:
    table = read(book([HEADER, *rows], after))
    return {fault.address: fault for fault in faults_of(table, columns_of(table, [Field.VIN, Field.CHASSIS]))}


def test_rows_have_the_addresses_that_the_program_shows() -> None:
    table = read(book([["Made in May"], [], HEADER, [VIN, "A1"], [], [VIN, None]], title="发车 1"))
    assert (table.header_row, table.numbers) == (3, [4, 6])
    assert table.rows == [[VIN, "A1"], [VIN, ""]]
    assert table.address(0, 1) == "发车 1!B4"


@pytest.mark.parametrize(
    ("value", "got", "want", "severity"),
    [
        (1.2345678901234567e16, "1.234567890123457e+16", "the digits as text", Severity.ERROR),
        (12345678901234567, "1.234567890123457e+16", "the digits as text", Severity.ERROR),
        (1234.5, "1234.5", "the digits as text", Severity.ERROR),
        (1234567, "1234567", "leading zeros are gone", Severity.WARNING),
        (
            datetime.datetime.fromisoformat("2026-05-01"),
            "2026-05-01T00:00:00",
            "a spreadsheet made a date of it",
            Severity.ERROR,
        ),
        (True, "TRUE", "text", Severity.ERROR),
        ("=A1&1", "=A1&1", "the formula was never calculated", Severity.ERROR),
    ],
)
def test_a_chassis_number_that_is_no_text_is_told(
    value: Any, got: str, want: str, severity: Severity
) -> None:
    (fault,) = faults([[VIN, "ok"], [VIN, value]]).values()
    assert (fault.address, fault.row, fault.column, fault.field) == ("Sheet1!B3", 3, 2, "chassis")
    assert fault.got == got
    assert want in fault.want
    assert fault.severity is severity


def test_a_number_as_vin_is_an_error() -> None:
    assert faults([[11111111111111111, "a"]])["Sheet1!A2"].severity is Severity.ERROR
    assert faults([[1111, "a"]])["Sheet1!A2"].severity is Severity.ERROR


def test_a_failed_formula_is_told() -> None:
    data = book([HEADER, [VIN, "#REF!"]])
    found = with_part(data, SHEET, lambda xml: xml.replace(b't="s"><v>3', b't="e"><v>#REF!'))
    table = read(found)
    (fault,) = faults_of(table, columns_of(table, [Field.VIN, Field.CHASSIS]))
    assert (fault.got, fault.want) == ("#REF!", "a value: the formula failed")


def test_every_covered_cell_of_a_merged_range_is_told() -> None:
    def merge(made: Any) -> None:
        made.active.merge_cells("B2:B4")
        made.active.merge_cells("A6:B6")

    found = faults([[VIN, "x"], [VIN, None], [VIN, None], [VIN, "y"], ["total 4", None]], merge)
    assert sorted(found) == ["Sheet1!B3", "Sheet1!B4", "Sheet1!B6"]
    assert found["Sheet1!B3"].got == "a part of the merged cells B2:B4"


def test_a_merged_title_above_the_header_is_no_fault() -> None:
    data = book([["title", None], HEADER, [VIN, "a"]], lambda made: made.active.merge_cells("A1:B1"))
    assert read(data).odd == {}


def test_columns_that_are_not_used_have_no_faults() -> None:
    table = read(
        book([["no", *HEADER, "date"], [1, VIN, "a", datetime.date(2026, 5, 1)], [2, VIN, "b", "=X"]])
    )
    assert faults_of(table, columns_of(table, [Field.VIN, Field.CHASSIS])) == []


def test_hidden_sheets_are_not_read_and_that_is_said() -> None:
    def hide(made: Any) -> None:
        old = made.create_sheet("old")
        old.append(HEADER)
        old.append([VIN, "old"])
        old.sheet_state = "hidden"
        made.create_sheet("remarks").append(["nothing here"])

    data = book([HEADER, [VIN, "new"]], hide)
    table = read(data)
    assert table.rows == [[VIN, "new"]]
    assert table.notes == ["hidden sheet 'old' was not read", "sheet 'remarks' has no such columns: not read"]
    assert read(data, sheet="old").rows == [[VIN, "old"]]
    with pytest.raises(SheetError, match="sheet: got 'May', want one of 'Sheet1', 'old', 'remarks'"):
        read(data, sheet="May")


def test_two_sheets_that_could_be_meant_are_refused() -> None:
    def another(made: Any) -> None:
        made.create_sheet("June").append(HEADER)

    with pytest.raises(SheetError, match=r"got 2 sheets with such columns \('Sheet1', 'June'\), want one"):
        read(book([HEADER, [VIN, "a"]], another))


def test_only_hidden_sheets_are_refused() -> None:
    data = book([HEADER, [VIN, "a"]])
    hidden = with_part(
        data, "xl/workbook.xml", lambda xml: xml.replace(b'state="visible"', b'state="hidden"')
    )
    assert hidden != data
    with pytest.raises(SheetError, match="got only hidden sheets"):
        read(hidden)


def test_dates_count_from_1904_where_the_workbook_says_so() -> None:
    data = book(
        [["VIN", "chassis", "until"], [VIN, "a", datetime.datetime.fromisoformat("2026-05-01T07:30")]]
    )
    assert read(data).rows[0][2] == "2026-05-01T07:30:00"
    later = with_part(
        data, "xl/workbook.xml", lambda xml: xml.replace(b"<workbookPr ", b'<workbookPr date1904="1" ')
    )
    assert read(later).rows[0][2] == "2030-05-02T07:30:00"


def test_rich_text_is_read_without_phonetic_readings() -> None:
    rich = b"<si><r><t>AB</t></r><r><t> 12</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si>"
    data = with_part(
        book([HEADER, [VIN, "one"]]), STRINGS, lambda xml: xml.replace(b"<si><t>one</t></si>", rich)
    )
    assert read(data).rows == [[VIN, "AB 12"]]


def test_texts_inside_the_cells_are_read() -> None:
    assert read(inline([HEADER, [VIN, "one"]])).rows == [[VIN, "one"]]


def test_escaped_characters_are_characters() -> None:
    rows = [HEADER, [VIN, "a_x0042_c_xD800_"]]
    assert read(book(rows)).rows == read(inline(rows)).rows == [[VIN, "aBc_xD800_"]]


def test_text_as_openpyxl_reads_it_is_text_as_it_is_read_here() -> None:
    rows = [HEADER, [VIN, " padded "], ["x_y", "a\nb"], ["<&>", "ນ້ຳ"]]
    mine = read(book(rows)).rows
    sheet: Any = load_workbook(io.BytesIO(inline(rows)), read_only=True).active
    theirs = [[str(v).strip() for v in row] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert mine == theirs


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = with_part(book([HEADER, [VIN, "a"]]), SHEET, lambda xml: xml + b" " * (40 << 20))
    assert len(bomb) < 1 << 20
    with pytest.raises(SheetError, match=r"sheet1.xml unpacks to \d+ times its size, want at most 300"):
        read(bomb)
    with pytest.raises(SheetError, match="bytes unpacked, want at most 1048576"):
        read(bomb, limits=Limits(unpacked_bytes=1 << 20, ratio=1 << 30))


def test_a_doctype_is_refused() -> None:
    lol = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">]>'
    data = with_part(book([HEADER]), SHEET, lambda xml: lol + xml.partition(b"?>")[2])
    with pytest.raises(SheetError, match="got a part with a DOCTYPE"):
        read(data)


@pytest.mark.parametrize(
    ("part", "old", "new", "message"),
    [
        (SHEET, b"<v>3</v>", b"<v>99</v>", "got text number 99, want one below"),
        (SHEET, b"</sheetData>", b"", "not well-formed"),
        (SHEET, b'r="B2"', b'r="A2"', "got cell A2 out of order"),
        (SHEET, b'<row r="2"', b'<row r="1"', "got row 1 after row 1"),
        ("xl/workbook.xml", b"<sheets>", b"<sheets><!--", "not well-formed"),
        (
            "xl/_rels/workbook.xml.rels",
            b"worksheets/sheet1.xml",
            b"worksheets/none.xml",
            "got no part xl/worksheets/none",
        ),
    ],
)
def test_a_damaged_workbook_is_refused(part: str, old: bytes, new: bytes, message: str) -> None:
    good = book([HEADER, [VIN, "a"]])
    data = with_part(good, part, lambda xml: xml.replace(old, new))
    assert read(good).rows
    with pytest.raises(SheetError, match=message):
        read(data)


def test_other_zips_are_refused() -> None:
    def zipped(*names: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as made:
            for name in names:
                made.writestr(name, b"x")
        return out.getvalue()

    with pytest.raises(SheetError, match=r"binary form \.xlsb"):
        read(zipped("xl/workbook.bin"))
    with pytest.raises(SheetError, match="OpenDocument"):
        read(zipped("mimetype", "content.xml"))
    with pytest.raises(SheetError, match="got no part"):
        read(zipped("a.txt"))
    with pytest.raises(SheetError, match="damaged zip"):
        read(b"PK\x03\x04" + bytes(50))
    with pytest.raises(SheetError, match="got 5001 parts"):
        read(zipped(*(f"p{n}" for n in range(5_001))))


def test_limits_hold() -> None:
    data = book([HEADER, [VIN, "a"], [VIN, "b"]])
    with pytest.raises(SheetError, match="too many rows: got more than 1"):
        read(data, limits=Limits(rows=1))
    with pytest.raises(SheetError, match="too many columns: got a value in B1, want at most 1"):
        read(data, limits=Limits(columns=1))


def test_merged_ranges_without_end_are_refused() -> None:
    ranges = b"".join(b'<mergeCell ref="A2:XFD1048576"/>' for _ in range(20_001))
    data = with_part(
        book([HEADER, [VIN, "a"]]),
        SHEET,
        lambda xml: xml.replace(b"</sheetData>", b"</sheetData><mergeCells>" + ranges + b"</mergeCells>"),
    )
    with pytest.raises(SheetError, match="merged ranges, want at most"):
        read(data, limits=Limits(ratio=1 << 30))
