"""Witnesses: every status code, one history only whatever is asked at once, and durable before the answer."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import merkle
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.errors import FormatError, LedgerStopError
from feeds.ledger.note import COSIGNATURE, Note, Signer, cosignature_time, parse, parse_lines
from feeds.ledger.tree import TileNodes
from feeds.ledger.witness import Witness, parse_request
from feeds.ledger.witnesses import add_checkpoint_body
from tests.unit.feeds.ledger.logs import Files, tiled

LOG = Signer("log.example/w", bytes(range(32)))
FORKER = Signer("log.example/other", bytes(32))
WITNESS = Signer("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
ENTRIES = [f"entry {n}".encode() for n in range(700)]
FORKED = [*ENTRIES[:5], *(f"forked {n}".encode() for n in range(700))]


def nodes(size: int, entries: list[bytes] = ENTRIES) -> TileNodes:
    return TileNodes(Files(tiled(entries[:size])), size)


def head(size: int, entries: list[bytes] = ENTRIES) -> Note:
    root = nodes(size, entries).root() if size else merkle.EMPTY_ROOT
    return Checkpoint(LOG.name, size, root).signed(LOG)


def asked(old: int, size: int, entries: list[bytes] = ENTRIES) -> bytes:
    """A request as an honest log makes it."""
    hashes = merkle.consistency_proof(old, size, nodes(size, entries)) if 0 < old <= size else []
    return add_checkpoint_body(old, hashes, head(size, entries))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "heads.db", WITNESS, [LOG.verifier], lambda: 1_735_689_600)


def test_a_head_that_extends_the_last_is_cosigned(witness: Witness) -> None:
    for old, size in ((0, 0), (0, 5), (5, 5), (5, 300), (300, 700)):
        answer = witness.add_checkpoint(asked(old, size))
        assert answer.status == 200, answer
        (line,) = parse_lines(answer.body)
        assert cosignature_time(head(size).text, line, WITNESS.verifier) == 1_735_689_600
        told = witness.head(sha256(LOG.name.encode()).hexdigest())
        opened = open_checkpoint(told or "", LOG.verifier, [WITNESS.verifier])
        assert (opened.checkpoint.size, opened.witnesses) == (size, {WITNESS.name: 1_735_689_600})


def test_an_origin_that_was_never_cosigned_has_no_head(witness: Witness) -> None:
    assert witness.head(sha256(LOG.name.encode()).hexdigest()) is None


def _changed_hash(body: bytes) -> bytes:
    first, second, rest = body.split(b"\n", 2)
    return b"\n".join([first, (b"B" if second[:1] == b"A" else b"A") + second[1:], rest])


def _signed(text: str, key: Signer = LOG) -> Note:
    return Note(text, (key.sign(text),))


def _empty(key: Signer, root: bytes = merkle.EMPTY_ROOT) -> Note:
    return Checkpoint(key.name, 0, root).signed(key)


REFUSED: list[tuple[str, Callable[[], bytes], int]] = [
    ("not utf-8", lambda: b"\xff", 400),
    ("no proof's end", lambda: b"old 0", 400),
    ("no old", lambda: asked(10, 20).removeprefix(b"old "), 400),
    ("old 010", lambda: asked(10, 20).replace(b"old 10", b"old 010"), 400),
    ("old -1", lambda: asked(10, 20).replace(b"old 10", b"old -1"), 400),
    ("no base64", lambda: b"old 10\n*\n\n" + head(20).format().encode(), 400),
    ("a hash of 3 bytes", lambda: b"old 10\nAAAA\n\n" + head(20).format().encode(), 400),
    ("64 hashes", lambda: add_checkpoint_body(10, [bytes(32)] * 64, head(20)), 400),
    ("no note", lambda: b"old 10\n\nnothing", 400),
    (
        "no checkpoint",
        lambda: add_checkpoint_body(10, [], _signed(f"{LOG.name}\n")),
        400,
    ),
    ("old above size", lambda: add_checkpoint_body(10, [], head(9)), 400),
    (
        "not signed",
        lambda: add_checkpoint_body(10, [], _signed(head(20).text, FORKER)),
        403,
    ),
    ("signature of another text", lambda: asked(10, 20).replace(b"\n20\n", b"\n21\n"), 403),
    (
        "unknown origin",
        lambda: add_checkpoint_body(0, [], _empty(FORKER)),
        404,
    ),
    ("an older size", lambda: asked(5, 20), 409),
    ("a newer size", lambda: asked(15, 20), 409),
    ("nothing known", lambda: asked(0, 20), 409),
    ("a changed hash", lambda: _changed_hash(asked(10, 20)), 422),
    ("no proof", lambda: add_checkpoint_body(10, [], head(20)), 422),
    ("a fork", lambda: asked(10, 20, FORKED), 422),
    ("another root of the size", lambda: add_checkpoint_body(10, [], head(10, FORKED)), 422),
    ("hashes for an equal size", lambda: add_checkpoint_body(10, [bytes(32)], head(10)), 422),
    (
        "a root of size 0",
        lambda: add_checkpoint_body(0, [], _empty(LOG, bytes(32))),
        422,
    ),
]


@pytest.mark.parametrize(("body", "status"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_refusals(witness: Witness, body: Callable[[], bytes], status: int) -> None:
    assert witness.add_checkpoint(asked(0, 10)).status == 200
    before = witness.head(sha256(LOG.name.encode()).hexdigest())
    answer = witness.add_checkpoint(body())
    assert answer.status == status, answer.body
    if status == 409:
        assert (answer.body, answer.media_type) == ("10\n", "text/x.tlog.size")
    else:
        assert answer.media_type.startswith("text/plain")
        assert len(answer.body) > 5
    assert "— " not in answer.body
    assert witness.head(sha256(LOG.name.encode()).hexdigest()) == before
    assert witness.add_checkpoint(asked(10, 20)).status == 200


def test_hashes_for_a_log_that_was_never_seen(witness: Witness) -> None:
    assert witness.add_checkpoint(add_checkpoint_body(0, [bytes(32)], head(20))).status == 422


def test_two_histories_that_are_asked_at_once_never_both_count(witness: Witness) -> None:
    assert witness.add_checkpoint(asked(0, 5)).status == 200
    bodies = [asked(5, 20), asked(5, 20, FORKED)] * 8
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status for answer in pool.map(witness.add_checkpoint, bodies)]
    assert statuses.count(200) == 1
    assert set(statuses) == {200, 409}


def test_what_was_cosigned_is_known_after_a_kill(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        one = Witness(tmp_path / "heads.db", WITNESS, [LOG.verifier])
        os.write(writing, str(one.add_checkpoint(asked(0, 20, FORKED)).status).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"200"
    os.close(reading)
    os.close(writing)
    again = Witness(tmp_path / "heads.db", WITNESS, [LOG.verifier])
    assert again.add_checkpoint(asked(0, 20)).body == "20\n"
    assert again.add_checkpoint(add_checkpoint_body(20, [], head(20))).status == 422
    again.close()


def test_a_disk_that_takes_nothing_is_503_and_nothing_is_cosigned(witness: Witness) -> None:
    witness._db.execute("CREATE TRIGGER full BEFORE INSERT ON heads BEGIN SELECT RAISE(ABORT, 'full'); END")
    answer = witness.add_checkpoint(asked(0, 5))
    assert (answer.status, "— " in answer.body) == (503, False)
    witness._db.execute("DROP TRIGGER full")
    assert witness.add_checkpoint(asked(0, 5)).status == 200


def test_a_log_key_is_no_witness_key(tmp_path: Path) -> None:
    with pytest.raises(LedgerStopError, match="got type 1, want 4"):
        Witness(tmp_path / "heads.db", LOG, [])


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda b: b"old 0\n\n" + b)))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        request = parse_request(data)
        assert parse(request.note.format()) == request.note
