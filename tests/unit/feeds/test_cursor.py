"""The event cursor: comes back as it went, and is refused with the reason when it can't be used."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds import cursor


@given(st.lists(st.integers(min_value=0, max_value=2**63 - 1), min_size=1, max_size=64))
def test_cursor_comes_back(numbers: list[int]) -> None:
    text = cursor.encode(numbers)
    assert cursor.decode(text, len(numbers)) == tuple(numbers)
    assert text.isascii()
    assert not set(text) & set("+/=")


def test_advance_moves_one_partition() -> None:
    assert cursor.advance(cursor.start(3), 1, 7) == (0, 7, 0)


def packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (cursor.encode((1, 2, 3)), "from before a repartitioning: got 3 partitions, want 2"),
        (packed("[2,2,0,0]"), "another version: got 2, want 1"),
        (packed("[1,2,0]"), "damaged: got 1 numbers, want 2"),
        (packed("[1,2,0,-1]"), "not readable"),
        (packed("[1,2,0,true]"), "not readable"),
        (packed("[1,2,0,1.5]"), "not readable"),
        (packed(f"[1,2,0,{2**63}]"), "not readable"),
        (packed('{"a":1}'), "not readable"),
        (packed("[1]"), "not readable"),
        ("", "not readable"),
        ("%%%", "not readable"),
        ("é", "not readable"),
        ("A" * 5000, "got 5000 characters, want at most 4096"),
    ],
)
def test_what_can_not_be_used_is_refused(text: str, message: str) -> None:
    with pytest.raises(cursor.CursorError, match=message):
        cursor.decode(text, 2)
