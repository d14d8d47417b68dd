"""VINs: published examples pass, and what must not pass is refused with what was got and wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity import vin
from tests.unit.streams.identity import vectors

bodies = st.text(vin.ALPHABET, min_size=17, max_size=17)


def checked(body: str) -> str:
    return body[:8] + vin.check_digit(body) + body[9:]


def test_worked_example_of_the_standard() -> None:
    products = [vin.VALUES[c] * w for c, w in zip("LZZTESTA6PN000001", vin.WEIGHTS, strict=True)]
    assert products == [24, 63, 54, 15, 20, 6, 6, 10, 0, 63, 40, 0, 0, 0, 0, 0, 2]
    assert sum(products) % 11 == 6


@pytest.mark.parametrize("text", vectors.RIGHT)
def test_listed_numbers_pass_without_a_doubt_of_the_check_digit(text: str) -> None:
    found = vin.parse(text)
    assert (found.text, found.override) == (text, None)
    assert "check digit" not in (found.warning or "")


@pytest.mark.parametrize("text", vectors.INVENTED)
def test_invented_chinese_numbers_are_of_the_gb_form(text: str) -> None:
    assert vin.parse(text).warning is None


@pytest.mark.parametrize(("text", "digit"), vectors.EACH_CHECK_VALUE.items())
def test_each_check_value(text: str, digit: str) -> None:
    assert vin.check_digit(text) == digit == text[8]


def test_entered_form_is_normalised() -> None:
    assert vin.parse(" *lzzt-esta 6pn000001* ").text == "LZZTESTA6PN000001"
    assert vin.parse("ＬＺＺＴＥＳＴＡ６ＰＮ０００００１").text == "LZZTESTA6PN000001"
    assert vin.parse("LZZT\u00a0ESTA\t6PN000001\n").text == "LZZTESTA6PN000001"


@pytest.mark.parametrize(("text", "want"), vectors.REFUSED.items())
def test_wrong_number_is_refused_with_got_and_want(text: str, want: tuple[str, int | None, str]) -> None:
    code, position, message = want
    with pytest.raises(vin.VinError, match=message.replace("?", r"\?")) as caught:
        vin.parse(text)
    assert (caught.value.code, caught.value.position) == (code, position)


@pytest.mark.parametrize(("text", "digit"), vectors.NOT_REQUIRED.items())
def test_regions_without_a_check_digit_get_a_warning(text: str, digit: str) -> None:
    found = vin.parse(text)
    assert found.warning == (
        f"check digit at position 9: got {text[8]}, want {digit} (not required of this maker's region)"
    )
    assert vin.check_rule(text) is None
    assert vin.plausible(text)


@pytest.mark.parametrize(
    ("first", "rule"), [*((c, "China") for c in "LH"), *((c, "North America") for c in "123457")]
)
def test_regions_that_must_check(first: str, rule: str) -> None:
    assert rule in (vin.check_rule(first + "ZZ") or "")


@given(bodies)
def test_only_listed_regions_must_check(text: str) -> None:
    right = checked(text)
    wrong = text[:8] + ("0" if right[8] == "1" else "1") + text[9:]
    if text[0] in "LH123457":
        with pytest.raises(vin.VinError, match=f"position 9: got {wrong[8]}, want {right[8]}"):
            vin.parse(wrong)
        assert not vin.plausible(wrong)
    else:
        assert vin.parse(wrong).text == wrong
        assert vin.plausible(wrong)


@given(bodies, st.integers(0, 16), st.sampled_from(vin.ALPHABET))
def test_check_digit_finds_each_single_substitution_but_of_equal_value(
    text: str, place: int, new: str
) -> None:
    """Blind are only characters of one value: 1, A and J; 2, B, K and S; and so on."""
    right = checked(text)
    wrong = right[:place] + new + right[place + 1 :]
    blind = wrong == right or (place != 8 and vin.VALUES[right[place]] == vin.VALUES[new])
    assert (vin.check_digit(wrong) == wrong[8]) is blind


@given(bodies, st.integers(0, 15))
def test_check_digit_finds_each_exchange_of_neighbours_but_of_values_that_differ_by_nothing(
    text: str, place: int
) -> None:
    right = checked(text)
    if 8 in (place, place + 1):
        return
    wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    same = vin.VALUES[right[place]] == vin.VALUES[right[place + 1]]
    assert (vin.check_digit(wrong) == wrong[8]) is same


def test_gb_form_is_a_warning_for_chinese_makers_only() -> None:
    assert vin.gb_finding("CATALYSTTEMPERATU") == "position 9: got T, want 0-9 or X (GB 16735)"
    assert vin.well_formed("CATALYSTTEMPERATU")
    odd = checked("LZZTESTA0PN0000AB")
    assert vin.parse(odd).warning == (
        "positions 13 to 17: got 000AB, want digits, small makers three at the end (GB 16735)"
    )
    assert vin.parse(checked("1ZZTESTA0PN0000AB")).warning is None
    assert vin.parse(checked("LZ9TESTA0PNABC001")).warning is None


def test_override_takes_a_failing_check_digit_with_its_reason() -> None:
    found = vin.parse("LZZTESTA5PN000001", override=" read off the frame ")
    assert (found.text, found.override) == ("LZZTESTA5PN000001", "read off the frame")
    assert "taken all the same: read off the frame" in (found.warning or "")


def test_override_is_not_kept_where_nothing_was_overridden() -> None:
    assert vin.parse("LZZTESTA6PN000001", override="just in case").override is None


@pytest.mark.parametrize("reason", ["", "  "])
def test_override_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(vin.VinError, match="override: got no reason"):
        vin.parse("LZZTESTA5PN000001", override=reason)


@pytest.mark.parametrize("text", ["1M8GDM9AXKPO42788", "1M8GDM9AXKP04278"])
def test_override_excuses_no_wrong_form(text: str) -> None:
    with pytest.raises(vin.VinError):
        vin.parse(text, override="the paper says so")


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("LZZTESTA6PN000001", (2023, 1993)),
        ("LZGTESTC0SX000003", (2025, 1995)),
        ("1M8GDM9AXKP042788", (1989, 2019)),
        ("5N1NJ01CXST000001", (1995, 2025)),
        ("2G1WB5E37E1110567", (2014, 1984)),
        ("1XPBDK9X1LD708195", (1990, 2020)),
        ("1FTMWAT88MFA00001", (2021, 1991)),
        ("WP0ZZZ99ZTS392124", (2026, 1996)),
        ("LZZTESTA600000001", ()),
        ("LZZTESTA6UN000001", ()),
        ("", ()),
    ],
)
def test_model_year_is_two_candidates(text: str, years: tuple[int, ...]) -> None:
    assert vin.model_years(text) == years


@pytest.mark.parametrize(
    ("code", "year"),
    [("L", 2020), ("M", 2021), ("N", 2022), ("P", 2023), ("R", 2024), ("S", 2025), ("T", 2026), ("V", 2027)],
)
def test_recent_model_year_codes(code: str, year: int) -> None:
    assert vin.model_years("LZZTESTA6" + code)[0] == year


def test_small_maker_is_named_by_six_characters() -> None:
    assert vin.maker_key("LZ9TESTA0PNABC001") == "LZ9ABC"
    assert vin.maker_key("LZZTESTA6PN000001") == "LZZ"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = vin.parse(text)
    except vin.VinError:
        return
    assert vin.well_formed(found.text)
