"""Chassis numbers: schemes are told apart, held against the VIN, and kept as they were entered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity import chassis
from streams.identity.chassis import ChassisError
from streams.identity.difference import Cause

VIN = "LZZTESTA6PN000001"


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        (VIN, "VIN"),
        ("*LZZTESTA6 PN000001*", "VIN"),
        ("LZZTESTA6PN000009", "VIN"),
        ("PN000001", "VIS8"),
        ("PN000007", "VIS8"),
        ("PN00000I", "VIS8"),
        ("PN00001", "VIS8"),
        ("RB000005", "VIS8"),
        ("RBABC005", "VIS8"),
        ("ABCD 123456", "OEM"),
        ("ZN000001", "VIS8"),
        ("ZN123456", "OEM"),
        ("12345678X", "OEM"),
        ("无", "NONE"),
        ("отсутствует", "NONE"),
        ("-", "NONE"),
        (" N/A ", "NONE"),
    ],
)
def test_scheme_is_guessed_from_form_and_vin(text: str, scheme: str) -> None:
    assert chassis.guess(text, VIN) == scheme


def test_form_alone_is_enough_for_the_end_of_an_unknown_vin() -> None:
    assert chassis.guess("PN000001") == "VIS8"
    assert chassis.guess("PN00000I") == "OEM"


def test_maker_number_keeps_its_structure_and_is_compared_without() -> None:
    found = chassis.parse(" *abcd -  123456* ")
    assert (found.original, found.text, found.key) == (" *abcd -  123456* ", "ABCD-123456", "ABCD123456")
    assert chassis.parse("ＡＢＣＤ 123456").text == "ABCD 123456"
    assert chassis.parse("ABCD123456").key == found.key


def test_number_that_follows_from_the_vin() -> None:
    assert chassis.parse("pn-000001", None, VIN).fits
    assert chassis.parse(VIN, "VIN", VIN).fits
    assert not chassis.parse("PN000009", "VIS8", VIN).fits
    assert not chassis.parse("ABCD 1", "OEM", VIN).fits
    assert not chassis.parse("PN000001", "OEM", VIN).fits


@pytest.mark.parametrize(
    ("text", "scheme", "position", "cause"),
    [
        ("PN000009", "VIS8", 8, Cause.SLIP),
        ("RB000005", None, 1, Cause.UNKNOWN),
        ("LZZTESTA8PN000002", "VIN", 9, Cause.UNKNOWN),
        ("PN000O01", None, 6, Cause.SLIP),
    ],
)
def test_number_that_does_not_follow_from_the_vin_though_it_must(
    text: str, scheme: str | None, position: int, cause: Cause
) -> None:
    found = chassis.check(chassis.parse(text, scheme, VIN), VIN)
    assert found is not None
    assert (found.position, found.cause) == (position, cause)


@pytest.mark.parametrize(
    ("text", "scheme"), [("PN000001", None), (VIN, None), ("ABCD 1", None), ("RB000005", "OEM"), ("无", None)]
)
def test_nothing_to_say_where_it_agrees_or_needs_not(text: str, scheme: str | None) -> None:
    assert chassis.check(chassis.parse(text, scheme, VIN), VIN) is None


def test_none_is_none() -> None:
    for text in (None, "", "нет", "无"):
        found = chassis.parse(text, "NONE")
        assert (found.text, found.key, found.scheme) == ("", "", "NONE")


@pytest.mark.parametrize(
    ("text", "scheme", "message"),
    [
        ("X1", "FRAME", "got 'FRAME', want one of VIN, VIS8, OEM, NONE"),
        ("X1", "NONE", "got 'X1', want nothing by scheme NONE"),
        ("", "OEM", "got '', want a number by scheme OEM"),
        (None, "VIN", "got '', want a number by scheme VIN"),
        ("无", "VIS8", "want a number by scheme VIS8"),
        ("1.23E+16", None, "got '1.23E+16', a number that a spreadsheet rounded"),
        ("1,23e16", None, "a number that a spreadsheet rounded"),
        ("4E+15", "OEM", "a number that a spreadsheet rounded"),
        ("123456.0", None, "a number that a spreadsheet rounded"),
        ("LZZTESTA6PN00000", "VIN", "want 17 of 0-9, A-Z without I, O, Q"),
        ("LZZTESTA6PNOOOOO1", None, "by scheme VIN: got 'LZZTESTA6PNOOOOO1', want 17 of"),
        ("PN0001", "VIS8", "by scheme VIS8: got 6 characters, want 8"),
        ("A" * 41, None, "got 41 characters, want at most 40"),
        ("AB\x00C1", None, r"got '\\x00' in"),
        ("AB#1", None, "got '#' in 'AB#1', want letters, digits"),
        ("AB|1", "OEM", r"got '\|'"),
    ],
)
def test_bad_number_is_refused_with_got_and_want(text: str | None, scheme: str | None, message: str) -> None:
    with pytest.raises(ChassisError, match=message.replace("+", r"\+")):
        chassis.parse(text, scheme, VIN)


def test_number_with_an_e_is_no_rounded_one() -> None:
    assert chassis.parse("1234E5678").text == "1234E5678"


@given(st.text(max_size=50), st.none() | st.sampled_from(chassis.SCHEMES), st.none() | st.just(VIN))
def test_any_text_is_read_or_refused_and_kept(text: str, scheme: str | None, vin: str | None) -> None:
    try:
        found = chassis.parse(text, scheme, vin)
    except ChassisError:
        return
    assert found.original == text
    assert found.scheme in chassis.SCHEMES
    assert found.fits is (
        vin is not None and bool(found.key) and found.key in (vin, vin[9:]) and scheme != "OEM"
    )
