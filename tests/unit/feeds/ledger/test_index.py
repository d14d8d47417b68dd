"""The signed index of an installation's logs: what it says, and what may never follow it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger.checkpoint import Checkpoint
from feeds.ledger.errors import FormatError, LedgerStopError, ProofError
from feeds.ledger.files import LogFiles
from feeds.ledger.index import INDEX, INDEX_KEY, Index, Line, open_index, read_index, write
from feeds.ledger.note import Note, Signer, parse_verifier
from feeds.ledger.reading import PUBLIC_KEY, LedgerReader

NAME = "house/ledger/index"
KEYS = [Signer(f"house/ledger/{number}", bytes([number]) * 32) for number in range(3)]


def line(number: int, size: int = 5, root: bytes = b"r" * 32, follower: int | None = None) -> Line:
    return Line(number, KEYS[number].verifier, size, root, follower)


def served(root: Path, number: int, size: int, key: Signer | None = None, hash_: bytes = b"r" * 32) -> None:
    """A log's public key and head, as its writer leaves them."""
    signer = key or KEYS[number]
    files = LogFiles(root / f"p{number}")
    (root / f"p{number}" / PUBLIC_KEY).write_text(f"{signer.verifier}\n")
    files.publish(Checkpoint(signer.name, size, hash_).signed(signer).format())


def written(root: Path, key: Path) -> Index | None:
    return write(root, key, NAME, lambda number: LedgerReader(root / f"p{number}"))


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12), st.binary(min_size=32, max_size=32), st.none() | st.integers(0, 9)),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_written_is_read_again(rows: list[tuple[int, bytes, int | None]]) -> None:
    index = Index(NAME, tuple(line(number, *row) for number, row in enumerate(rows)))
    signer = Signer(NAME, secrets.token_bytes(32))
    note = Note(index.text(), (signer.sign(index.text()),)).format()
    assert open_index(note, signer.verifier) == index
    with pytest.raises(ProofError, match="not signed"):
        open_index(note, Signer("other/index", b"o" * 32).verifier)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_what_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        read_index(text)
    with pytest.raises(FormatError):
        read_index(f"{NAME}\n1\n0 {KEYS[0].verifier} 5 {text}\n")


@pytest.mark.parametrize(
    ("count", "lines", "says"),
    [
        ("2", [line(0).text()], "got 1 logs, want 2"),
        ("01", [line(0).text()], "want a number"),
        ("2", [line(1).text(), line(0).text()], "each log once"),
        ("2", [line(0).text(), line(0).text()], "each log once"),
        ("1", [line(0).text().replace(" 5 ", " -5 ")], "want a number"),
        ("1", [line(0, root=b"r" * 31).text()], "32 bytes"),
        ("1", [line(0).text().replace("house/ledger/0+", "house/ledger/1+")], "got id"),
    ],
)
def test_malformed_lines_are_refused(count: str, lines: list[str], says: str) -> None:
    with pytest.raises(FormatError, match=says):
        read_index("\n".join([NAME, count, *lines, ""]))


def test_an_index_signed_under_another_name_is_refused() -> None:
    signer = Signer(NAME, b"s" * 32)
    text = Index("another/index", (line(0),)).text()
    with pytest.raises(ProofError, match="index of others"):
        open_index(Note(text, (signer.sign(text),)).format(), signer.verifier)


def test_a_changed_index_is_refused() -> None:
    signer = Signer(NAME, b"s" * 32)
    text = Index(NAME, (line(0),)).text()
    note = Note(text, (signer.sign(text),)).format().replace(" 5 ", " 6 ")
    with pytest.raises(ProofError, match="does not hold"):
        open_index(note, signer.verifier)


def test_no_log_goes_back_is_gone_or_changes_its_key() -> None:
    before = Index(NAME, (line(0), line(1)))
    before.require_follows(before)
    Index(NAME, (line(0, 6, b"n" * 32, 2), line(1), line(2))).require_follows(before)
    for bad in (
        (line(0),),
        (line(0), line(1, 4)),
        (line(0), line(1, 5, b"x" * 32)),
        (line(0), Line(1, KEYS[2].verifier, 9, b"r" * 32)),
    ):
        with pytest.raises(ProofError):
            Index(NAME, bad).require_follows(before)


def test_a_head_agrees_with_the_index_or_not() -> None:
    index = Index(NAME, (line(0),))
    index.agrees(0, Checkpoint(KEYS[0].name, 5, b"r" * 32))
    index.agrees(0, Checkpoint(KEYS[0].name, 9, b"n" * 32))
    for log, head in (
        (1, Checkpoint(KEYS[1].name, 5, b"r" * 32)),
        (0, Checkpoint(KEYS[1].name, 5, b"r" * 32)),
        (0, Checkpoint(KEYS[0].name, 4, b"r" * 32)),
        (0, Checkpoint(KEYS[0].name, 5, b"x" * 32)),
    ):
        with pytest.raises(ProofError):
            index.agrees(log, head)


def test_it_is_signed_when_something_is_new_and_stops_at_a_log_that_went_back(tmp_path: Path) -> None:
    root, key = tmp_path / "ledger", tmp_path / "keys" / "index.key"
    root.mkdir()
    assert written(root, key) is None
    served(root, 0, 5)
    LogFiles(root / "p1")  # begun, nothing signed yet
    assert written(root, key) == Index(NAME, (line(0),))
    first = (root / INDEX).stat().st_mtime_ns, (root / INDEX).read_bytes()
    assert written(root, key) == Index(NAME, (line(0),))
    assert ((root / INDEX).stat().st_mtime_ns, (root / INDEX).read_bytes()) == first
    served(root, 1, 3)
    assert written(root, key) == Index(NAME, (line(0), line(1, 3)))
    public = parse_verifier((root / INDEX_KEY).read_text().strip())
    assert open_index((root / INDEX).read_bytes(), public).logs[1].size == 3
    held = (root / INDEX).read_bytes()
    served(root, 1, 2)
    with pytest.raises(LedgerStopError, match="log 1: got size 2, had 3 before"):
        written(root, key)
    assert (root / INDEX).read_bytes() == held
    served(root, 1, 3)
    key.unlink()
    with pytest.raises(LedgerStopError, match="is gone"):
        written(root, key)
