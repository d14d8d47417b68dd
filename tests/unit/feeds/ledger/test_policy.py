"""Policy files: what each line means, and each line that is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger.errors import FormatError
from feeds.ledger.note import COSIGNATURE, Signer
from feeds.ledger.policy import parse_policy

LOG = Signer("log.example", bytes(32)).verifier
KEYS = [Signer(f"w{n}.example/key", bytes([n]) * 32, COSIGNATURE).verifier for n in range(1, 5)]
W = [f"witness w{n} {key}" for n, key in enumerate(KEYS, 1)]


def policy(*lines: str) -> bytes:
    return "\n".join(lines).encode() + b"\n"


def test_a_whole_policy() -> None:
    made = parse_policy(
        policy(
            "# who we trust",
            "",
            f"log\t{LOG} https://log.example/",
            f"{W[0]} http://w1.example:8090",
            *W[1:],
            "group two 2 w2 w3 w4",
            "group all-of-us all w1 two",
            "quorum all-of-us",
        )
    )
    assert (made.logs[0].key, made.logs[0].url) == (LOG, "https://log.example/")
    assert [one.url for one in made.witnesses] == ["http://w1.example:8090", None, None, None]
    names = [key.name for key in KEYS]
    assert made.met({names[0], names[1], names[3]})
    assert not made.met({names[0], names[1]})
    assert not made.met(set(names[1:]))
    assert not made.met({"w1", "w2", "w3", "w4"})  # names of keys count, not those given here


@pytest.mark.parametrize(
    ("quorum", "cosigned", "met"),
    [("none", [], True), ("w1", [0], True), ("w1", [1], False), ("one", [1], True), ("one", [], False)],
)
def test_quorums(quorum: str, cosigned: list[int], met: bool) -> None:
    made = parse_policy(policy(*W[:2], "group one any w1 w2", f"quorum {quorum}"))
    assert made.met({KEYS[n].name for n in cosigned}) is met


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "no quorum"),
        (["quorum none", "quorum none"], "line 2: got a second quorum"),
        (["quorum w1"], "line 1: name: got w1, want a witness or group"),
        (["quorum"], "line 1: got 'quorum'"),
        (["peer x"], "want log, witness, group or quorum"),
        ([f"log {KEYS[0]}"], "got type 4, want 1"),
        ([f"witness w {LOG}"], "got type 1, want 4"),
        (["log nonsense"], "verifier key"),
        ([W[0], W[0].replace("w1 ", "w2 ")], "there already"),
        ([W[0], W[1].replace("w2 ", "w1 ")], "want one that is not taken"),
        ([W[0].replace("w1 ", "none ")], "not taken"),
        ([W[0], "group g 2 w1"], "1 to 1"),
        ([W[0], "group g 0 w1"], "1 to 1"),
        ([W[0], "group g +1 w1"], "1 to 1"),
        ([W[0], "group g any w1 w1"], "again"),
        ([W[0], "group g any w1", "group h any w1"], "again"),
        (["group g any g"], "line before"),
        (["group g any"], "want log, witness, group or quorum"),
        (["# a\x01"], "control characters"),
        (["quorum none\r"], "control characters"),
    ],
)
def test_broken_policies(lines: list[str], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        parse_policy(policy(*lines))


_LINES = st.sampled_from(
    ["quorum none", *W, "group a any w1", "group b 2 a w2", f"log {LOG}", "quorum a", "x"]
)


@given(st.one_of(st.binary(max_size=100), st.lists(_LINES, max_size=6).map(lambda some: policy(*some))))
def test_any_bytes_are_a_policy_or_refused(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert parse_policy(data).met({key.name for key in KEYS})
