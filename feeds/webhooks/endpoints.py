"""Who is sent what: endpoints out of a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from feeds.tables import TablesError, read_tables
from feeds.webhooks.signing import SecretError, secret_of
from streams.events import Event, Kind

_FIELDS: Final = frozenset({"name", "tenant", "url", "secret_file", "kinds", "begin", "feed"})
_INSIDE: Final = frozenset({Kind.COMMAND})


class EndpointsError(Exception):
    """The file can't be used; the message names endpoint, got and want."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver: events of ``tenant``, of ``kinds`` (empty: all but commands), go to ``url``.

    ``begin``: whether it gets what there was before it was first seen. ``feed``: its events only, and of each
    only where it is in the feed; None: all events, whole.
    """

    name: str
    tenant: str
    url: str
    secret: bytes = field(repr=False)
    kinds: frozenset[Kind] = frozenset()
    begin: bool = False
    feed: str | None = None

    def wants(self, event: Event) -> bool:
        """Whether the event goes there."""
        wanted = event.kind in self.kinds if self.kinds else event.kind not in _INSIDE
        return wanted and event.tenant == self.tenant


def load(path: Path) -> list[Endpoint]:
    """The endpoints of a file: tables ``[[webhook]]``; secrets lie beside it. Raises EndpointsError."""
    try:
        return [_endpoint(path, *found) for found in read_tables(path, "webhook", "webhooks")]
    except TablesError as error:
        raise EndpointsError(str(error)) from None


def _endpoint(path: Path, name: str, where: str, table: dict[str, Any]) -> Endpoint:
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise EndpointsError(f"{where}: got {', '.join(unknown)}, want of {', '.join(sorted(_FIELDS))}")
    url = table.get("url", "")
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise EndpointsError(f"{where}: url: got {url!r}, want https://host/path without a user")
    tenant = table.get("tenant", "main")
    if not isinstance(tenant, str) or not tenant:
        raise EndpointsError(f"{where}: tenant: got {tenant!r}, want a tenant's name")
    try:
        kinds = frozenset(Kind(kind) for kind in table.get("kinds", []))
    except (ValueError, TypeError):
        want = ", ".join(kind.value for kind in Kind)
        raise EndpointsError(f"{where}: kinds: got {table['kinds']!r}, want of {want}") from None
    begin = table.get("begin", "now")
    if begin not in ("now", "start"):
        raise EndpointsError(f"{where}: begin: got {begin!r}, want now or start")
    feed = table.get("feed")
    if feed is not None and (not isinstance(feed, str) or not feed.startswith("feed_")):
        raise EndpointsError(f"{where}: feed: got {feed!r}, want the id of a feed")
    return Endpoint(name, tenant, url, _secret(where, path, table), kinds, begin == "start", feed)


def _secret(where: str, path: Path, table: dict[str, Any]) -> bytes:
    file = table.get("secret_file")
    if not isinstance(file, str):
        raise EndpointsError(f"{where}: secret_file: got {file!r}, want the name of a file")
    try:
        return secret_of((path.parent / file).read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise EndpointsError(f"{where}: secret_file not readable: {path.parent / file}: {reason}") from None
    except SecretError as error:
        raise EndpointsError(f"{where}: {error}") from None
