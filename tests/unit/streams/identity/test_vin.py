"""VINs: published examples pass, one changed character fails where the check digit must hold."""

from __future__ import annotations

import pytest

from streams.identity import vin

VALID = [
    "11111111111111111",
    "1M8GDM9AXKP042788",
    "5N1NJ01CXST000001",
    "1XPBDK9X1LD708195",
    "2G1WB5E37E1110567",
    "1FACP45EXLF192944",
    "LDC613P23A1305189",
    "LSJA24U62JG269225",
    "LBV5S3102ESJ25655",
    "38Z63P7W0GCRB5050",
    "WYSHUV571C50P2806",
    "2UNLM4Y22KF0E2219",
    "PBJ1GXMU3NDE71284",
    "0C1H83214Y4JF6614",
    "6DERGH2S587714324",
    "U0Y2NM226JG9N5043",
    "9BY7UYCC7210U3767",
    "TT4GR5BH8EVNJ7856",
    "3EA4ZN5H9CKJU9042",
    "RYZA0YM5X5SJL1774",
    "LZZTESTA6PN000001",
    "LZZTESTA8PN000002",
    "HZZTESTG6TA000007",
]


@pytest.mark.parametrize("text", VALID)
def test_published_examples_pass_without_a_warning(text: str) -> None:
    assert vin.parse(text) == vin.Vin(text, None)


def test_entered_form_is_normalised() -> None:
    assert vin.parse(" *lzzt-esta 6pn000001* ").text == "LZZTESTA6PN000001"
    assert vin.parse("ＬＺＺＴＥＳＴＡ６ＰＮ０００００１").text == "LZZTESTA6PN000001"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2G1WB5E36E1110567", "check digit at position 9: got 6, want 7"),
        ("LZZTESTA5PN000001", "check digit at position 9: got 5, want 6"),
        ("1M8GDM9AXKPO42788", r"character at position 12: got 'O', .*is it 0\?"),
        ("1M8GDM9AXKP04278", "length: got 16 characters, want 17"),
        ("", "length: got 0 characters, want 17"),
        ("LZZTESTA6PN00000#", "character at position 17: got '#'"),
        ("LZZTESTA6PN00000É", "character at position 17: got 'É'"),
    ],
)
def test_wrong_number_is_refused_with_got_and_want(text: str, message: str) -> None:
    with pytest.raises(vin.VinError, match=message):
        vin.parse(text)


@pytest.mark.parametrize("text", ["WP0ZZZ99ZTS392124", "WVWZZZ3CZEE140287", "9BWZZZ377VT004251"])
def test_regions_without_a_check_digit_get_a_warning(text: str) -> None:
    found = vin.parse(text)
    assert found.warning is not None
    assert "not required" in found.warning


@pytest.mark.parametrize("place", [p for p in range(17) if p != 8])
def test_any_single_wrong_digit_is_caught(place: int) -> None:
    right = "11111111111111111"
    for other in "023456789":
        wrong = right[:place] + other + right[place + 1 :]
        if wrong[0] in "12345":
            with pytest.raises(vin.VinError, match="check digit"):
                vin.parse(wrong)
