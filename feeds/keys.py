"""API keys: who may ask, for which tenant, in which role; hashed at rest, shown once.

A key is 32 random bytes, so its SHA-256 can't be searched and one hash a request is enough: slow salted
hashes (bcrypt, scrypt) protect passwords that people choose, at 50 ms each, and protect nothing here. Keys
that live only as long as the process are kept beside the files in memory. A file that another process
replaced (``corridor keys``) is read again at the next question, so a new key works and a revoked one ends
without a restart.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from feeds.keyfile import Digest, Entry, KeyFile, KeysError

__all__ = ["DEFAULT_TENANT", "KeyRing", "KeysError", "Principal", "Role", "is_guessable", "new_key"]

_ADMIN: Final = "admin"
_MAX_KEY: Final = 256
_STRONG: Final = 20
DEFAULT_TENANT: Final = "main"
_TENANT: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")  # keys of claims are made of it, with a colon
_LOG = logging.getLogger("corridor.keys")


class Role(StrEnum):
    """What a key's holder may see and do."""

    OPERATOR = "operator"
    INSURER = "insurer"
    CUSTOMS = "customs"
    AUTHORITY = "authority"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the name of the key, its tenant and its role.

    ``gates``: of customs, where it is in charge; empty is everywhere. ``authority``: of a connector, whose.
    """

    name: str
    tenant: str
    role: Role
    gates: tuple[str, ...] = ()
    authority: str | None = None


def new_key() -> str:
    """A key of 256 random bits."""
    return f"ck_{secrets.token_urlsafe(32)}"


def is_guessable(key: str) -> bool:
    """Whether a key that a person chose is too short to stand in for 32 random bytes."""
    return len(key) < _STRONG or len(set(key)) < 8


class KeyRing:
    """The keys of one installation, from the file ``path`` (made when the first key is). Raises KeysError.

    ``shared``: a second file that is only read, for keys that all instances of a distributed system accept.
    """

    def __init__(self, path: Path, shared: Path | None = None) -> None:
        self._own = _Watched(KeyFile(path), careful=True)
        self._files = [self._own]
        if shared is not None:
            self._files.append(_Watched(KeyFile(shared), careful=False))
        self._passing: dict[Digest, Principal] = {}

    def ensure_admin(self, preset: str | None = None, tenant: str = DEFAULT_TENANT) -> str | None:
        """Make sure that there is one admin key; returns it when it was made now, to be shown once.

        A ``preset`` key takes the place of the admin key that was there, and is not returned.
        """
        if preset is not None:
            digest = _digest(_legal(preset))
            if self._own.principals().get(digest) != Principal(_ADMIN, tenant, Role.ADMIN):
                self._replace_admin(digest, tenant)
            return None
        if any(who.name == _ADMIN for who in self._own.principals().values()):
            return None
        key = new_key()
        self._replace_admin(_digest(key), tenant)
        return key

    @property
    def home(self) -> str:
        """The tenant of the admin key: whose installation this is."""
        own = self._own.principals().values()
        return next((who.tenant for who in own if who.name == _ADMIN), DEFAULT_TENANT)

    def add_passing(self, key: str, principal: Principal) -> None:
        """Accept ``key`` as long as this process lives; nothing is written."""
        self._passing[_digest(_legal(key))] = principal

    def find(self, key: str) -> Principal | None:
        """Who holds ``key``, or None. Takes the same time for any wrong key."""
        if len(key) > _MAX_KEY:
            return None
        digest = _digest(key)
        found = None
        for known in (*(file.principals() for file in self._files), self._passing):
            for held, principal in known.items():
                if hmac.compare_digest(held, digest):
                    found = principal
        return found

    def _replace_admin(self, digest: Digest, tenant: str) -> None:
        def changed(entries: Sequence[Entry]) -> list[Entry]:
            kept = [one for one in entries if one.name != _ADMIN]
            return [*kept, Entry(digest, _ADMIN, tenant, Role.ADMIN.value)]

        self._own.file.change(changed)


class _Watched:
    """A file's keys, read again when it was replaced. Threads may share it.

    A file that can't be read any more leaves the keys that were; ``careful``: at first it must be readable.
    """

    def __init__(self, file: KeyFile, careful: bool) -> None:
        self.file = file
        self._lock = Lock()
        self._mark: tuple[int, ...] | None = None
        self._held: dict[Digest, Principal] = {}
        if careful:
            self._read()

    def principals(self) -> dict[Digest, Principal]:
        """The keys as of now; never changed once given out."""
        if self.file.mark() != self._mark:
            try:
                self._read()
            except KeysError as error:
                _LOG.error("keys_not_read reason=%s", error)
        return self._held

    def _read(self) -> None:
        with self._lock:
            mark = self.file.mark()  # before the content: one that is replaced in between is read once more
            try:
                self._held = {one.digest: _principal(one, self.file.path) for one in self.file.read()}
            except KeysError as error:
                if not isinstance(error.__cause__, OSError):  # that may pass: it is read again
                    self._mark = mark
                raise
            self._mark = mark


def create(
    file: KeyFile,
    name: str,
    role: Role,
    tenant: str,
    gates: Sequence[str] = (),
    authority: str | None = None,
    created_ms: int | None = None,
) -> str:
    """Make a key and put its hash into ``file``; the key itself is kept nowhere. Raises KeysError."""
    if not name or len(name) > 64 or not name.isprintable():
        raise KeysError(f"name of a key: got {name!r}, want 1 to 64 printable characters")
    if name == _ADMIN:
        raise KeysError("name of a key: got 'admin', want another: that one is the installation's own")
    if not _TENANT.fullmatch(tenant):
        raise KeysError(f"tenant of a key: got {tenant!r}, want a-z, 0-9 and -, a letter first, at most 32")
    if gates and role is not Role.CUSTOMS:
        raise KeysError(f"gates: got some for role {role}, want none: they are for customs")
    if (authority is not None) != (role is Role.AUTHORITY):
        raise KeysError(f"authority: got {authority} for role {role}, want one for role authority only")
    key = new_key()
    made = Entry(_digest(key), name, tenant, role.value, tuple(gates), authority, created_ms)

    def changed(entries: Sequence[Entry]) -> list[Entry]:
        if any(one.name == name for one in entries):
            raise KeysError(f"name of a key: got {name}, want one that is not in use; revoke that first")
        return [*entries, made]

    file.change(changed)
    return key


def revoke(file: KeyFile, name: str) -> None:
    """Take the key ``name`` out of ``file``. Raises KeysError when it is not there or the admin's."""
    if name == _ADMIN:
        raise KeysError("the admin key can't be revoked: preset another by the setting admin_key")

    def changed(entries: Sequence[Entry]) -> list[Entry]:
        kept = [one for one in entries if one.name != name]
        if len(kept) == len(entries):
            known = ", ".join(one.name for one in entries) or "none"
            raise KeysError(f"no such key: got {name}, want one of {known}")
        return kept

    file.change(changed)


def _principal(entry: Entry, path: Path) -> Principal:
    try:
        role = Role(entry.role)
    except ValueError as error:
        raise KeysError(f"keys are damaged: {path}: {error}") from error
    return Principal(entry.name, entry.tenant, role, entry.gates, entry.authority)


def _legal(key: str) -> str:
    if not 1 <= len(key) <= _MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise KeysError(
            f"key can't be used: got {len(key)} characters, want 1 to {_MAX_KEY} of printable ASCII"
        )
    return key


def _digest(key: str) -> Digest:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
