"""Entries: what they commit to, what opens them, and what does not."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger.entry import (
    ENTRY_BYTES,
    SALT_BYTES,
    WHOLE,
    Entry,
    EntryKind,
    Opening,
    check_opening,
    commitment,
    decode,
    groups_hash,
    salts_of,
    seal,
)
from feeds.ledger.errors import FormatError, ProofError

GROUPS = {WHOLE: b"all of it", "head": b"h", "place": b"p" * 60, "driver": b"who"}
_GROUPS = st.dictionaries(st.text("abcdefg", min_size=1, max_size=8), st.binary(max_size=40), max_size=5)


def _sealed(groups: dict[str, bytes]) -> tuple[Entry, dict[str, bytes]]:
    salts = os.urandom(SALT_BYTES * len(groups))
    return decode(seal(EntryKind.REPORT, 3, 77, 5, groups, salts).entry), salts_of(list(groups), salts)


def test_an_entry_says_where_its_record_is_and_no_more() -> None:
    entry, salts = _sealed(GROUPS)
    assert (entry.kind, entry.partition, entry.position, entry.number) == (EntryKind.REPORT, 3, 77, 5)
    assert len(entry.encode()) == ENTRY_BYTES == 84
    assert entry.whole == commitment(WHOLE, salts[WHOLE], GROUPS[WHOLE])
    rest = {name: commitment(name, salts[name], GROUPS[name]) for name in GROUPS if name != WHOLE}
    assert entry.groups == groups_hash(rest)
    assert not any(content in entry.encode() for content in GROUPS.values() if len(content) > 3)


@given(_GROUPS, st.data())
def test_any_part_opens_and_no_other_content_does(groups: dict[str, bytes], data: st.DataObject) -> None:
    groups = {WHOLE: b"whole"} | groups
    entry, salts = _sealed(groups)
    shown = data.draw(st.sets(st.sampled_from(sorted(groups))))
    opened = {name: (salts[name], groups[name]) for name in shown}
    hidden = {name: commitment(name, salts[name], groups[name]) for name in groups if name not in shown}
    check_opening(entry, Opening(opened, hidden))
    if shown:
        name = data.draw(st.sampled_from(sorted(shown)))
        salt, content = opened[name]
        changed = data.draw(
            st.sampled_from([(salt, content + b"x"), (bytes(SALT_BYTES - 1) + b"\1", content)])
        )
        with pytest.raises(ProofError):
            check_opening(entry, Opening(opened | {name: changed}, hidden))
        with pytest.raises(ProofError):
            check_opening(entry, Opening({k: v for k, v in opened.items() if k != name}, hidden))
    with pytest.raises(ProofError):
        check_opening(entry, Opening(opened, hidden | {"more": bytes(32)}))


def test_a_group_is_shown_or_hidden() -> None:
    entry, salts = _sealed(GROUPS)
    shown = {name: (salts[name], GROUPS[name]) for name in GROUPS}
    with pytest.raises(ProofError, match="both shown and hidden: head"):
        check_opening(entry, Opening(shown, {"head": bytes(32)}))
    with pytest.raises(ProofError, match="neither shown nor hidden"):
        check_opening(entry, Opening({}, {"head": bytes(32)}))


def test_two_records_of_one_content_can_not_be_told_to_be_equal() -> None:
    assert _sealed(GROUPS)[0] != _sealed(GROUPS)[0]


def test_salts_must_be_of_every_group() -> None:
    with pytest.raises(ValueError, match="got 16 bytes, want 64"):
        seal(EntryKind.EVENT, 0, 0, 0, GROUPS, bytes(16))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "got 0 bytes, want 84"),
        (bytes(85), "got 85 bytes"),
        (b"\2\1" + bytes(82), "version 2 kind 1"),
        (b"\1\4" + bytes(82), "version 1 kind 4"),
        (b"\1\0" + bytes(82), "kind 0"),
    ],
)
def test_broken_entries(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        decode(data)


@given(st.binary(min_size=84, max_size=84))
def test_any_84_bytes_come_back_or_are_refused(data: bytes) -> None:
    try:
        assert decode(data).encode() == data
    except FormatError:
        assert data[0] != 1 or data[1] not in (1, 2, 3)


def test_bytes_can_not_move_between_salt_and_content() -> None:
    groups = {"whole": b"all of it", "body": b"first second"}
    sealed = seal(EntryKind.EVENT, 0, 1, 1, groups, bytes(32))
    entry = decode(sealed.entry)
    salts = salts_of(list(groups), sealed.salts)
    whole = (salts["whole"], groups["whole"])
    check_opening(entry, Opening({"whole": whole, "body": (salts["body"], groups["body"])}, {}))
    moved = (salts["body"] + b"first ", b"second")  # hashes to the same
    with pytest.raises(ProofError, match="salt of group body: got 22 bytes, want 16"):
        check_opening(entry, Opening({"whole": whole, "body": moved}, {}))
