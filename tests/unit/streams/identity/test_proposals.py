"""Proposals make the check digit right, leave position 9 alone, and put look-alikes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity import vin
from streams.identity.lookalikes import alike, meant
from streams.identity.proposals import proposals
from tests.unit.streams.identity import vectors

ALL = 1000


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("LZZTE5TA6PN000001", "LZZTESTA6PN000001"),
        ("1M8GDM9AXKPO42788", "1M8GDM9AXKP042788"),
        ("1M8GDM9AXKPQ42788", "1M8GDM9AXKP042788"),
        ("LZZTESTA6PNOOOOO1", "LZZTESTA6PN000001"),
        ("LZZTESTA6PN00000I", "LZZTESTA6PN000001"),
        ("LZZTESТA6PN000001", "LZZTESTA6PN000001"),
    ],
)
def test_slips_of_the_eye_are_found_at_once(wrong: str, right: str) -> None:
    found = proposals(wrong)
    assert right in [p.vin for p in found[:3]]
    assert found[0].rank <= 1


def test_exchanged_neighbours_are_found() -> None:
    found = {p.vin: p for p in proposals("LZZTESTA6PN000010")}
    assert found["LZZTESTA6PN000001"].positions == (16, 17)
    assert found["LZZTESTA6PN000001"].text == "positions 16 and 17: got 10, perhaps 01"


@pytest.mark.parametrize("text", [*vectors.RIGHT, *vectors.NOT_REQUIRED, "", "LZZ", "LZZTESTA6PN00000#"])
def test_nothing_is_proposed_where_nothing_helps(text: str) -> None:
    assert proposals(text) == []


def test_a_check_digit_that_is_no_digit_leaves_nothing_to_fit() -> None:
    assert proposals("CATALYSTTEMPERATU".replace("C", "L", 1)) == []


def test_letters_no_vin_has_are_not_read_against_the_check_digit() -> None:
    assert proposals("LZZTESTA5PN00000I") == []


def test_no_more_than_asked_for() -> None:
    assert len(proposals("LZZTESTA5PN000001", 3)) == 3


@given(st.sampled_from(vectors.INVENTED), st.integers(0, 16), st.sampled_from(vin.ALPHABET))
def test_each_single_error_is_among_the_proposals(right: str, place: int, new: str) -> None:
    wrong = right[:place] + new + right[place + 1 :]
    found = proposals(wrong, ALL)
    for proposal in found:
        assert vin.check_digit(proposal.vin) == proposal.vin[8] == wrong[8]
        assert [n for n in range(17) if proposal.vin[n] != wrong[n]] == [p - 1 for p in proposal.positions]
        assert 9 not in proposal.positions
    seen = vin.check_rule(wrong) is not None and vin.VALUES[new] != vin.VALUES[right[place]]
    if seen and place != 8:
        assert right in [p.vin for p in found]
    assert [p.rank for p in found] == sorted(p.rank for p in found)
    assert len({p.vin for p in found}) == len(found)


@given(st.text(max_size=20))
def test_any_text_gives_proposals_or_none(text: str) -> None:
    for proposal in proposals(text):
        assert vin.plausible(proposal.vin)


@given(st.characters(), st.characters())
def test_alike_goes_both_ways(a: str, b: str) -> None:
    assert alike(a, b) == alike(b, a)
    assert not alike(a, a)


@pytest.mark.parametrize(("got", "want"), [("I", "1"), ("O", "0"), ("Q", "0"), ("А", "A"), ("#", None)])
def test_what_a_wrong_character_is_taken_for(got: str, want: str | None) -> None:
    assert meant(got) == want
    assert want is None or want in vin.ALPHABET
