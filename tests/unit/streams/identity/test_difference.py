"""Differences: the position that is named is the right one, and slips are told from other numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity.difference import Cause, bare, difference

A = "LZZTESTA6PN000001"


@pytest.mark.parametrize(
    ("got", "position", "cause", "text"),
    [
        (A, None, Cause.SAME, "the same"),
        ("lzz-testa6 PN000001*", None, Cause.SAME, "the same"),
        ("LZZTESTA4PN000001", 9, Cause.SLIP, "position 9: got 4, want 6"),
        ("1ZZTESTA6PN000001", 1, Cause.SLIP, "position 1: got 1, want L"),
        ("LZ2TE5TA6PN000001", 3, Cause.SLIP, "position 3: got 2, want Z; position 6: got 5, want S"),
        ("LZZTETSA6PN000001", 6, Cause.SLIP, "positions 6 and 7 exchanged: got TS, want ST"),
        ("LZZTESTA8PN000002", 9, Cause.UNKNOWN, "position 9: got 8, want 6; position 17: got 2, want 1"),
        (
            "LZZTESTA6PN0000",
            16,
            Cause.TRUNCATED,
            "ends at position 15, 01 missing: got 15 characters, want 17",
        ),
        ("ESTA6PN000001", 1, Cause.TRUNCATED, "LZZT missing before it: got 13 characters, want 17"),
        ("", 1, Cause.TRUNCATED, "nothing there: got 0 characters, want 17"),
        (A + "FF", 18, Cause.JUNK, "FF behind the end: got 19 characters, want 17"),
        ("LZZZTESTA6PN000001", 4, Cause.SLIP, "position 4: Z is one too many (got 18 characters, want 17)"),
        ("LZZTESA6PN000001", 7, Cause.SLIP, "position 7: T is missing (got 16 characters, want 17)"),
        ("LZX00", 3, Cause.UNKNOWN, "from position 3 on: got 5 characters, want 17"),
        (
            "WVWZZZ3CZEE140287",
            1,
            Cause.UNKNOWN,
            "position 1: got W, want L; position 2: got V, want Z; position 3: got W, want Z; and 13 more",
        ),
    ],
)
def test_difference_is_told_by_position(got: str, position: int | None, cause: Cause, text: str) -> None:
    found = difference(got, A)
    assert (found.position, found.cause, found.text) == (position, cause, text)


@given(st.text("AB01", max_size=9), st.text("AB01", max_size=9))
def test_position_is_the_first_that_differs_and_the_verdict_has_two_sides(got: str, want: str) -> None:
    found, back = difference(got, want), difference(want, got)
    assert (found.position is None) == (got == want) == (found.cause is Cause.SAME)
    assert (found.cause is Cause.SLIP) == (back.cause is Cause.SLIP) or len(got) != len(want)
    if found.position is not None and found.cause is not Cause.TRUNCATED:
        assert got[: found.position - 1] == want[: found.position - 1]
        assert got[found.position - 1 : found.position] != want[found.position - 1 : found.position]


@given(st.text())
def test_bare_is_idempotent(text: str) -> None:
    once = bare(text)
    assert bare(once) == once or not once.isascii()
    assert not set(" -*\t\n") & set(once)
