"""An authority over a folder that both sides reach (as SFTP gives one): files, each renamed into its place.

``outbox/ID.json`` are messages for the authority, ``inbox/ID.receipt.json`` its receipts for them,
``inbox/NAME.decision.json`` its decisions. What was read is moved to ``done``, what can't be to ``refused``.
``sent`` is our own: which messages wait for their receipt. A file is written under a name that begins with a
dot, flushed, and renamed; so names with a dot are not read, nor what is no whole JSON and changed lately.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from feeds.authority.connectors import Connector
from feeds.authority.decisions import DecisionError, decision_of
from feeds.authority.port import AuthorityError, Message, Page
from feeds.outbound.schedule import Answer

_FOLDERS: Final = ("outbox", "inbox", "sent", "done", "refused")
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_MOST_BYTES: Final = 4 << 20
_PAGE: Final = 100
_LOOK_S: Final = 1.0
_STILL_S: Final = 60.0
_LOST_S: Final = 6 * 3_600.0
RECEIPT: Final = ".receipt.json"
DECISION: Final = ".decision.json"


class FolderAuthority:
    """``Authority`` (see ``port``) over the folder of ``connector``. ``now_s``: the clock of files."""

    def __init__(self, connector: Connector, now_s: Callable[[], float] = time.time) -> None:
        if connector.folder is None:
            raise ValueError(f"authority {connector.authority} has no folder")
        self._root, self._name, self._now_s = connector.folder, connector.authority, now_s

    async def tell(self, message: Message) -> Answer:
        """See Authority.tell. Pending until the receipt is there."""
        return await asyncio.to_thread(self._tell, message)

    async def query(self, id_: str) -> Mapping[str, Any] | None:
        """See Authority.query: the receipt, or where the message is."""
        return await asyncio.to_thread(self._query, id_)

    async def decisions(self, after: str) -> Page:
        """See Authority.decisions: the oldest names first; ``after`` tells which files they are."""
        return await asyncio.to_thread(self._decisions)

    async def taken(self, page: Page) -> None:
        """See Authority.taken: the files are moved to ``done``."""
        names = [name for name in page.after.split("\n") if name]
        try:
            await asyncio.to_thread(self._move_all, names)
        except OSError as error:
            raise AuthorityError(_away(error)) from None

    async def close(self) -> None:
        """Nothing is held open."""

    def _tell(self, message: Message) -> Answer:
        if not _SAFE.fullmatch(message.id):
            return Answer(400, f"message id can't be a file's name: got {message.id[:60]!r}")
        try:
            self._make()
            name = f"{message.id}{RECEIPT}"
            for folder in ("inbox", "done"):
                receipt = self._read(self._root / folder / name)
                if receipt is not None:
                    return self._received(folder, name, receipt)
            if not self._under_way(f"{message.id}.json"):
                body = orjson.dumps(message.body)
                write(self._at("outbox", f"{message.id}.json"), body)
                write(self._at("sent", f"{message.id}.json"), body)
        except OSError as error:
            return Answer(None, _away(error))
        return Answer(None, "waits for the receipt", _LOOK_S, pending=True)

    def _under_way(self, name: str) -> bool:
        """Whether the message lies there, or was fetched not too long ago to wait for its receipt."""
        if self._at("outbox", name).exists():
            return True
        try:
            return self._now_s() - self._at("sent", name).stat().st_mtime < _LOST_S
        except FileNotFoundError:
            return False

    def _received(self, folder: str, name: str, receipt: Any) -> Answer:
        """What a receipt says; a no is put away under another name, so that the message can be sent again."""
        state = receipt.get("state") if isinstance(receipt, dict) else None
        if state not in ("accepted", "refused"):
            self._move(folder, name, "refused")
            return Answer(500, f"receipt can't be used: got state {str(state)[:60]!r}")
        refused = state == "refused"
        if folder == "inbox":
            self._move(folder, name, "done", f"{name}.refused" if refused else name)
        self._at("sent", f"{name.removesuffix(RECEIPT)}.json").unlink(missing_ok=True)
        reason = str(receipt.get("reason") or "")[:200]
        return Answer(422, f"refused: {reason}") if refused else Answer(200, "accepted")

    def _query(self, id_: str) -> Mapping[str, Any] | None:
        if not _SAFE.fullmatch(id_):
            return None
        try:
            for folder, name in (
                ("inbox", f"{id_}{RECEIPT}"),
                ("done", f"{id_}{RECEIPT}"),
                ("done", f"{id_}{RECEIPT}.refused"),
            ):
                found = self._read(self._at(folder, name))
                if isinstance(found, dict):
                    return found
            for folder, state in (("outbox", "not fetched"), ("sent", "no receipt")):
                if self._at(folder, f"{id_}.json").exists():
                    return {"id": id_, "state": state}
        except OSError as error:
            raise AuthorityError(_away(error)) from None
        return None

    def _decisions(self) -> Page:
        try:
            self._make()
            names = sorted(
                one.name
                for one in os.scandir(self._at("inbox"))
                if one.name.endswith(DECISION) and not one.name.startswith(".") and one.is_file()
            )
            found, good, bad = [], [], {}
            for name in names[:_PAGE]:
                if "\n" in name:  # what is taken is noted by name, one a line
                    bad[name] = "got a name with a line end"
                    self._move("inbox", name, "refused")
                    continue
                value = self._read(self._at("inbox", name))
                if value is None:
                    if not self._still(self._at("inbox", name)):
                        continue  # it may be under way
                    bad[name] = "got no whole JSON"
                else:
                    try:
                        found.append(decision_of(value, self._name))
                        good.append(name)
                        continue
                    except DecisionError as error:
                        bad[name] = str(error)
                self._move("inbox", name, "refused")
        except OSError as error:
            raise AuthorityError(_away(error)) from None
        return Page(found, "\n".join(good), bad)

    def _move_all(self, names: list[str]) -> None:
        for name in names:
            self._move("inbox", name, "done")

    def _move(self, folder: str, name: str, to: str, as_: str | None = None) -> None:
        """Move a file; one that is gone already was moved by another."""
        try:
            os.replace(self._at(folder, name), self._at(to, as_ or name))
        except FileNotFoundError:
            return
        sync(self._at(to))
        sync(self._at(folder))

    def _read(self, path: Path) -> Any:
        """The JSON of a whole file; None when there is none, or it is not whole yet."""
        try:
            if path.stat().st_size > _MOST_BYTES:
                return None
            return orjson.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def _still(self, path: Path) -> bool:
        """Whether nobody has changed the file for a while."""
        try:
            return self._now_s() - path.stat().st_mtime > _STILL_S
        except FileNotFoundError:
            return False

    def _at(self, folder: str, name: str = "") -> Path:
        return self._root / folder / name if name else self._root / folder

    def _make(self) -> None:
        for folder in _FOLDERS:
            self._at(folder).mkdir(parents=True, exist_ok=True)


def write(path: Path, body: bytes) -> None:
    """Put a file into its place as a whole: written beside it, flushed to disk, renamed. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make names in ``folder`` survive the loss of power, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _away(error: OSError) -> str:
    return f"folder not usable: {error.strerror or error}"
