"""Decisions told without being asked: posted and signed, or put into a folder; and messages fetched from it.

One thread for all authorities. What was told is noted in the database; what could not be posted is tried
again each second.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from authority_sim.rules import Authority
from authority_sim.window import RefusedError, Window, decision_value

_LOOK_S: Final = 0.1
_POST_S: Final = 10.0


class Teller(threading.Thread):
    """Tells until ``halt`` is set."""

    def __init__(self, window: Window, look_s: float = _LOOK_S) -> None:
        super().__init__(name="authority-sim telling", daemon=True)
        self._window, self._look_s = window, look_s
        self.halt = threading.Event()
        self._retry_at: dict[str, float] = {}

    def run(self) -> None:
        """Until told to stop."""
        while not self.halt.is_set():
            for authority in self._window.rules.authorities.values():
                if authority.folder is not None and not authority.faults.away:
                    fetch(self._window, authority)
                    put(self._window, authority)
                due = self._retry_at.get(authority.name, 0.0) <= time.monotonic()
                if authority.push is not None and due and not push(self._window, authority):
                    self._retry_at[authority.name] = time.monotonic() + 1.0
            self._window.news.wait(self._look_s)
            self._window.news.clear()

    def close(self) -> None:
        """End the thread."""
        self.halt.set()
        self._window.news.set()
        if self.ident is not None:
            self.join(_POST_S + 1)


def fetch(window: Window, authority: Authority) -> int:
    """Take the messages that lie in the folder, and leave a receipt for each; returns how many."""
    root = Path(authority.folder or "")
    for name in ("outbox", "inbox", "fetched"):
        (root / name).mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted((root / "outbox").glob("*.json")):
        if path.name.startswith("."):
            continue
        window.requests[authority.name] += 1
        number, faults = window.requests[authority.name], authority.faults
        if number <= faults.errors_first or _each(number, faults.error_every):
            continue  # it lies there until the next look
        try:
            text = path.read_bytes()
            receipt = window.receive(authority.name, path.stem, json.loads(text)).value()
        except RefusedError as error:
            receipt = {"id": path.stem, "state": "refused", "reason": str(error), "again": False}
        except (OSError, ValueError):
            continue
        os.replace(path, root / "fetched" / path.name)
        count += 1
        if not _each(number, faults.lost_every):
            write(root / "inbox" / f"{path.stem}.receipt.json", receipt)
    return count


def put(window: Window, authority: Authority) -> int:
    """Put decisions that are due into the folder; returns how many."""
    inbox = Path(authority.folder or "") / "inbox"
    rows = window.database.run(
        "SELECT * FROM decisions WHERE authority = ? AND written = 0 AND due_ms <= ? ORDER BY seq",
        *(authority.name, window.now_ms()),
    )
    for row in rows:
        names = [row["message"], f"{row['message']}-again"] if authority.faults.twice else [row["message"]]
        for name in names:
            path = inbox / f"{name}.decision.json"
            if authority.faults.half:
                _in_halves(path, decision_value(row))
            else:
                write(path, decision_value(row))
        window.database.run("UPDATE decisions SET written = 1 WHERE seq = ?", row["seq"])
    return len(rows)


def push(window: Window, authority: Authority) -> bool:
    """Post decisions that are due, in their order; returns whether all were taken."""
    rows = window.database.run(
        "SELECT * FROM decisions WHERE authority = ? AND pushed = 0 AND due_ms <= ? ORDER BY seq",
        *(authority.name, window.now_ms()),
    )
    for row in rows:
        for _ in range(2 if authority.faults.twice else 1):
            if not _post(authority, row["message"], decision_value(row)):
                return False
        window.database.run("UPDATE decisions SET pushed = 1 WHERE seq = ?", row["seq"])
    return True


def signed(secret: str, id_: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of the Standard Webhooks scheme."""
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id_}.{at_s}.".encode() + body, sha256)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }


def write(path: Path, value: Any) -> None:
    """Put a file into its place as a whole."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(json.dumps(value).encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _in_halves(path: Path, value: Any) -> None:
    """As one writes who knows no better: a reader may see the first half."""
    text = json.dumps(value).encode()
    with path.open("wb", buffering=0) as file:
        file.write(text[: len(text) // 2])
        time.sleep(0.2)
        file.write(text[len(text) // 2 :])


def _post(authority: Authority, id_: str, value: Any) -> bool:
    body = json.dumps(value).encode()
    secret = authority.secret or ""
    if authority.faults.forged:
        secret = "whsec_" + b64encode(b"another secret of 32 bytes......").decode()
    head = {"content-type": "application/json", **signed(secret, id_, int(time.time()), body)}
    request = urllib.request.Request(authority.push or "", body, head, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_POST_S) as answer:
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def _each(count: int, every: int) -> bool:
    return every > 0 and count % every == 0
