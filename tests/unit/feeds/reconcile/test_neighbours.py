"""The index of neighbours finds every slip that trying all pairs finds."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from feeds.reconcile.codes import fold, slip
from feeds.reconcile.neighbours import Index
from tests.unit.feeds.reconcile.fleets import slipped


@given(st.integers(0, 2**32), st.integers(1, 25))
def test_every_slip_is_a_candidate(seed: int, count: int) -> None:
    rng = random.Random(seed)
    held = ["".join(rng.choices("01OQ8BАAZ2S5XK", k=rng.choice([6, 8, 17]))) for _ in range(count)]
    asked = [slipped(rng.choice(held), rng, "01OB8AXK") for _ in range(count)]
    candidates = set(Index(held).near(asked))
    for n, got in enumerate(asked):
        for m, want in enumerate(held):
            near = slip(got, want)
            # several look-alikes of pairs that are no fold are told as a slip, but not looked for
            if near is not None and (near.only or len(got) != len(want) or fold(got) == fold(want)):
                assert (n, m) in candidates


def test_empty_lists_and_codes_have_no_neighbours() -> None:
    assert Index([]).near(["ABC"]) == []
    assert Index(["", "ABC"]).near([""]) == []


def test_one_character_codes_are_neighbours() -> None:
    assert Index(["A"]).near(["B", "AB"]) == [(0, 0), (1, 0)]
