"""Groups by columns are those that a plain reader finds; what is no map of groups is refused."""

from __future__ import annotations

from itertools import pairwise

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import sha
from feeds.ledger.cbor import group_map
from feeds.ledger.entry import SALT_BYTES, commitment, salts_of
from feeds.ledger.errors import FormatError
from feeds.ledger.groups import NAMES, Groups
from feeds.ledger.sealing import HEAD_KEYS

Record = dict[str, bytes]
records = st.lists(st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=300)), max_size=6)
HEAD = dict.fromkeys(HEAD_KEYS, 0) | {"seq": 300, "received_ms": 1_795_330_800_000, "device": "unit-1"}


def salts(record: Record) -> bytes:
    return bytes(n % 251 for n in range(SALT_BYTES * len(record)))


def read(made: list[Record]) -> Groups:
    return Groups([group_map(one) if one else b"" for one in made], [salts(one) for one in made])


@given(made=records, openssl=st.booleans())
def test_contents_salts_and_commitments_are_those_of_each_record(made: list[Record], openssl: bool) -> None:
    groups = read(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sha, "FOUND", openssl and sha.FOUND)
        for at, name in enumerate(NAMES):
            has = np.array([name in one for one in made], bool)
            assert groups.there[at].tolist() == has.tolist()
            data, cuts = groups.contents(name, has)
            flat = data.tobytes()
            found = [flat[a:b] for a, b in pairwise(cuts)]
            assert found == [one.get(name, b"") for one in made]
            own = [salts_of(list(one), salts(one))[name] for one in made if name in one]
            assert groups.salts(name, has).tobytes() == b"".join(own)
            want = [
                commitment(name, s, one[name])
                for s, one in zip(own, (m for m in made if name in m), strict=True)
            ]
            assert groups.commitments(name, has).tobytes() == b"".join(want)


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535, 65_536, 70_000])
def test_contents_of_any_length(size: int) -> None:
    data, _ = read([{"place": bytes(size)}]).contents("place", np.array([True]))
    assert len(data) == size


@pytest.mark.parametrize(
    "damaged",
    [
        b"\x80",
        b"\x00",
        cbor2.dumps({"other": b"x"}),
        cbor2.dumps({"head": "text"}),
        cbor2.dumps({"head": b"x"}) + b"\x00",
        cbor2.dumps({"head": b"x" * 300})[:-1],
        cbor2.dumps({"head": b"x"})[:-2],
        b"\xa2" + cbor2.dumps({"head": b"x"})[1:] * 2,
        b"\xa1" + cbor2.dumps("head") + b"\x5b" + b"\xff" * 8,
        b"\xa1" + cbor2.dumps("head") + b"\x5b\x7f" + b"\xff" * 7,
        b"\xa1" + cbor2.dumps("head") + b"\x5f",
        b"\xb8",
    ],
)
def test_what_is_no_map_of_groups_is_refused(damaged: bytes) -> None:
    with pytest.raises(FormatError, match="groups of a record: got"):
        Groups([group_map({"head": b""}), damaged], [bytes(16), bytes(16)])


@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_as_a_plain_reader_does_or_refused(data: bytes) -> None:
    try:
        there = Groups([data], [bytes(SALT_BYTES * 8)]).there
    except FormatError:
        return
    assert there.sum() in (0, 8)


def test_salts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FormatError, match="salts of a record: got 15 bytes, want 16"):
        Groups([group_map({"head": b""})], [bytes(15)])


@given(seqs=st.lists(st.integers(-5, 2**40), min_size=1, max_size=5), older=st.booleans())
def test_heads_tell_number_and_time_and_which_are_alike(seqs: list[int], older: bool) -> None:
    heads = [{**HEAD, "seq": seq, "prev": bytes(32) if seq % 2 else None} for seq in seqs]
    if older:
        heads[0].pop("key")
    made = [{"head": cbor2.dumps(one, canonical=True)} for one in heads]
    found = read(made).heads(np.ones(len(made), bool))
    assert found.seq == seqs
    assert set(found.received_ms) == {HEAD["received_ms"]}
    assert len(set(found.sort)) == (2 if older and len(seqs) > 1 else 1)
    assert [found.content(at) for at in range(len(made))] == [one["head"] for one in made]


def test_heads_of_other_devices_are_not_alike() -> None:
    made = [{"head": cbor2.dumps({**HEAD, "device": name}, canonical=True)} for name in ("unit-1", "unit-2")]
    assert len(set(read(made).heads(np.ones(2, bool)).sort)) == 2


@pytest.mark.parametrize("content", [b"", b"\xff", b"\x80", cbor2.dumps({"seq": 1})])
def test_a_head_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="head of a report: got"):
        read([{"head": content}]).heads(np.array([True]))
