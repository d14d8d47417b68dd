"""The data folder: where each part keeps its files, held by one system at a time.

``run/local.json`` tells commands of the same user where the running system is and how to speak to it;
it is readable by that user only and gone with the system.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class FolderError(Exception):
    """The data folder can't be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Local:
    """How to reach the running system: address of the API with a key, address of the broker."""

    url: str
    key: str
    mqtt_host: str
    mqtt_port: int
    pid: int


class Folder:
    """The folder ``root``, made when it is not there. Raises FolderError when it can't be written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock: Any = None
        try:
            if not root.exists():
                root.mkdir(parents=True)
                root.chmod(0o700)  # what lies here tells where people drive
            self.run.mkdir(exist_ok=True)
            probe = self.run / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise FolderError(f"data folder not writable: {root}: {error.strerror}") from None

    @property
    def run(self) -> Path:
        """Files of the running system."""
        return self.root / "run"

    @property
    def log(self) -> Path:
        """The log."""
        return self.root / "log.db"

    @property
    def read(self) -> Path:
        """The read model."""
        return self.root / "read.db"

    @property
    def deadletters(self) -> Path:
        """The dead letters."""
        return self.root / "deadletters.db"

    @property
    def store(self) -> Path:
        """The time-series store's folder."""
        return self.root / "store"

    @property
    def snapshots(self) -> Path:
        """The engine's snapshots."""
        return self.root / "snapshots"

    def past_of(self, partition: int, partitions: int) -> Path:
        """The past of one partition: the folder itself when there is but one, else one in it."""
        return self.past if partitions == 1 else self.past / f"p{partition}"

    @property
    def past(self) -> Path:
        """What the engine asks for again when data comes late."""
        return self.root / "past"

    @property
    def deliveries(self) -> Path:
        """How far each webhook got."""
        return self.root / "deliveries.db"

    @property
    def beats(self) -> Path:
        """When the system ran."""
        return self.root / "beats.db"

    @property
    def rebuild(self) -> Path:
        """Where a rebuild makes everything anew."""
        return self.root / "rebuild"

    @property
    def redactions(self) -> Path:
        """What was redacted and why."""
        return self.root / "redactions.jsonl"

    @property
    def keys(self) -> Path:
        """Hashes of the API keys."""
        return self.root / "keys.json"

    @property
    def ledgers(self) -> Path:
        """The ledger's logs."""
        return self.root / "ledger"

    def ledger(self, log: int) -> Path:
        """One log of the ledger: first one a partition, then those that follow others."""
        return self.ledgers / f"p{log}"

    def ledger_key(self, log: int, keys: Path | None = None) -> Path:
        """The key that signs it, in the folder ``keys``; None: in this one."""
        return (keys or self.root / "keys") / f"ledger-p{log}.key"

    @property
    def feed_reads(self) -> Path:
        """Who read what of the feeds."""
        return self.root / "feedreads.db"

    @property
    def gateway_health(self) -> Path:
        """What the gateway says of itself each second."""
        return self.run / "gateway.json"

    def hold(self) -> None:
        """Keep every other system out until this process ends. Raises FolderError when one is in."""
        path = self.run / "lock"
        file = path.open("a+")
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise FolderError(
                f"data folder in use: {self.root} is held by process {holder}; stop it or give --data-dir"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._lock = file

    def release(self) -> None:
        """Let others in again."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def announce(self, local: Local) -> None:
        """Say where the running system is."""
        part = self.run / "local.json.part"
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(local), file)
        part.replace(self.run / "local.json")

    def retract(self) -> None:
        """The system is gone."""
        (self.run / "local.json").unlink(missing_ok=True)

    def local(self) -> Local | None:
        """Where the running system is, None when there is none."""
        try:
            local = Local(**json.loads((self.run / "local.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return local if _alive(local.pid) else None


def ack_key_in(root: Path) -> Path:
    """The key that acks are signed with, of a data folder."""
    return root / "keys" / "ack.pem"


def _lock(file: Any) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
