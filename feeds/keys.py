"""API keys: who may ask, for which tenant, in which role; hashed at rest, shown once.

A key is 32 random bytes, so its SHA-256 can't be searched and one hash a request is enough: slow salted
hashes (bcrypt, scrypt) protect passwords that people choose, at 50 ms each, and protect nothing here. The
file ``keys.json`` is readable by its owner only and replaced as a whole. Keys that live only as long as
the process are kept beside it in memory.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

_VERSION: Final = 1
_ADMIN: Final = "admin"
_MAX_KEY: Final = 256
_STRONG: Final = 20
DEFAULT_TENANT: Final = "main"


class KeysError(Exception):
    """The keys can't be used as they are; the message says what was got and wanted."""


class Role(StrEnum):
    """What a key's holder may see and do."""

    OPERATOR = "operator"
    INSURER = "insurer"
    CUSTOMS = "customs"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the name of the key, its tenant and its role."""

    name: str
    tenant: str
    role: Role


def new_key() -> str:
    """A key of 256 random bits."""
    return f"ck_{secrets.token_urlsafe(32)}"


def is_guessable(key: str) -> bool:
    """Whether a key that a person chose is too short to stand in for 32 random bytes."""
    return len(key) < _STRONG or len(set(key)) < 8


class KeyRing:
    """The keys of one installation, from the file ``path`` (made when the first key is). Raises KeysError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stored = _read(path)
        self._passing: dict[bytes, Principal] = {}

    def ensure_admin(self, preset: str | None = None, tenant: str = DEFAULT_TENANT) -> str | None:
        """Make sure that there is one admin key; returns it when it was made now, to be shown once.

        A ``preset`` key takes the place of the admin key that was there, and is not returned.
        """
        if preset is not None:
            digest = _digest(_legal(preset))
            if self._stored.get(digest) != Principal(_ADMIN, tenant, Role.ADMIN):
                self._replace_admin(digest, tenant)
            return None
        if any(who.name == _ADMIN for who in self._stored.values()):
            return None
        key = new_key()
        self._replace_admin(_digest(key), tenant)
        return key

    @property
    def home(self) -> str:
        """The tenant of the admin key: whose installation this is."""
        return next((who.tenant for who in self._stored.values() if who.name == _ADMIN), DEFAULT_TENANT)

    def add_passing(self, key: str, principal: Principal) -> None:
        """Accept ``key`` as long as this process lives; nothing is written."""
        self._passing[_digest(_legal(key))] = principal

    def find(self, key: str) -> Principal | None:
        """Who holds ``key``, or None. Takes the same time for any wrong key."""
        if len(key) > _MAX_KEY:
            return None
        digest = _digest(key)
        found = None
        for known, principal in (*self._stored.items(), *self._passing.items()):
            if hmac.compare_digest(known, digest):
                found = principal
        return found

    def _replace_admin(self, digest: bytes, tenant: str) -> None:
        kept = {d: who for d, who in self._stored.items() if who.name != _ADMIN}
        kept[digest] = Principal(_ADMIN, tenant, Role.ADMIN)
        _write(self._path, kept)
        self._stored = kept


def _legal(key: str) -> str:
    if not 1 <= len(key) <= _MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise KeysError(
            f"key can't be used: got {len(key)} characters, want 1 to {_MAX_KEY} of printable ASCII"
        )
    return key


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _read(path: Path) -> dict[bytes, Principal]:
    try:
        document = orjson.loads(path.read_bytes())
        if document["version"] != _VERSION:
            raise KeysError(f"keys of another version: {path}: got {document['version']}, want {_VERSION}")
        return dict(_entry(one) for one in document["keys"])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KeysError(f"keys can't be read: {path}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeysError(f"keys are damaged: {path}: {error}") from error


def _entry(one: dict[str, Any]) -> tuple[bytes, Principal]:
    digest = bytes.fromhex(one["sha256"])
    if len(digest) != sha256().digest_size:
        raise ValueError(f"hash has the wrong length: got {len(digest)} bytes, want {sha256().digest_size}")
    return digest, Principal(str(one["name"]), str(one["tenant"]), Role(one["role"]))


def _write(path: Path, keys: dict[bytes, Principal]) -> None:
    entries = [
        {"name": who.name, "tenant": who.tenant, "role": who.role.value, "sha256": digest.hex()}
        for digest, who in keys.items()
    ]
    text = orjson.dumps({"version": _VERSION, "keys": entries}, option=orjson.OPT_INDENT_2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # 0600 from the start
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise KeysError(f"keys can't be written: {path}: {error}") from error
