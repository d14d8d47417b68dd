"""``corridor vin`` explains a number and what a wrong one meant; its exit code tells which it is."""

from __future__ import annotations

import json

import pytest

from corridor.__main__ import main


def said(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    assert main(["vin", *words]) == code
    return capsys.readouterr().out


def test_right_number_is_explained_by_position(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 0, " *lzzt-esta 6pn000001* ", "--chassis", "PN000001")
    assert out.startswith("LZZTESTA6PN000001\n")
    assert "Sinotruk (HOWO, Sitrak, Steyr), China (a hint)" in out
    assert "check digit: right; must hold (China, GB 16735)" in out
    assert "model year: 2023, or 1993" in out
    assert "chassis: PN000001 (scheme VIS8 as it seems) agrees with the VIN" in out
    assert out.endswith("may be registered\n")


def test_wrong_number_is_refused_with_what_it_may_have_meant(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 1, "LZZTE5TA6PN000001")
    assert "refused: check digit at position 9: got 6, want 4" in out
    assert "perhaps LZZTESTA6PN000001  (position 6: got 5, perhaps S)" in out
    assert "may be registered" not in out


def test_chassis_number_that_does_not_agree_fails(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 1, "LZZTESTA6PN000001", "--chassis", "PN000002", "--scheme", "VIS8")
    assert "PN000002 (scheme VIS8) does not agree with the VIN: position 8: got 2, want 1" in out
    out = said(capsys, 1, "LZZTESTA6PN000001", "--chassis", "1.23E+16")
    assert "a number that a spreadsheet rounded" in out
    out = said(capsys, 0, "LZZTESTA6PN000001", "--scheme", "NONE")
    assert "chassis: no chassis number (scheme NONE)" in out
    out = said(capsys, 0, "LZZTESTA6PN000001", "--chassis", "ABCD 123456")
    assert "does not follow from the VIN" in out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("LZ9TESTA7PNABC001", "a small maker (LZ9ABC), China"),
        ("HZZTESTG6TA000007", "a maker that the table does not know, China"),
        ("WP0ZZZ99ZTS392124", "not required of this maker's region"),
        ("0C1H83214Y4JF6614", "a country that the table does not know"),
        ("XTCZZZ000ZZ000001", "KAMAZ, Russia (a hint, unverified)"),
    ],
)
def test_what_is_known_and_not(capsys: pytest.CaptureFixture[str], text: str, told: str) -> None:
    assert told in said(capsys, 0, text)


@pytest.mark.parametrize("text", ["", "LZZ", "无", "LZZTESTA6PN00000#", "\x00" * 17])
def test_what_is_no_vin_is_refused_without_parts(capsys: pytest.CaptureFixture[str], text: str) -> None:
    found = json.loads(said(capsys, 1, text, "--json"))
    assert (found["ok"], found["parts"], found["proposals"]) == (False, [], [])
    assert "got" in found["refused"]


def test_json_has_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, 1, "1M8GDM9AXKPO42788", "--json"))
    assert found["proposals"][0] == {
        "vin": "1M8GDM9AXKP042788",
        "positions": [12],
        "text": "position 12: got O, perhaps 0",
    }
    found = json.loads(said(capsys, 0, "LZZTESTA6PN000001", "--json"))
    assert "".join(part["characters"] for part in found["parts"]) == found["vin"]
    assert [part["positions"] for part in found["parts"]] == [
        [1, 3],
        [4, 8],
        [9, 9],
        [10, 10],
        [11, 11],
        [12, 17],
    ]
