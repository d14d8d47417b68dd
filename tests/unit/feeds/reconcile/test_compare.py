"""Cases with names: what is told, of whom, at which position, and what is proposed."""

from __future__ import annotations

import pytest

from feeds.reconcile import Change, Finding, Kind, ReconcileError, Side, load, reconcile
from feeds.sheets import Field, Severity
from tests.unit.feeds.reconcile.fleets import Pair, as_list, compared, right

A, B, C = "LZZTESTA6PN000001", "LZZTESTA8PN000002", "LZZTESTA3PN000005"
MADE = [[A, "AB 100001"], [B, "CD 200002"], [C, "EF 300003"]]


def one(filed: list[Pair], made: list[Pair] | None = None, known: list[Pair] | None = None) -> Finding:
    (finding,) = compared(MADE if made is None else made, filed, known).findings
    return finding


def filed(**changes: list[str]) -> list[Pair]:
    return [changes.get(name, list(pair)) for name, pair in zip("abc", MADE, strict=True)]


def test_a_swapped_pair_is_one_finding_with_both_changes() -> None:
    found = one(filed(a=[A, "CD200002"], b=[B, "AB100001"]))
    assert (found.kind, found.severity) == (Kind.SWAPPED_PAIR, Severity.ERROR)
    assert found.text == (
        f"{A} stands with chassis CD200002 and {B} with AB100001 in the filings; "
        "in the production list it is the other way round."
    )
    assert found.changes == (
        Change(Side.FILINGS, "line 2, column 2", "CD200002", "AB100001"),
        Change(Side.FILINGS, "line 3, column 2", "AB100001", "CD200002"),
    )
    assert [(place.side.value, place.row) for place in found.places] == [
        ("filings", 2),
        ("filings", 3),
        ("production", 2),
        ("production", 3),
    ]


def test_three_in_a_ring_are_three_foreign_numbers() -> None:
    ring = filed(a=[A, MADE[1][1]], b=[B, MADE[2][1]], c=[C, MADE[0][1]])
    assert [finding.kind for finding in compared(MADE, ring).findings] == [Kind.FOREIGN_CHASSIS] * 3


def test_a_number_of_the_neighbour_is_no_slip() -> None:
    made = [[A, "CH000001"], [B, "CH000002"]]
    found = one([[A, "CH000002"], [B, "CH000002"]], made)
    assert found.kind is Kind.FOREIGN_CHASSIS
    assert found.text == (
        f"{A} stands with chassis CH000002 in the filings, which is that of {B} in the production list; "
        "there it has CH000001; position 8: got 2, want 1."
    )


@pytest.mark.parametrize(
    ("got", "position", "text"),
    [
        ("LZZTESTA6PN000007", 17, "position 17: got 7, want 1"),
        ("LZZTESTA6PNO00001", 12, "position 12: got O, want 0"),
        ("LZZTESTA6PN0O00O1", 13, "position 13: got O, want 0; position 16: got O, want 0"),
        ("LZZTESTА6PN000001", 8, "position 8: got А, want A"),
        ("LZZTESTA6PN00001", 16, "position 16: 0 is missing"),
        ("LZZTESTA6PN0000011", 18, "1 behind the end"),
        ("LZZTESTA6NP000001", 10, "positions 10 and 11 exchanged: got NP, want PN"),
    ],
)
def test_slips_in_a_vin_are_told_by_position(got: str, position: int, text: str) -> None:
    found = one(filed(a=[got, "AB100001"]))
    assert (found.kind, found.what, found.got, found.want) == (Kind.VIN_SLIP, "vin", got, A)
    assert found.position == position
    assert text in found.text
    assert found.changes == (Change(Side.FILINGS, "line 2, column 1", got, A),)


def test_a_wrong_check_digit_in_production_is_proposed_there() -> None:
    wrong = "LZZTESTA6PN000007"
    found = one(filed(), [[wrong, "AB 100001"], *MADE[1:]])
    assert found.kind is Kind.VIN_SLIP
    assert found.changes == (Change(Side.PRODUCTION, "line 2, column 1", wrong, A),)


def test_a_slip_is_found_without_a_chassis_number_by_the_check_digit() -> None:
    found = one(filed(a=["LZZTESTA6PN000007", ""]))
    assert (found.kind, found.severity, found.position) == (Kind.VIN_SLIP, Severity.ERROR, 17)


def test_two_faults_in_one_row_are_both_told() -> None:
    found = compared(MADE, filed(a=["LZZTESTA6PN000007", "ZZZZZZ99"])).findings
    assert [finding.kind for finding in found] == [Kind.VIN_SLIP, Kind.CHASSIS_MISMATCH]


def test_neighbours_of_a_series_with_their_own_numbers_are_two_vehicles() -> None:
    made = [["WDBTESTE5TN000010", "AB100001"], ["WDBTESTE5TN000020", "CD200002"]]
    filings = [["WDBTESTE5TN000011", "XY987654"], made[1]]
    result = compared(made, filings)
    assert [finding.kind for finding in result.findings] == [Kind.NOT_PRODUCED, Kind.NOT_FILED]
    assert (
        "near is WDBTESTE5TN000010 (line 2, column 1), position 17: got 1, want 0" in result.findings[0].text
    )


def test_neighbours_with_nothing_to_tell_them_apart_are_a_warning() -> None:
    made = [["WDBTESTE5TN000010", "TN000010"], ["WDBTESTE5TN000020", "TN000020"]]
    found = one([["WDBTESTE5TN000011", "TN000011"], made[1]], made)
    assert (found.kind, found.severity) == (Kind.VIN_SLIP, Severity.WARNING)
    assert found.text.endswith("It may as well be another vehicle.")


def test_several_that_may_be_meant_are_all_named_and_none_proposed() -> None:
    made = [["WDBTESTE5TN000010", ""], ["WDBTESTE5TN000012", ""]]
    result = compared(made, [["WDBTESTE5TN000011", ""]])
    first = result.findings[0]
    assert (first.kind, first.changes) == (Kind.VIN_SLIP, ())
    assert "several that are: WDBTESTE5TN000010, WDBTESTE5TN000012" in first.text
    assert [finding.kind for finding in result.findings[1:]] == [Kind.NOT_FILED] * 2


def test_a_vehicle_filed_again_under_a_slip_is_told_with_both_rows() -> None:
    found = one([*filed(), ["LZZTESTA6PN000007", "AB100001"]])
    assert (found.kind, found.changes) == (Kind.VIN_SLIP, ())
    assert "which is in the filings under its own VIN too" in found.text
    assert [place.row for place in found.places] == [5, 2, 2]


def test_a_check_digit_wrong_in_both_lists_is_told_once_with_what_may_be_meant() -> None:
    wrong = "LZZTESTA6PND00001"
    found = one([[wrong, "AB1"]], [[wrong, "AB1"]])
    assert (found.kind, found.position) == (Kind.CHECK_DIGIT, 9)
    assert "in the production list and the filings: check digit at position 9" in found.text
    assert "not which. Perhaps " in found.proposal
    assert A in found.proposal
    assert found.changes == ()


def test_no_check_digit_is_asked_of_makers_that_use_none() -> None:
    assert compared([["WVWZZZ3CZEE140287", "a"]], [["WVWZZZ3CZEE140287", "a"]]).clean


def test_what_is_no_vin_is_told() -> None:
    found = compared([["LZZ", "a"], ["", "b"]], [["LZZ", "a"], ["", "b"]]).findings
    assert [finding.kind for finding in found] == [Kind.BAD_VIN] * 3
    texts = " ".join(finding.text for finding in found)
    assert "LZZ in the production list and the filings: length: got 3 characters, want 17." in texts
    assert "line 3, column 1 of the production list: got no VIN, want 17 characters." in texts


def test_a_vin_twice_with_two_chassis_numbers_is_told_and_compared() -> None:
    result = compared(MADE, [*filed(), [A, "CD200002"]])
    assert [finding.kind for finding in result.findings] == [Kind.FOREIGN_CHASSIS, Kind.DOUBLED_VIN]
    assert "is in the filings 2 times, with chassis AB100001, CD200002." in result.findings[1].text


def test_a_chassis_number_twice_in_both_lists_is_told_once() -> None:
    made = [[A, "AB1001"], [B, "AB1001"]]
    found = one(made, made)
    assert (found.kind, len(found.places)) == (Kind.DOUBLED_CHASSIS, 4)


def test_the_end_of_the_vin_may_be_equal_for_two_makers() -> None:
    made = [[code, code[9:]] for code in (right("LZZTESTA0PN000001"), right("LFWTESTB0PN000001"))]
    assert compared(made, made).clean


@pytest.mark.parametrize("word", ["", "none", "N/A", "无", "отсутствует"])
def test_words_for_no_chassis_number_are_none(word: str) -> None:
    assert compared([[A, ""]], [[A, word]]).clean
    found = one(filed(a=[A, word]))
    assert (found.kind, found.want) == (Kind.NO_CHASSIS, "AB100001")


def test_what_the_list_says_of_its_scheme_is_held_against_it() -> None:
    header = ("VIN", "chassis", "chassis scheme")
    rows = [[A, A, "VIN"], [B, B[9:], "VIS8"], [C, "EF300003", "VIS8"]]
    made, held = as_list(Side.PRODUCTION, rows, header), as_list(Side.FILINGS, rows, header)
    found = reconcile(made, held).findings
    assert [(finding.kind, finding.places[0].side.value) for finding in found] == [
        (Kind.SCHEME, "filings"),
        (Kind.SCHEME, "production"),
    ]
    assert f"Chassis EF300003 of {C} in the filings: its scheme says the last 8 of the VIN." == found[0].text
    assert found[0].want == "3PN000005"[1:]


def test_a_chassis_number_that_nearly_is_the_vin_is_told() -> None:
    nearly = "LZZTESTA6PN000007"
    found = compared([[A, nearly]], [[A, nearly]]).findings
    assert {finding.kind for finding in found} == {Kind.SCHEME}
    assert "it looks like LZZTESTA6PN000001 out of its VIN, but position 17: got 7, want 1" in found[0].text


def test_a_vehicle_on_another_maker_s_chassis_is_no_finding() -> None:
    rows = [[A, right("LFWTESTB0RA000002")]]
    assert compared(rows, rows).clean


def test_the_registry_adds_its_word_and_its_own_findings() -> None:
    known = [[A, "AB 100001"], [B, "ZZ 999999"], ["LFWTESTB9RA000002", "old"]]
    result = compared(MADE, filed(a=[A, "AB100007"]), known)
    assert [finding.kind for finding in result.findings] == [Kind.CHASSIS_SLIP, Kind.CHASSIS_MISMATCH]
    assert result.findings[0].text.endswith("The registry has AB100001.")
    assert "in the filings is not ZZ999999 in the registry" in result.findings[1].text


def test_what_only_the_registry_has_is_no_finding() -> None:
    assert compared(
        MADE, filed(), [["LFWTESTB9RA000002", "x"], ["LFWTESTB9RA000002", "y"], ["LZZ", "z"]]
    ).clean


def test_a_registry_without_chassis_numbers_will_do() -> None:
    known = as_list(Side.REGISTRY, [[A]], ("VIN",))
    assert reconcile(as_list(Side.PRODUCTION, MADE), as_list(Side.FILINGS, MADE), known).clean


def test_a_row_that_can_t_be_trusted_is_told_and_makes_no_other_finding() -> None:
    filings = filed()
    filings[1].append("one too many")
    result = compared(MADE, filings)
    assert [finding.kind for finding in result.findings] == [Kind.UNREADABLE, Kind.NOT_FILED]
    floated = compared(MADE, filed(a=["1.23E+16", "AB100001"]))
    assert [finding.kind for finding in floated.findings] == [Kind.UNREADABLE]
    assert floated.findings[0].text == (
        "line 2, column 1 of the filings: vin: got 1.23E+16, "
        "want the digits as text: as a number it has lost digits."
    )


def test_a_file_without_the_columns_is_refused_with_its_name() -> None:
    with pytest.raises(
        ReconcileError, match=r"filings \(f.csv\): header in line 1: got 'a', want a column for vin"
    ):
        load(Side.FILINGS, "f.csv", b"a\n1\n")
    told = load(Side.FILINGS, "f.csv", b"a,b\n1,2\n", told={Field.VIN: "a", Field.CHASSIS: "b"})
    assert (told.vins, told.chassis) == (["1"], ["2"])


def test_empty_lists_are_clean_and_overlong_codes_are_told() -> None:
    assert compared([], []).clean
    found = compared([["9" * 65, "a"]], []).findings
    assert [(finding.kind, finding.got) for finding in found] == [(Kind.UNREADABLE, "65 characters")]
