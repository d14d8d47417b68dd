"""Laws of the judgement: no order of claims matters, and what was known is what was known."""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from streams.identity.bindings import Claim, judge

VINS = ("LZZTESTA6PN000001", "LZZTESTA8PN000002", "LZZTE5TA6PN000001")
SOURCES = ("officer", "maker", "registration", "filing", "device", "can:0", "can:23", "else")
CHASSIS = (
    *((None, None), (None, "NONE"), ("PN000001", None), ("PN000001", "VIS8"), ("PN000002", None)),
    *((VINS[0], "VIN"), ("AB 1", None), ("AB-1", "OEM"), ("AB 2", None), ("PN000002", "OEM")),
)
times = st.integers(0, 4)


@st.composite
def a_claim(draw: st.DrawFn) -> Claim:
    chassis, scheme = draw(st.sampled_from(CHASSIS))
    vin = draw(st.none() | st.sampled_from(VINS))
    from_ms, to_ms = draw(times), draw(st.none() | times)
    return Claim(draw(st.sampled_from(SOURCES)), vin, chassis, scheme, from_ms, to_ms, draw(times))


claims = st.lists(a_claim(), max_size=7)


@given(claims, times, st.none() | times, st.randoms(use_true_random=False))
def test_order_of_claims_does_not_matter(
    held: list[Claim], at: int, known: int | None, random: object
) -> None:
    shuffled = list(held)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert astuple(judge(shuffled, at, known)) == astuple(judge(held, at, known))


@given(claims, times, times)
def test_as_known_then_is_judging_what_was_known_then(held: list[Claim], at: int, known: int) -> None:
    then = [c for c in held if c.known_ms <= known]
    assert astuple(judge(held, at, known)) == astuple(judge(then, at))


@given(claims, times)
def test_saying_it_twice_changes_nothing(held: list[Claim], at: int) -> None:
    assert astuple(judge([*held, *held], at)) == astuple(judge(held, at))


@given(claims, times)
def test_state_tells_what_was_found(held: list[Claim], at: int) -> None:
    view = judge(held, at)
    assert (view.state == "conflict") is bool(view.conflicts)
    assert set(view.agreed) <= set(view.confirmed)
    if view.state == "bound":
        assert view.vin is not None
        assert len(view.agreed) >= 2 or any(c.source == "officer" for c in held)
    if view.state == "claimed":
        assert len(view.agreed) < 2
    for conflict in view.conflicts:
        assert conflict.got != conflict.want
        assert conflict.position is not None
        assert conflict.cause.value != "same"


@given(claims, st.sampled_from(VINS), times)
def test_an_officer_settles_all_that_is_known(held: list[Claim], vin: str, at: int) -> None:
    others = [c for c in held if c.source != "officer"]
    officer = Claim("officer", vin, "AB 1", "OEM", 0, None, 9)
    assert judge([*others, officer], at).state == "bound"
    assert judge([*others, officer], at, known_ms=8) == judge(others, at)
