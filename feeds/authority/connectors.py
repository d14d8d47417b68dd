"""Which authorities there are and how each is reached: out of a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from feeds.tables import TablesError, read_tables
from feeds.webhooks.signing import SecretError, secret_of

NOTES: Final = "@"
"""What the names of authorities' notes begin with: an authority and a webhook may have the same name."""
_BOTH: Final = frozenset({"name", "kind", "begin", "poll_s", "offices", "filer"})
_HTTP: Final = _BOTH | {"url", "key_file", "secret_file", "ca_file", "timeout_s"}
_FOLDER: Final = _BOTH | {"folder"}


class ConnectorsError(Exception):
    """The file can't be used; the message names authority, got and want."""


@dataclass(frozen=True, slots=True)
class Connector:
    """One authority, known to regimes by ``authority``.

    Over HTTP: ``url`` and ``key`` (sent as a bearer token), ``secret`` for what it pushes; else ``folder``.
    ``poll_s``: seconds between looks for decisions, 0: it pushes them. ``offices``: its customs office codes
    by gate. ``filer``: who reports, when it is not the exporter. ``begin``: whether it is told what there was
    before it was first seen.
    """

    authority: str
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    secret: bytes | None = field(default=None, repr=False)
    ca_file: Path | None = None
    folder: Path | None = None
    timeout_s: float = 20.0
    poll_s: float = 5.0
    offices: Mapping[str, str] = field(default_factory=dict)
    filer: str | None = None
    begin: bool = False

    @property
    def name(self) -> str:
        """The name of its notes."""
        return f"{NOTES}{self.authority}"


def load(path: Path) -> list[Connector]:
    """The connectors of a file: tables ``[[authority]]``; other files beside it. Raises ConnectorsError."""
    try:
        return [_connector(path, *found) for found in read_tables(path, "authority", "authorities")]
    except TablesError as error:
        raise ConnectorsError(str(error)) from None


def _connector(path: Path, name: str, where: str, table: dict[str, Any]) -> Connector:
    kind = table.get("kind")
    if kind not in ("http", "folder"):
        raise ConnectorsError(f"{where}: kind: got {kind!r}, want http or folder")
    known = _HTTP if kind == "http" else _FOLDER
    unknown = sorted(set(table) - known)
    if unknown:
        raise ConnectorsError(f"{where}: got {', '.join(unknown)}, want of {', '.join(sorted(known))}")
    begin = table.get("begin", "now")
    if begin not in ("now", "start"):
        raise ConnectorsError(f"{where}: begin: got {begin!r}, want now or start")
    filer = table.get("filer")
    if filer is not None and (not isinstance(filer, str) or not filer):
        raise ConnectorsError(f"{where}: filer: got {filer!r}, want a name")
    poll_s = _seconds(where, table, "poll_s", 5.0, 0.0)
    offices = _offices(where, table.get("offices", {}))
    if kind == "folder":
        folder = table.get("folder")
        if not isinstance(folder, str) or not folder:
            raise ConnectorsError(f"{where}: folder: got {folder!r}, want a folder")
        if poll_s == 0:
            raise ConnectorsError(f"{where}: poll_s: got 0, want more: a folder does not push")
        return Connector(
            name,
            folder=path.parent / folder,
            poll_s=poll_s,
            offices=offices,
            filer=filer,
            begin=begin == "start",
        )
    secret = _file(where, path, table, "secret_file", needed=False)
    try:
        bytes_ = secret_of(secret) if secret is not None else None
    except SecretError as error:
        raise ConnectorsError(f"{where}: {error}") from None
    ca_file = table.get("ca_file")
    if ca_file is not None and not (isinstance(ca_file, str) and (path.parent / ca_file).is_file()):
        raise ConnectorsError(f"{where}: ca_file: got {ca_file!r}, want a file of certificates")
    return Connector(
        name,
        url=_url(where, table),
        key=_file(where, path, table, "key_file", needed=True),
        secret=bytes_,
        ca_file=path.parent / ca_file if ca_file is not None else None,
        timeout_s=_seconds(where, table, "timeout_s", 20.0, 0.1),
        poll_s=poll_s,
        offices=offices,
        filer=filer,
        begin=begin == "start",
    )


def _url(where: str, table: dict[str, Any]) -> str:
    url = table.get("url", "")
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise ConnectorsError(f"{where}: url: got {url!r}, want https://host/path without a user")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ConnectorsError(f"{where}: url: got {url!r}, want https: http is for this machine only")
    return str(url).rstrip("/")


def _seconds(where: str, table: dict[str, Any], name: str, absent: float, least: float) -> float:
    value = table.get(name, absent)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 3_600:
        raise ConnectorsError(f"{where}: {name}: got {value!r}, want {least:g} to 3600 seconds")
    return float(value)


def _offices(where: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or any(not isinstance(one, str) or not one for one in value.values()):
        raise ConnectorsError(f'{where}: offices: got {value!r}, want gate = "code of the customs office"')
    return dict(value)


def _file(where: str, path: Path, table: dict[str, Any], name: str, *, needed: bool) -> str | None:
    file = table.get(name)
    if file is None and not needed:
        return None
    if not isinstance(file, str):
        raise ConnectorsError(f"{where}: {name}: got {file!r}, want the name of a file")
    try:
        text = (path.parent / file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConnectorsError(f"{where}: {name} not readable: {path.parent / file}: {reason}") from None
    if not text or not text.isascii() or not text.isprintable():
        raise ConnectorsError(f"{where}: {name}: got {len(text)} characters, want one line of ASCII")
    return text
