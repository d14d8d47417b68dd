"""Asking witnesses (C2SP tlog-witness) to cosign heads, beside the log: it never waits for them.

The newest head is taken, every witness asked at once, and the checkpoint served with what cosignatures came
within the time that is allowed: with none of them too, since who reads decides how many he wants. Heads
that came meanwhile are passed over.
"""

from __future__ import annotations

import base64
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeAlias

from feeds.ledger import merkle
from feeds.ledger.checkpoint import Checkpoint, read
from feeds.ledger.errors import FormatError, LedgerError, LedgerStopError, ProofError
from feeds.ledger.files import LogFiles
from feeds.ledger.note import Note, Signature, Verifier, cosignature_time, parse, parse_lines
from feeds.ledger.policy import Policy, WitnessOf, parse_policy
from feeds.ledger.tree import TileNodes

Post: TypeAlias = Callable[[str, bytes], tuple[int, bytes]]
"""(url, body) to status and body of the answer. Raises OSError."""
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 100_000
_PAUSE_S: Final = 1.0
_log = logging.getLogger("corridor.ledger")


def post(url: str, body: bytes) -> tuple[int, bytes]:
    """See Post."""
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain; charset=utf-8"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return int(answer.status), answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(_MOST_BYTES)


class Witnesses:
    """The witnesses of one log and a thread that asks them. ``close`` ends it."""

    def __init__(self, policy: Policy, key: Verifier, files: LogFiles, send: Post = post) -> None:
        self._policy, self._key, self._files, self._send = policy, key, files, send
        self._asked = [one for one in policy.witnesses if one.url]
        self._sizes = {one.name: 0 for one in self._asked}  # what each cosigned last, as far as is known
        self._troubles: dict[str, str] = {}
        self._cosigned = 0
        self._newest: str | None = None
        self._done: str | None = None
        self._wake, self._halt = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(max(1, len(self._asked)), "witness")
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)
        self._thread.start()

    @classmethod
    def of_file(cls, path: Path, key: Verifier, files: LogFiles) -> Witnesses:
        """Those of a policy file. Raises LedgerStopError when it can't be used."""
        try:
            return cls(parse_policy(path.read_bytes()), key, files)
        except OSError as error:
            raise LedgerStopError(f"witnesses_file can't be read: {path}: {error.strerror}") from None
        except FormatError as error:
            raise LedgerStopError(f"witnesses_file {path}: {error}") from None

    def ask(self, note: str) -> None:
        """Have this head, the newest, cosigned and served. Returns at once."""
        if note and note != self._newest:
            self._newest = note
            self._wake.set()

    def figures(self) -> dict[str, Any]:
        """How many there are, the size that enough of them cosigned last, and what is wrong with whom."""
        return {"asked": len(self._asked), "size": self._cosigned, "troubles": dict(self._troubles)}

    def close(self) -> None:
        """End the thread, after the answers that are under way."""
        self._halt.set()
        self._wake.set()
        self._thread.join(_TIMEOUT_S * 2)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._halt.is_set():
            self._wake.wait()
            self._wake.clear()
            note = self._newest
            if note is None or note == self._done:
                continue
            try:
                self.cosign(note)
                self._done = note
            except LedgerError as error:
                _log.warning("ledger_not_served reason=%s", error)
                self._halt.wait(_PAUSE_S)
                self._wake.set()

    def cosign(self, text: str) -> None:
        """Ask all about one head and serve it. Raises LedgerError."""
        note = parse(text)
        head = read(note.text)
        nodes = TileNodes(self._files.read, head.size)
        proofs = threading.Lock()
        futures = [self._pool.submit(self._one, one, note, head, nodes, proofs) for one in self._asked]
        lines: list[Signature] = []
        names = set()
        for one, future in zip(self._asked, futures, strict=True):
            try:
                lines.append(future.result())
                names.add(one.key.name)
                self._troubles.pop(one.name, None)
            except (LedgerError, OSError) as error:
                self._troubles[one.name] = f"{type(error).__name__}: {error}"
        self._files.publish(Note(note.text, (*note.signatures, *lines)).format())
        if self._policy.met(names):
            self._cosigned = head.size
        else:
            _log.warning("ledger_cosigned_by_too_few origin=%s size=%s", head.origin, head.size)

    def _one(
        self, of: WitnessOf, note: Note, head: Checkpoint, nodes: TileNodes, proofs: threading.Lock
    ) -> Signature:
        """The cosignature of one witness. Raises OSError, LedgerError."""
        url = f"{(of.url or '').rstrip('/')}/add-checkpoint"
        for _ in range(2):
            old = self._sizes[of.name]
            with proofs:
                hashes = merkle.consistency_proof(old, head.size, nodes) if 0 < old <= head.size else []
            body = add_checkpoint_body(min(old, head.size), hashes, note)
            status, answer = self._send(url, body)
            if status == 200:
                break
            if status != 409:
                raise ProofError(f"{of.name} refused: status {status}")
            told = answer.decode("ascii", "replace").strip()
            if not told.isdigit() or len(told) > 19 or int(told) > head.size:
                raise ProofError(f"{of.name} has cosigned size {told[:20]!r}, want at most {head.size}")
            self._sizes[of.name] = int(told)
        else:
            raise ProofError(f"{of.name} says that it is at another size each time")
        lines = parse_lines(answer.decode("utf-8", "replace"))
        line = next((one for one in lines if of.key.signed(one)), None)
        if line is None:
            raise ProofError(f"{of.name} answered without a signature of {of.key.name}")
        cosignature_time(note.text, line, of.key)
        self._sizes[of.name] = head.size
        return line


def add_checkpoint_body(old: int, hashes: list[bytes], note: Note) -> bytes:
    """The body of a request to add a checkpoint."""
    proof = "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)
    return f"old {old}\n{proof}\n{note.format()}".encode()
