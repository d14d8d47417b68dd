"""Countries and makers: the shipped tables are sound, and a bad table is refused by line."""

from __future__ import annotations

import pytest

from streams.identity.data import shipped
from streams.identity.makers import TableError, tables
from tests.unit.streams.identity import vectors

COUNTRIES = "first,last,code,name\n"
MAKERS = "code,maker,source\n"


@pytest.mark.parametrize(
    ("code", "country"),
    [
        *(("L0", "CN"), ("HZ", "CN"), ("RP", "LA"), ("MM", "TH"), ("RM", "VN"), ("MU", "MN"), ("MX", "KZ")),
        *(("XZ", "RU"), ("X0", "RU"), ("Z6", "RU"), ("Z0", "RU"), ("Z9", "RU"), ("RV", "RU"), ("XE", "RU")),
        *(("Y4", "BY"), ("JA", "JP"), ("KN", "KR"), ("W1", "DE"), ("SP", "DE"), ("XL", "NL"), ("9B", "BR")),
    ],
)
def test_country_of_the_first_two_characters(code: str, country: str) -> None:
    found = shipped().country(code)
    assert found is not None
    assert found.code == country


@pytest.mark.parametrize("code", ["RR", "XX", "Z5", "0C", "", "L", "II"])
def test_unknown_country_is_unknown(code: str) -> None:
    assert shipped().country(code) is None


@pytest.mark.parametrize(
    ("vin", "maker"),
    [
        ("LZZTESTA6PN000001", "Sinotruk"),
        ("LFWTESTB9RA000002", "FAW Jiefang"),
        ("LZGTESTC0SX000003", "Shacman"),
        ("LJ1TESTD7TC000004", "JAC"),
        ("LVBTESTE0RB000005", "Foton"),
        ("LGGTESTF1SL000006", "Dongfeng Liuzhou"),
        ("WP0ZZZ99ZTS392124", "Porsche"),
    ],
)
def test_maker_of_the_first_three_characters(vin: str, maker: str) -> None:
    found = shipped().maker(vin)
    assert found is not None
    assert maker in found.name
    assert found.source


def test_longer_code_stands_before_a_shorter_one() -> None:
    found = tables(COUNTRIES, MAKERS + "LZ,Some,a\nLZZ,Other,a\n")
    assert [getattr(found.maker(v), "name", None) for v in ("LZZ1", "LZA1", "LA1")] == ["Other", "Some", None]


def test_first_table_stands_before_the_second() -> None:
    found = tables(
        COUNTRIES, MAKERS + "LZZ,First,a\n", "# remark\n\n" + MAKERS + "LZZ,Second,b\nLZA,Third,b\n"
    )
    assert [getattr(found.maker(v), "name", None) for v in ("LZZ", "LZA")] == ["First", "Third"]


def test_unknown_maker_says_nothing_against_a_number() -> None:
    assert shipped().maker("HZZTESTG6TA000007") is None
    assert "HZZTESTG6TA000007" in vectors.INVENTED


@pytest.mark.parametrize(
    ("countries", "makers", "message"),
    [
        ("", MAKERS, "countries: got header 'nothing', want 'first,last,code,name'"),
        ("first,last\n", MAKERS, "countries: got header 'first,last'"),
        (COUNTRIES + "LA,L0,CN\n", MAKERS, "countries, line 2: .* want 4 cells"),
        (COUNTRIES + "LA,L0,CN,\n", MAKERS, "countries, line 2: .* none empty"),
        (COUNTRIES + "LA,H0,CN,China\n", MAKERS, "countries, line 2: got LA to H0"),
        (COUNTRIES + "L0,LA,CN,China\n", MAKERS, "countries, line 2: got L0 to LA"),
        (COUNTRIES + "LI,LO,CN,China\n", MAKERS, "countries, line 2: got LI to LO"),
        (COUNTRIES + "# r\nLA,LB,CN,China\nLB,LC,CN,China\n", MAKERS, "countries, line 4: got LB again"),
        (COUNTRIES, MAKERS + "LZZZ,A,b\n", "makers 1, line 2: got code 'LZZZ'"),
        (COUNTRIES, MAKERS + "LO,A,b\n", "makers 1, line 2: got code 'LO'"),
        (COUNTRIES, MAKERS + "LZ,A,b\nLZ,B,b\n", "makers 1, line 3: got LZ again"),
    ],
)
def test_bad_table_is_refused_by_line(countries: str, makers: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        tables(countries, makers)
