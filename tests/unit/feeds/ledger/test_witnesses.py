"""Asking witnesses: their cosignatures are served, and one that is away or lies holds nothing up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feeds.ledger.book import Book
from feeds.ledger.checkpoint import Opened, open_checkpoint
from feeds.ledger.errors import LedgerStopError
from feeds.ledger.files import LogFiles
from feeds.ledger.note import COSIGNATURE, Signer
from feeds.ledger.policy import parse_policy
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.witness import Witness
from feeds.ledger.witnesses import Witnesses
from tests.unit.feeds.ledger.faults import SIGNER, entries

KEYS = [Signer(f"w{n}.example", bytes([n]) * 32, COSIGNATURE) for n in (1, 2)]
POLICY = "\n".join(
    [*(f"witness w{n} {key.verifier} http://w{n}" for n, key in enumerate(KEYS, 1)), "quorum none\n"]
)
Send = Callable[[str, bytes], tuple[int, bytes]]


class Two:
    """Two witnesses behind a function instead of HTTP; ``odd`` answers for the second if it is set."""

    def __init__(self, folder: Path) -> None:
        self.witnesses = [
            Witness(folder / f"{n}.db", key, [SIGNER.verifier], lambda: 77) for n, key in enumerate(KEYS)
        ]
        self.odd: Send | None = None
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, url: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((url, body.split(b"\n", 1)[0]))
        if self.odd is not None and url.startswith("http://w2/"):
            return self.odd(url, body)
        answer = self.witnesses[int(url[len("http://w")]) - 1].add_checkpoint(body)
        return answer.status, answer.body.encode()


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Sequencer]:
    made = Sequencer(Book(tmp_path / "book.db"), LogFiles(tmp_path / "log"), SIGNER, serve=False)
    yield made
    made.book.close()


def asking(log: Sequencer, two: Two) -> Witnesses:
    return Witnesses(parse_policy(POLICY.encode()), SIGNER.verifier, log.files, two)


def more(log: Sequencer, first: int, count: int) -> str:
    """Some entries more; the head as signed."""
    log.book.append(entries(first, count), {})
    note = log.publish()
    assert note is not None
    return note.format()


def served(log: Sequencer) -> Opened:
    keys = [key.verifier for key in KEYS]
    return open_checkpoint(log.files.served("checkpoint"), SIGNER.verifier, keys)


def test_heads_are_served_with_their_cosignatures(log: Sequencer, two: Two) -> None:
    witnesses = asking(log, two)
    try:
        for first, count in ((0, 3), (3, 400), (403, 1)):
            witnesses.cosign(more(log, first, count))
            assert served(log).checkpoint == log.head
            assert served(log).witnesses == {"w1.example": 77, "w2.example": 77}
        assert [one[1] for one in two.asked[::2]] == [b"old 0", b"old 3", b"old 403"]
        assert two.asked[0][0].endswith("/add-checkpoint")
        assert witnesses.figures() == {"asked": 2, "size": 404, "troubles": {}}
    finally:
        witnesses.close()


def test_a_log_that_starts_again_learns_where_its_witnesses_are(log: Sequencer, two: Two) -> None:
    first = asking(log, two)
    first.cosign(more(log, 0, 10))
    first.close()
    again = asking(log, two)
    again.cosign(more(log, 10, 300))
    again.close()
    assert set(served(log).witnesses) == {"w1.example", "w2.example"}


def _refuses(url: str, body: bytes) -> tuple[int, bytes]:
    return 403, b"no\n"


def _away(url: str, body: bytes) -> tuple[int, bytes]:
    raise TimeoutError("no answer")


def _lies(url: str, body: bytes) -> tuple[int, bytes]:
    return 200, KEYS[1].cosign("log.example/faults\n9\nother\n", 77).line().encode()


def _rambles(url: str, body: bytes) -> tuple[int, bytes]:
    return 200, b"\xff\xfe nonsense"


def _ahead(url: str, body: bytes) -> tuple[int, bytes]:
    return 409, b"99999\n"


def _never_the_same(url: str, body: bytes) -> tuple[int, bytes]:
    return 409, b"1\n" if body.startswith(b"old 0") else b"0\n"


@pytest.mark.parametrize("odd", [_refuses, _away, _lies, _rambles, _ahead, _never_the_same])
def test_one_that_is_away_or_odd_holds_nothing_up(log: Sequencer, two: Two, odd: Send) -> None:
    two.odd = odd
    witnesses = asking(log, two)
    try:
        witnesses.cosign(more(log, 0, 10))
        assert served(log).checkpoint == log.head
        assert set(served(log).witnesses) == {"w1.example"}
        assert set(witnesses.figures()["troubles"]) == {"w2"}
        two.odd = None
        witnesses.cosign(more(log, 10, 10))
        assert set(served(log).witnesses) == {"w1.example", "w2.example"}
        assert witnesses.figures()["troubles"] == {}
    finally:
        witnesses.close()


def test_a_policy_that_can_not_be_used_stops_the_log(log: Sequencer, tmp_path: Path) -> None:
    with pytest.raises(LedgerStopError, match="can't be read"):
        Witnesses.of_file(tmp_path / "none", SIGNER.verifier, log.files)
    (tmp_path / "policy").write_text("witness\n")
    with pytest.raises(LedgerStopError, match="line 1"):
        Witnesses.of_file(tmp_path / "policy", SIGNER.verifier, log.files)
