"""What is told of a stretch of a start at once is what is told of each of its reports."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from feeds.completeness import Around, Start

reports = st.lists(
    st.tuples(
        st.integers(0, 14),
        st.sampled_from(["next", "next", "next", "other", "none"]),
        st.sampled_from([False] * 6 + [True]),
    ),
    max_size=40,
)


def hash_of(boot: str, seq: int) -> bytes:
    return hashlib.sha256(f"{boot} {seq}".encode()).digest()


def start_of(boot: str, boot_n: int, sent: list[tuple[int, str, bool]], counted: bool) -> Start:
    made, seen = Start(), set[int]()
    for seq, link, again in sent:
        if seq in seen and not again:
            continue
        named = {"next": hash_of(boot, seq - 1) if seq else None, "other": bytes(32), "none": None}[link]
        own = hash_of(boot, seq + 100) if seq in seen else hash_of(boot, seq)
        made.add(boot_n, seq, own, named, seq in seen, counted)
        seen.add(seq)
    return made


@given(sent=reports, other=reports, count=st.integers(1, 2), counted=st.booleans())
def test_a_stretch_is_each_of_its_reports(
    sent: list[tuple[int, str, bool]], other: list[tuple[int, str, bool]], count: int, counted: bool
) -> None:
    around = Around.of({"a": start_of("a", 1, sent, counted), "b": start_of("b", count, other, True)})
    for boot in ("a", "b", "c"):
        first, last, missing = around.even(boot)
        for seq in range(first, last + 1):
            assert around.at(boot, seq) == (missing, "holds")


def test_a_whole_start_is_one_stretch_but_for_its_first_report() -> None:
    made = start_of("a", 1, [(seq, "next", False) for seq in range(6)], True)
    assert Around.of({"a": made}).even("a") == (1, 5, 0)


def test_after_a_hole_a_stretch_goes_on() -> None:
    made = start_of("a", 1, [(seq, "next", False) for seq in (0, 1, 4, 5, 6)], True)
    assert Around.of({"a": made}).even("a") == (5, 6, 2)
