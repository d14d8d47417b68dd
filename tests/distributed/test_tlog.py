"""The ledger and those who keep, read and witness logs with code that was not written here.

torchwood's client reads a log of three levels of tiles over HTTP from the API: head and cosignatures under a
policy, every entry bundle against the hash tiles up to the root, and a proof file. Its witness cosigns as the
log grows, and refuses a fork. Our witness does the same for a log that Tessera keeps.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from corridor.witness import app_of
from feeds.ledger.book import Book, EventKey, NewEntry
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.entry import SALT_BYTES, EntryKind, seal
from feeds.ledger.errors import ProofError
from feeds.ledger.files import LogFiles
from feeds.ledger.merkle import leaf_hash
from feeds.ledger.note import COSIGNATURE, Signer, Verifier
from feeds.ledger.policy import parse_policy
from feeds.ledger.reading import BOOK, PUBLIC_KEY, LedgerReader
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.tree import VerifiedNodes
from feeds.ledger.witness import Witness
from feeds.ledger.witnesses import Witnesses
from tests.distributed import servers
from tests.distributed.process import Server, ServerError, answers, free_port
from tests.unit.api.ledgers import folder_of, signer_of
from tests.unit.api.world import make

THEIRS, OURS = "witness.example/theirs", "witness.example/ours"
KEEPER = Signer("log.example/theirs", os.urandom(32))
SIZES = (1, 256, 70_001)
"""One entry; a full tile; three levels, partial tiles at two of them."""


@dataclass
class Log:
    """A log that grows."""

    folder: Path
    book: Book
    sequencer: Sequencer

    def grow(self, size: int) -> str:
        """Append up to ``size`` entries and sign; the note."""
        made = []
        for number in range(self.book.size, size):
            groups = {"whole": b"event %d" % number, "head": b"{}"}
            salts = hashlib.shake_128(b"%d" % number).digest(SALT_BYTES * 2)
            entry = seal(EntryKind.EVENT, 0, number, number, groups, salts).entry
            key = EventKey(f"visit_{number}", 1)
            made.append(NewEntry(EntryKind.EVENT, key, "truck", "main", number, entry, salts, groups))
        self.book.append(made, {})
        note = self.sequencer.publish()
        assert note is not None
        return note.format()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    folder = folder_of(tmp_path, 0)
    book = Book(folder / BOOK)
    (folder / PUBLIC_KEY).write_text(f"{signer_of(0).verifier}\n", "utf-8")
    yield Log(folder, book, Sequencer(book, LogFiles(folder), signer_of(0)))
    book.close()


def test_their_client_reads_our_log_and_their_witness_and_ours_cosign_it(log: Log, tmp_path: Path) -> None:
    with (
        _their_witness(tmp_path / "theirs", signer_of(0).verifier) as theirs,
        _our_witness(tmp_path, signer_of(0).verifier) as ours,
    ):
        policy = "\n".join(
            [
                f"log {signer_of(0).verifier}",
                f"witness theirs {theirs.key} {theirs.url}",
                f"witness ours {ours.key} {ours.url}",
                "group both all theirs ours",
                "quorum both\n",
            ]
        )
        (tmp_path / "policy").write_text(policy, "utf-8")
        asked = Witnesses(parse_policy(policy.encode()), signer_of(0).verifier, LogFiles(log.folder))
        try:
            for size in SIZES:
                asked.cosign(log.grow(size))
                assert asked.figures() == {"asked": 2, "size": size, "troubles": {}}
        finally:
            asked.close()
    entry, proof = log.book.entries(300, 301)[0], _proof_of(log, 300)
    (tmp_path / "entry").write_bytes(entry)
    (tmp_path / "proof").write_text(proof, "utf-8")
    with _api(tmp_path) as url:
        words = ["-log", f"{url}/ledger/0", "-policy", str(tmp_path / "policy")]
        told = _read(*words, "-proof", str(tmp_path / "proof"), "-entry", str(tmp_path / "entry"))
        assert told["origin"] == signer_of(0).name
        assert (told["size"], told["entries"], told["proof"]) == (SIZES[-1], SIZES[-1], True)
        everything = b"".join(log.book.entries(0, SIZES[-1]))
        assert base64.b64decode(told["sha256"]) == hashlib.sha256(everything).digest()

        other = policy.replace(f"log {signer_of(0).verifier}", f"log {signer_of(1).verifier}")
        (tmp_path / "policy").write_text(other, "utf-8")
        with pytest.raises(AssertionError, match="checkpoint:"):
            _read(*words)


def test_their_client_finds_a_tile_that_was_changed(log: Log, tmp_path: Path) -> None:
    log.grow(70_001)
    (tmp_path / "policy").write_text(f"log {signer_of(0).verifier}\nquorum none\n", "utf-8")
    bundle = log.folder / "public" / "tile" / "entries" / "007"
    held = bytearray(bundle.read_bytes())
    held[-1] ^= 1
    bundle.write_bytes(held)
    with _api(tmp_path) as url, pytest.raises(AssertionError, match="entries:"):
        _read("-log", f"{url}/ledger/0", "-policy", str(tmp_path / "policy"))


def test_their_witness_refuses_our_fork(log: Log, tmp_path: Path) -> None:
    """Two histories under one key: it cosigns one of them."""
    with _their_witness(tmp_path / "theirs", signer_of(0).verifier) as theirs:
        policy = parse_policy(
            f"log {signer_of(0).verifier}\nwitness w {theirs.key} {theirs.url}\nquorum w\n".encode()
        )
        asked = Witnesses(policy, signer_of(0).verifier, LogFiles(log.folder))
        asked.cosign(log.grow(300))
        asked.close()
        book = Book(tmp_path / "fork" / BOOK)
        fork = Log(tmp_path / "fork", book, Sequencer(book, LogFiles(tmp_path / "fork"), signer_of(0)))
        groups = {"whole": b"what never was"}
        entry = seal(EntryKind.EVENT, 0, 0, 0, groups, bytes(SALT_BYTES)).entry
        never = NewEntry(
            EntryKind.EVENT, EventKey("never", 1), "a", "main", 0, entry, bytes(SALT_BYTES), groups
        )
        book.append([never], {})
        asked = Witnesses(policy, signer_of(0).verifier, LogFiles(fork.folder))
        asked.cosign(fork.grow(400))
        figures = asked.figures()
        asked.close()
        book.close()
    assert figures["size"] == 0
    assert "refused: status 422" in figures["troubles"]["w"]


def test_our_witness_cosigns_a_log_of_others_and_refuses_its_fork(tmp_path: Path) -> None:
    """And our reader verifies every leaf of it."""
    with _our_witness(tmp_path, KEEPER.verifier) as ours:
        policy = f"witness ours {ours.key} {ours.url}\nquorum ours\n"
        for first, size in ((0, 3), (3, 259), (259, 300)):
            if size == 300:
                shutil.copytree(tmp_path / "theirs", tmp_path / "fork")
            signed = _kept(tmp_path / "theirs", policy, range(first, size))
            opened = open_checkpoint(signed, KEEPER.verifier, [ours.key])
            assert opened.checkpoint.size == size
            assert opened.witnesses.keys() == {OURS}
        with pytest.raises(AssertionError, match="422"):
            _kept(tmp_path / "fork", policy, range(1_000, 1_100))
    nodes = VerifiedNodes(
        lambda tile: (tmp_path / "theirs" / tile.path).read_bytes(), 300, opened.checkpoint.root
    )
    leaves = {nodes.tile(0, place // 256)[place % 256] for place in range(300)}
    assert leaves == {leaf_hash(b"entry %d" % number) for number in range(300)}


def _proof_of(log: Log, place: int) -> str:
    reader = LedgerReader(log.folder)
    try:
        kept = reader.records(place, place + 1, 1)[0]
        proof = reader.prove(kept)
        assert proof is not None
        with pytest.raises(ProofError):
            proof.verify(kept.entry[:-1] + b"x", signer_of(0).verifier)
        return proof.format()
    finally:
        reader.close()


def _kept(folder: Path, policy: str, numbers: range) -> bytes:
    """Have Tessera append entries to the log in ``folder``; its checkpoint."""
    given = folder.with_name(f"{folder.name}-{numbers.start}")
    given.mkdir()
    for number in numbers:
        (given / f"{number:04d}").write_bytes(b"entry %d" % number)
    (given / "key").write_text(KEEPER.secret(), "utf-8")
    (given / "policy").write_text(policy, "utf-8")
    words = ["--storage_dir", str(folder), "--entries", f"{given}/[0-9]*", "--private_key", f"{given}/key"]
    words += ["--witness_policy_file", f"{given}/policy"]
    command = [servers.program("posix-oneshot"), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
        assert done.returncode == 0, done.stderr
    except subprocess.TimeoutExpired as error:  # it asks the witness again and again
        raise AssertionError(str(error.stderr)) from None
    return (folder / "checkpoint").read_bytes()


def _read(*words: str) -> dict[str, Any]:
    done = subprocess.run([servers.program("tlog"), *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@dataclass
class Running:
    """A witness that can be asked."""

    key: Verifier
    url: str


@contextlib.contextmanager
def _their_witness(folder: Path, log: Verifier) -> Iterator[Running]:
    """litewitness with a key in an agent of its own, which is how it wants it."""
    folder.mkdir()
    key, port = Ed25519PrivateKey.generate(), free_port()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    private = key.private_bytes_raw()
    file = folder / "key"
    file.touch(0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    if shutil.which("ssh-agent") is None:
        raise ServerError("ssh-agent is not on this machine: install openssh-client")
    # a path as short as a socket's may be
    agent = Server("agent", ["ssh-agent", "-D", "-a", "s"], folder, (folder / "s").exists)
    command = [servers.program("litewitness"), "-name", THEIRS, "-db", "db", "-ssh-agent", "s"]
    command += ["-key", hashlib.sha256(public).hexdigest(), "-listen", f"127.0.0.1:{port}"]
    witness = Server("litewitness", command, folder, lambda: answers(port))
    try:
        agent.start()
        environment = os.environ | {"SSH_AUTH_SOCK": "s"}
        subprocess.run(["ssh-add", "-q", "key"], cwd=folder, env=environment, check=True)
        witness.start()
        with contextlib.closing(sqlite3.connect(folder / "db", timeout=5)) as db, db:
            empty = base64.b64encode(hashlib.sha256().digest()).decode()
            db.execute("INSERT INTO log VALUES (?, 0, ?)", (log.name, empty))
            db.execute("INSERT INTO key VALUES (?, ?)", (log.name, str(log)))
        yield Running(Signer(THEIRS, private, COSIGNATURE).verifier, f"http://127.0.0.1:{port}")
    finally:
        witness.stop()
        agent.stop()


@contextlib.contextmanager
def _our_witness(folder: Path, log: Verifier) -> Iterator[Running]:
    signer = Signer(OURS, os.urandom(32), COSIGNATURE)
    witness = Witness(folder / "ours.db", signer, [log])
    try:
        with _served(uvicorn.Config(app_of(witness), log_level="warning", lifespan="off")) as url:
            yield Running(signer.verifier, url)
    finally:
        witness.close()


@contextlib.contextmanager
def _api(folder: Path) -> Iterator[str]:
    world = make(folder)
    try:
        with _served(uvicorn.Config(world.app, log_level="warning", ws="websockets-sansio")) as url:
            yield url
    finally:
        world.close()


@contextlib.contextmanager
def _served(config: uvicorn.Config) -> Iterator[str]:
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
