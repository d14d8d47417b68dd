"""Signed notes, checkpoints, cosignatures and proof files: published vectors, and what must be refused."""

from __future__ import annotations

import base64
import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import checkpoint, merkle, note, proof
from feeds.ledger.checkpoint import Checkpoint, open_checkpoint
from feeds.ledger.errors import FormatError, LedgerError, ProofError
from feeds.ledger.note import COSIGNATURE, Note, Signer, parse_signer, parse_verifier
from feeds.ledger.tree import TileNodes
from tests.unit.feeds.ledger.logs import Files, tiled

NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
QUOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFup"
    "LLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ROOT_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
ROOT_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSd"
    "eX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
TESTDATA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
TESTDATA_SECRET = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
HEADS = {
    1: (
        "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
        "M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=",
    ),
    3: (
        "Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=",
        "M9e0lvAQRtH832pk2RTbeSeZMkp4FZSdJYFBUjO5SKxuRbywPUF3cx+HUrb50kjd3rUWW/fj53Wj1dwcwh9bGQnqVAg=",
    ),
    8: (
        "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=",
        "M9e0lq1EK37dHtgv9O3UzPxisw5vwIPcJsX9ab0xt4mvVfbdUR1fbMjN6sBFYpBoBEmD4+cWhj/AVgI5MitCO5+mews=",
    ),
    10: (
        "y8/gZsZCtitsMan09tY+k8I7Qpr7Y5fbO2tLi9GQnfU=",
        "M9e0lrmwaVEOWFZ+HS5ITnRd2YMOSWE5QeoYu+6DHwJLnJ+SVeJ2ZiYeD7lVC5oGJx76gbfLSyCUEq6D8JkarrsuiQQ=",
    ),
    15: (
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
        "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=",
    ),
}
WORDS = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
PROOF = """c2sp.org/tlog-proof@v1
index 4
yiM+eia4w1wsk/Ukx7kF56IQVkDW3MWUaUz/VtJu+yU=
nk9gCR+floFqznAPtqjjcnnV64dge2jQB95D5t164Hg=
zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=
5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=

example.com/log/testdata
15
rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=

— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=
"""  # noqa: E501
LARGE_NOTE = """log.example/corridor
70000
Gkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL34=

— log.example/corridor UoBU3mFqLIhpR7ETnOfaBGEECytNTrKQQHSKKWMdEF39yv8SzrLSkTTWEcYHkMrpMlq4nleTiPM7QxL2oTTz9YHpYwQ=
"""  # noqa: E501
LARGE_KEY = "log.example/corridor+528054de+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_KEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
WITNESS_LINE = "— witness.example/w1 IDJKvgAAAABndIWA5uu2qzgEBnU3TU5d/RYI/2wsizXmn8UEK2uKmzX5TdZcOPdA4UwsLiJbyeit2e11Nsb/vly2+VAG6vvSNtYeAg==\n"  # noqa: E501


def test_two_signatures_of_one_text() -> None:
    held = note.parse(f"{QUOTE}\n{LINE}{ROOT_LINE}")
    keys = [parse_verifier(NEUMANN), parse_verifier(ROOT_KEY)]
    assert note.verified(held, keys) == keys
    assert held.format() == f"{QUOTE}\n{LINE}{ROOT_LINE}"
    assert parse_signer(SECRET).sign(QUOTE).line() == LINE
    assert Signer("EnochRoot", bytes(32)).sign(QUOTE).line() == ROOT_LINE


def test_keys_come_back_as_they_were_written() -> None:
    for text in (NEUMANN, ROOT_KEY, TESTDATA, LARGE_KEY, WITNESS_KEY):
        assert str(parse_verifier(text)) == text
    assert parse_signer(SECRET).secret() == SECRET
    assert str(parse_signer(SECRET).verifier) == NEUMANN
    sum_key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert str(parse_verifier(sum_key)) == sum_key


def test_a_secret_never_shows() -> None:
    assert "AYEK" not in repr(parse_signer(SECRET))
    with pytest.raises(FormatError) as caught:
        parse_signer(SECRET.replace("c74f20a3", "c74f20a4"))
    assert "AYEK" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        *(NEUMANN[:cut] for cut in range(len(NEUMANN))),
        *(NEUMANN[cut:] for cut in range(1, len(NEUMANN))),
        *(f"{NEUMANN[:at]}{chr(ord(NEUMANN[at]) ^ 1)}{NEUMANN[at + 1 :]}" for at in range(len(NEUMANN))),
    ],
)
def test_broken_keys(text: str) -> None:
    with pytest.raises(FormatError):
        parse_verifier(text)


def test_the_last_empty_line_ends_the_text() -> None:
    text = "a\n\nb\n"
    key = parse_signer(SECRET)
    held = note.parse(Note(text, (key.sign(text),)).format())
    assert held.text == text
    assert note.verified(held, [key.verifier]) == [key.verifier]


def test_unknown_keys_are_skipped_and_known_ones_must_hold() -> None:
    neumann, root = parse_verifier(NEUMANN), parse_verifier(ROOT_KEY)
    both = note.parse(f"{QUOTE}\n{LINE}{ROOT_LINE}")
    assert note.verified(both, [root]) == [root]
    bad = LINE.replace("x08go/ZJ", "x08go/ZK")
    assert note.verified(note.parse(f"{QUOTE}\n{bad}{ROOT_LINE}"), [root]) == [root]
    with pytest.raises(ProofError, match="PeterNeumann does not hold"):
        note.verified(note.parse(f"{QUOTE}\n{bad}{ROOT_LINE}"), [neumann, root])
    with pytest.raises(ProofError, match="no trusted signature"):
        note.verified(note.parse(f"{QUOTE}\n{ROOT_LINE}"), [neumann])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a\n", "without signatures"),
        (b"a\n\n", "does not end"),
        (b"a\n\nb\n", "em dash"),
        (b"a\r\n\n" + LINE.encode(), "control"),
        (b"a\t\n\n" + LINE.encode(), "control"),
        (b"\xff\n\n" + LINE.encode(), "UTF-8"),
        (b"a\n\n" + LINE.encode() * 101, "too many"),
        (b"a\n\n" + LINE.encode().replace(b"=\n", b"\n"), "base64"),
        ("a\n\n— x AAAA\n".encode(), "at least 5"),
        ("a\n\n— x+y AAAAAAAA\n".encode(), "key name"),
        (b"a" * 1_000_001, "too long"),
    ],
)
def test_broken_notes(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        note.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    for one in (data, QUOTE.encode() + b"\n" + data, data + b"\n\n" + LINE.encode()):
        with contextlib.suppress(FormatError):  # refused, and by nothing else
            assert note.parse(one).format().encode() == one


@given(st.text(max_size=100))
def test_any_text_is_a_checkpoint_or_refused(text: str) -> None:
    for one in (text, f"log\n{text}\n", f"log\n1\n{text}\n"):
        with contextlib.suppress(FormatError):  # refused, and by nothing else
            assert checkpoint.read(one).text() == one


@pytest.mark.parametrize("size", sorted(HEADS))
def test_checkpoints_of_others(size: int) -> None:
    root, blob = HEADS[size]
    data = f"example.com/log/testdata\n{size}\n{root}\n\n— example.com/log/testdata {blob}\n"
    opened = open_checkpoint(data, parse_verifier(TESTDATA))
    assert opened.checkpoint.size == size
    assert TileNodes(Files(tiled(WORDS[:size])), size).root() == opened.checkpoint.root
    assert opened.checkpoint.signed(parse_signer(TESTDATA_SECRET)).format() == data


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("log\n1\n", "lines"),
        ("log\n00\nAAAA\n", "tree size"),
        ("log\n+1\nAAAA\n", "tree size"),
        ("log\n 1\nAAAA\n", "tree size"),
        ("log\n1 \nAAAA\n", "tree size"),
        ("log\n٣\nAAAA\n", "tree size"),
        ("log\n9223372036854775808\nAAAA\n", "tree size"),
        ("log\n1\nAAAA\n", "32"),
        ("lo g\n1\nAAAA\n", "origin"),
        ("log\n0\nGkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL34=\n", "empty tree"),
        ("log\n1\nGkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL35=\n", "canonical"),
        ("log\n1\nGkzfy2Y3SgwNy+9JrL1JdtE+6GT7PLJB/JQ8rQTwL34=\n\n", "non-empty"),
    ],
)
def test_broken_checkpoints(lines: str, reason: str) -> None:
    with pytest.raises(ProofError if lines.startswith("log\n0\n") else FormatError, match=reason):
        checkpoint.read(lines)


def test_a_checkpoint_of_another_log() -> None:
    key = Signer("one.example/log", bytes(32))
    text = Checkpoint("two.example/log", 0, merkle.EMPTY_ROOT).text()
    data = Note(text, (key.sign(text),)).format()
    with pytest.raises(ProofError, match=r"another log: got two\.example/log, want one\.example/log"):
        open_checkpoint(data, key.verifier)
    with pytest.raises(FormatError, match="can't be signed by"):
        Checkpoint("two.example/log", 0, merkle.EMPTY_ROOT).signed(key)


def test_the_large_checkpoint_and_its_cosignature() -> None:
    log, witness = parse_verifier(LARGE_KEY), parse_verifier(WITNESS_KEY)
    opened = open_checkpoint(LARGE_NOTE + WITNESS_LINE, log, [witness])
    assert opened.witnesses == {"witness.example/w1": 1_735_689_600}
    assert opened.checkpoint.signed(Signer("log.example/corridor", bytes(range(32)))).format() == LARGE_NOTE
    message = note.cosigned(opened.note.text, 1_735_689_600)
    want = "18cfdd72fcf5cd4638c5281783be95caf4bbdee37c055a59bb7844b1d39cc39d"
    assert sha256(message).hexdigest() == want
    signer = Signer("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
    assert signer.cosign(opened.note.text, 1_735_689_600).line() == WITNESS_LINE


def test_a_cosignature_of_another_time_or_text_does_not_hold() -> None:
    log, witness = parse_verifier(LARGE_KEY), parse_verifier(WITNESS_KEY)
    blob = bytearray(base64.b64decode(WITNESS_LINE.split(" ")[2]))
    blob[11] ^= 1
    later = f"— witness.example/w1 {base64.b64encode(bytes(blob)).decode()}\n"
    with pytest.raises(ProofError, match=r"witness\.example/w1"):
        open_checkpoint(LARGE_NOTE + later, log, [witness])
    short = f"— witness.example/w1 {base64.b64encode(bytes(blob[:-1])).decode()}\n"
    with pytest.raises(ProofError, match="has 71 bytes"):
        open_checkpoint(LARGE_NOTE + short, log, [witness])
    assert open_checkpoint(LARGE_NOTE + later, log).witnesses == {}


def test_a_log_key_is_no_witness() -> None:
    with pytest.raises(FormatError, match="type 1, want 4"):
        open_checkpoint(LARGE_NOTE, parse_verifier(LARGE_KEY), [parse_verifier(NEUMANN)])
    with pytest.raises(FormatError, match="can't cosign"):
        parse_signer(SECRET).cosign("a\n1\nb\n", 0)


def test_the_proof_file_of_five() -> None:
    held = proof.parse(PROOF)
    assert held.format() == PROOF
    assert held.verify(b"five", parse_verifier(TESTDATA)).checkpoint.size == 15
    with pytest.raises(ProofError, match="entry 4 is not in the tree of 15"):
        held.verify(b"six", parse_verifier(TESTDATA))


def test_a_proof_file_keeps_its_extra() -> None:
    text = PROOF.replace("index 4", "extra aGVsbG8=\nindex 4")
    assert proof.parse(text).extra == b"hello"
    assert proof.parse(text).format() == text


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("@v1", "@v2", "proof file"),
        ("index 4", "index 04", "want index"),
        ("index 4", "index -4", "want index"),
        ("index 4\n", "", "want index"),
        ("yiM+", "yi+", "base64"),
        ("yiM+eia4", "", "31|32|base64|hash"),
        ("\n\nexample", "\nexample", "base64|index|hash|ends before"),
    ],
)
def test_broken_proof_files(old: str, new: str, reason: str) -> None:
    with pytest.raises(LedgerError, match=reason):
        proof.parse(PROOF.replace(old, new, 1)).verify(b"five", parse_verifier(TESTDATA))


@given(st.text(max_size=200))
def test_any_text_is_a_proof_or_refused(text: str) -> None:
    for one in (text, f"c2sp.org/tlog-proof@v1\n{text}", f"c2sp.org/tlog-proof@v1\nindex 1\n{text}\n\nx"):
        with contextlib.suppress(FormatError):  # refused, and by nothing else
            assert proof.parse(one).format() == one
