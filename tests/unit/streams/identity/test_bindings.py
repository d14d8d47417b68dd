"""Bindings: what agreement, disagreement, officers and the two time axes make of claims."""

from __future__ import annotations

import pytest

from streams.identity.bindings import Cause, Claim, claim_of, crosswise, judge, with_other
from streams.identity.chassis import ChassisError

A = "LZZTESTA6PN000001"
B = "LZZTESTA8PN000002"
NOW = 1_000


def claim(
    source: str,
    vin: str | None = A,
    chassis: str | None = "ABCD 123456",
    scheme: str | None = None,
    *,
    from_ms: int = 0,
    to_ms: int | None = None,
    known_ms: int = 0,
    order: int = 0,
) -> Claim:
    return Claim(source, vin, chassis, scheme, from_ms, to_ms, known_ms, "somebody", "", order)


def test_nobody_says_anything() -> None:
    view = judge([], NOW)
    assert (view.vin, view.chassis, view.state, view.agreed, view.conflicts) == (
        None,
        None,
        "claimed",
        [],
        [],
    )


def test_one_source_is_a_claim() -> None:
    view = judge([claim("registration")], NOW)
    assert (view.vin, view.chassis, view.scheme, view.state) == (A, "ABCD 123456", "OEM", "claimed")
    assert view.agreed == ["registration"]


def test_two_independent_sources_bind() -> None:
    view = judge([claim("filing", chassis="abcd-123456"), claim("maker", scheme="OEM")], NOW)
    assert (view.state, view.chassis, view.agreed) == ("bound", "ABCD 123456", ["filing", "maker"])


def test_two_sources_of_one_family_are_one_witness() -> None:
    view = judge([claim("can:0"), claim("can:23")], NOW)
    assert (view.state, view.agreed) == ("claimed", ["can"])


@pytest.mark.parametrize(("source", "family"), [("can:0", "can"), ("device", "device")])
def test_vin_alone_confirms_one_half_only(source: str, family: str) -> None:
    view = judge([claim("filing"), claim(source, chassis=None)], NOW)
    assert (view.state, view.agreed) == ("claimed", ["filing"])
    assert view.confirmed == sorted([family, "filing"])


def test_bus_that_tells_both_halves_by_two_units_is_a_witness_of_both() -> None:
    halves = [claim("can:0", chassis=None), claim("can:33", vin=None)]
    assert judge([claim("filing"), *halves], NOW).state == "bound"
    assert judge([claim("filing"), halves[1]], NOW).state == "claimed"


def test_numbers_that_follow_from_the_vin_agree_whatever_their_length() -> None:
    view = judge([claim("filing", chassis="PN000001"), claim("maker", chassis=A)], NOW)
    assert (view.state, view.conflicts) == ("bound", [])


def test_makers_own_number_does_not_contradict_one_that_follows_from_the_vin() -> None:
    view = judge([claim("maker"), claim("filing", chassis="PN000001")], NOW)
    assert (view.state, view.conflicts, view.agreed) == ("claimed", [], ["maker"])
    view = judge([claim("maker"), claim("filing", chassis="PN000001"), claim("registration", chassis=A)], NOW)
    assert (view.state, view.chassis, view.agreed) == ("bound", A, ["filing", "registration"])


def test_none_is_a_statement_that_binds_and_can_be_wrong() -> None:
    none = [claim("filing", chassis=None, scheme="NONE"), claim("registration", chassis="无", scheme="NONE")]
    view = judge(none, NOW)
    assert (view.state, view.chassis, view.scheme) == ("bound", None, "NONE")
    [conflict] = judge([*none[:1], claim("maker")], NOW).conflicts
    assert (conflict.what, conflict.got, conflict.want) == ("chassis", "", "ABCD123456")


def test_nothing_said_is_no_statement() -> None:
    view = judge([claim("filing", chassis=""), claim("registration", chassis=None), claim("maker")], NOW)
    assert (view.state, view.conflicts, view.confirmed) == (
        "claimed",
        [],
        ["filing", "maker", "registration"],
    )


def test_vin_conflict_names_both_values_position_and_sources() -> None:
    view = judge([claim("registration"), claim("filing", "LZZTESTA4PN000001")], NOW)
    [conflict] = view.conflicts
    assert view.state == "conflict"
    assert conflict.plain() == {
        "what": "vin",
        "got": "LZZTESTA4PN000001",
        "want": A,
        "position": 9,
        "source": "filing",
        "against": "registration",
        "cause": "slip",
        "text": f"VIN by filing is LZZTESTA4PN000001, by registration {A}: position 9: got 4, want 6",
        "other": None,
    }


def test_chassis_conflict_is_against_the_first_by_precedence() -> None:
    other = claim("filing", chassis="ABCD 128456")
    view = judge([other, claim("registration", chassis="ABCD 128456"), claim("maker")], NOW)
    assert (view.state, view.chassis) == ("conflict", "ABCD 123456")
    [conflict] = view.conflicts
    assert (conflict.source, conflict.against, conflict.position) == ("registration", "maker", 7)
    assert conflict.cause is Cause.SLIP


@pytest.mark.parametrize("scheme", ["VIS8", None])
def test_number_that_should_follow_from_the_vin_and_does_not(scheme: str | None) -> None:
    view = judge([claim("filing", chassis="PN000002", scheme=scheme)], NOW)
    [conflict] = view.conflicts
    assert (conflict.what, conflict.got, conflict.want) == ("chassis", "PN000002", "PN000001")
    assert (conflict.against, conflict.position) == ("vin", 8)


def test_guessed_scheme_gives_way_to_a_stated_one() -> None:
    stated = claim("maker", chassis="RB000005", scheme="OEM")
    guessed = claim("filing", chassis="RB000005")
    assert judge([guessed], NOW).state == "conflict"
    assert judge([guessed, stated], NOW).state == "bound"


def test_whole_identity_of_another_vehicle_is_one_conflict() -> None:
    view = judge([claim("registration", chassis="PN000001"), claim("filing", B, "PN000002")], NOW)
    [conflict] = view.conflicts
    assert (conflict.what, conflict.cause) == ("vin", Cause.FOREIGN)


def test_vin_slip_with_the_right_end_is_one_conflict() -> None:
    view = judge(
        [claim("registration", chassis="PN000001"), claim("filing", "LZZTE5TA6PN000001", "PN000001")], NOW
    )
    assert [c.what for c in view.conflicts] == ["vin"]


def test_one_pair_of_values_is_one_conflict() -> None:
    claims = [claim("registration"), claim("can:0", B, None), claim("can:23", B, None)]
    [conflict] = judge(claims, NOW).conflicts
    assert (conflict.source, conflict.cause) == ("can:0", Cause.FOREIGN)


def test_foreign_number_must_be_a_possible_one() -> None:
    wrong = "LFWTESTB2RA000002"
    [conflict] = judge([claim("registration"), claim("can:0", wrong, None)], NOW).conflicts
    assert conflict.cause is Cause.UNKNOWN


class TestOfficer:
    foreign = (claim("registration", known_ms=10), claim("can:0", B, None, known_ms=20))

    def test_settles_what_was_known(self) -> None:
        view = judge([*self.foreign, claim("officer", known_ms=30, from_ms=30)], NOW)
        assert (view.state, view.conflicts) == ("bound", [])
        assert view.agreed == ["officer", "registration"]

    def test_repetition_of_what_was_settled_is_no_news(self) -> None:
        again = claim("can:0", B, None, known_ms=50, from_ms=50)
        assert judge([*self.foreign, claim("officer", known_ms=30), again], NOW).state == "bound"

    def test_new_disagreement_is_a_conflict_with_what_the_officer_saw(self) -> None:
        new = claim("can:0", "LFWTESTB9RA000002", None, known_ms=50, from_ms=50)
        view = judge([*self.foreign, claim("officer", known_ms=30), new], NOW)
        assert [(c.got, c.against) for c in view.conflicts] == [("LFWTESTB9RA000002", "officer")]

    def test_may_find_the_registry_wrong(self) -> None:
        view = judge([*self.foreign, claim("officer", B, "X 1", known_ms=30)], NOW)
        assert (view.vin, view.chassis, view.state) == (B, "X 1", "bound")

    def test_later_word_of_the_registry_against_it_is_a_conflict(self) -> None:
        later = claim("registration", chassis="ABCD 999999", known_ms=60, from_ms=60)
        view = judge([*self.foreign, claim("officer", known_ms=30), later], NOW)
        assert [(c.what, c.against) for c in view.conflicts] == [("chassis", "officer")]

    def test_settles_within_its_millisecond_by_order(self) -> None:
        officer = claim("officer", known_ms=20, order=7)
        before, after = (claim("can:0", B, None, known_ms=20, order=n) for n in (6, 8))
        assert judge([self.foreign[0], before, officer], NOW).state == "bound"
        assert judge([self.foreign[0], after, officer], NOW).state == "conflict"

    def test_number_that_does_not_follow_from_the_vin_is_taken_as_seen(self) -> None:
        filed = claim("filing", chassis="PN000009", scheme="VIS8", known_ms=40)
        assert judge([claim("officer", chassis="PN000009", known_ms=30), filed], NOW).state == "bound"

    def test_without_a_vin_binds_nothing(self) -> None:
        assert judge([claim("officer", None)], NOW).state == "claimed"

    def test_verified_vin_of_a_vehicle_without_known_chassis_number(self) -> None:
        assert judge([claim("officer", chassis=None)], NOW).state == "bound"


class TestTime:
    def test_claim_holds_from_its_beginning_to_before_its_end(self) -> None:
        one = [claim("filing", from_ms=10, to_ms=20)]
        assert [judge(one, t).vin for t in (9, 10, 19, 20)] == [None, A, A, None]

    def test_newer_word_of_a_source_holds_from_its_beginning(self) -> None:
        words = [claim("filing", chassis="X 1"), claim("filing", chassis="X 2", from_ms=50, known_ms=60)]
        assert [judge(words, t).chassis for t in (49, 50)] == ["X 1", "X 2"]
        assert judge(words, 50, known_ms=59).chassis == "X 1"
        assert judge(words, 50, known_ms=60).chassis == "X 2"

    def test_corrected_word_with_the_same_beginning_replaces_the_old_wholly(self) -> None:
        words = [claim("filing"), claim("filing", to_ms=40, known_ms=60)]
        assert judge(words, 50).vin is None
        assert judge(words, 50, known_ms=59).vin == A

    def test_word_taken_back(self) -> None:
        words = [claim("registration"), claim("filing", B), claim("filing", B, to_ms=0, known_ms=60)]
        assert judge(words, 50, known_ms=10).state == "conflict"
        assert judge(words, 50).state == "claimed"

    def test_conflict_stays_in_history_after_the_correction(self) -> None:
        words = [claim("registration"), claim("filing", B), claim("filing", known_ms=60, from_ms=50)]
        assert judge(words, 40).state == "conflict"
        assert judge(words, 50).state == "bound"


class TestClaim:
    def test_goes_through_plain_values_and_back(self) -> None:
        one = claim("filing", "lzzt-esta 6pn000001", " abcd-123456", from_ms=1, to_ms=2, known_ms=3, order=4)
        plain = one.plain()
        assert plain == {
            "source": "filing",
            "vin": A,
            "chassis": " abcd-123456",
            "scheme": None,
            "from_ms": 1,
            "to_ms": 2,
            "known_ms": 3,
            "by": "somebody",
            "evidence": "",
            "order": 4,
        }
        again = claim_of(plain)
        assert again.plain() == plain
        assert (again.rank, again.reading, again.said) == (one.rank, one.reading, one.said)
        assert "order" not in claim("filing").plain()

    @pytest.mark.parametrize(("chassis", "scheme"), [("1.23E+16", None), ("X", "VIS8"), ("X", "FRAME")])
    def test_bad_chassis_number_is_refused(self, chassis: str, scheme: str | None) -> None:
        with pytest.raises(ChassisError):
            claim("filing", chassis=chassis, scheme=scheme)

    def test_unknown_source_stands_last(self) -> None:
        [conflict] = judge([claim("somebody", B), claim("can:0", chassis=None)], NOW).conflicts
        assert (conflict.source, conflict.against) == ("somebody", "can:0")


class TestOtherVehicle:
    def test_foreign_number_on_the_bus_is_a_swapped_unit(self) -> None:
        [conflict] = judge([claim("registration"), claim("can:0", B, None)], NOW).conflicts
        found = with_other(conflict, "asset_b", B, None)
        assert (found.cause, found.other) == (Cause.SWAPPED_UNIT, "asset_b")
        assert found.text.endswith(f"{B} is the number of asset_b: the unit sits in that vehicle")

    def test_other_vehicle_with_other_numbers_changes_nothing(self) -> None:
        [conflict] = judge([claim("registration"), claim("can:0", B, None)], NOW).conflicts
        assert with_other(conflict, "asset_c", "LFWTESTB9RA000002", B) is conflict

    def test_chassis_numbers_filed_crosswise_are_a_swapped_pair(self) -> None:
        [first] = judge([claim("maker", A, "X 1"), claim("filing", A, "X 2")], NOW).conflicts
        [second] = judge([claim("maker", B, "X 2"), claim("filing", B, "X 1")], NOW).conflicts
        assert crosswise(first, second)
        assert not crosswise(first, first)
        assert with_other(first, "asset_b", B, "X-2").cause is Cause.SWAPPED_PAIR
