"""CSV: encodings, delimiters, quotes, lines; what can't be told is refused."""

from __future__ import annotations

import pytest

from feeds.sheets import Field, Limits, OddKind, SheetError, Table, columns_of, known_names, read_sheet

VIN = "LZZTESTA6PN000001"


def read(data: bytes | str, **more: object) -> Table:
    body = data.encode() if isinstance(data, str) else data
    return read_sheet("list.csv", body, known_names, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_what_spreadsheets_write_is_read(delimiter: str, end: str, encoding: str) -> None:
    lines = [delimiter.join(row) for row in (("车架号", "底盘号", "备注"), (VIN, "AB 1", "好"), ("", "", ""))]
    table = read((end.join(lines) + end).encode(encoding))
    assert table.header == ["车架号", "底盘号", "备注"]
    assert table.rows == [[VIN, "AB 1", "好"]]
    assert table.numbers == [2]
    assert table.odd == {}


@pytest.mark.parametrize(
    ("header", "encoding"),
    [("Идентификационный номер,Номер шасси", "cp1251"), ("Идентификационный номер,Номер шасси", "cp866")],
)
def test_russian_code_pages_are_told_apart_by_the_header(header: str, encoding: str) -> None:
    table = read(f"{header}\n{VIN},Ж1\n".encode(encoding))
    assert table.rows == [[VIN, "Ж1"]]
    assert table.notes == [f"read as {encoding}"]


def test_an_encoding_that_the_header_does_not_tell_is_asked_for() -> None:
    body = f"VIN,chassis,exporter\n{VIN},1,Завод\n".encode("cp1251")
    with pytest.raises(
        SheetError, match=r"line 2: got byte 0xc7, which is not UTF-8, want UTF-8 or the name"
    ):
        read(body)
    assert read(body, encoding="cp1251").rows[0][2] == "Завод"


def test_sep_line_title_lines_and_quotes_over_lines_keep_the_line_numbers() -> None:
    table = read(
        f'sep=;\nList of May;;\n\nVIN;chassis;note\n"{VIN}";"a;b";"two\nlines"\n\n{VIN};c;"say ""x"""\n'
    )
    assert table.header_row == 4
    assert table.numbers == [5, 8]
    assert table.rows == [[VIN, "a;b", "two\nlines"], [VIN, "c", 'say "x"']]
    assert table.address(1, 1) == "line 8, column 2"


@pytest.mark.parametrize("text", ["1.23E+16", "1,23E+16", "1.2345678901234567e+16", "5E+07", "12345678.0"])
def test_numbers_that_lost_digits_are_odd(text: str) -> None:
    table = read(f'VIN;chassis\n{VIN};"{text}"\n')
    assert table.odd[0, 1].kind is OddKind.FLOAT
    assert table.odd[0, 1].got == text


@pytest.mark.parametrize("text", ["2E123456", "12E45678", "123456", "1.5", "A1.0", "RA000002"])
def test_codes_that_only_look_like_numbers_are_not(text: str) -> None:
    assert read(f"VIN;chassis\n{VIN};{text}\n").odd == {}


def test_rows_of_another_width_are_odd_as_a_whole() -> None:
    table = read(f"VIN,chassis\n{VIN}\n{VIN},a,b\n{VIN},a,\n")
    assert {row: odd.got for (row, column), odd in table.odd.items() if column == -1} == {
        0: "1 cells, header 2",
        1: "3 cells, header 2",
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "file is empty: got 0 bytes"),
        (b"\n\n", "file is empty: got no rows"),
        (b"VIN,chassis\n\x00\x01,a\n", "got a binary file"),
        (f'VIN,chassis\n{VIN},"a\n'.encode(), "line 2: got a quote that does not end"),
        (b"%PDF-1.7", "got a PDF, a picture or an archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "old .xls or a workbook with a password"),
    ],
)
def test_what_is_no_table_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        read(body)


def test_limits_hold() -> None:
    rows = "VIN,chassis\n" + f"{VIN},a\n" * 3
    assert len(read(rows, limits=Limits(rows=3)).rows) == 3
    with pytest.raises(SheetError, match="too many rows: got more than 2, want at most 2"):
        read(rows, limits=Limits(rows=2))
    with pytest.raises(SheetError, match=f"file too large: got {len(rows)} bytes, want at most 10"):
        read(rows, limits=Limits(file_bytes=10))
    with pytest.raises(SheetError, match="too many columns: got 2, want at most 1"):
        read(rows, limits=Limits(columns=1))
    assert (
        read(f"VIN,chassis\n{VIN},{'9' * 50}\n", limits=Limits(cell_characters=40)).odd[0, 1].kind
        is OddKind.LONG
    )


def test_an_unknown_encoding_or_sheet_is_refused() -> None:
    with pytest.raises(SheetError, match="encoding: got 'klingon', want a name"):
        read("VIN,chassis\n", encoding="klingon")
    with pytest.raises(SheetError, match="the file is no workbook"):
        read("VIN,chassis\n", sheet="May")


def test_an_unknown_header_names_what_the_file_has() -> None:
    table = read("a,b\n1,2\n")
    with pytest.raises(
        SheetError, match=r"header in line 1: got 'a', 'b', want a column for vin \(for example VIN, 车"
    ):
        columns_of(table, [Field.VIN])
