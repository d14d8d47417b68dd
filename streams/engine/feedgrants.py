"""Feeds as the log's commands made them: what one tenant grants to another, until it is revoked or expires.

Pure. The form of a grant was checked before it was appended; what is refused here is what only the history
can tell. A feed is never changed and never taken out: another scope is another feed.
"""

from __future__ import annotations

from typing import Any, Final

_GRANT: Final = (
    "consumer",
    "purpose",
    "assets",
    "kinds",
    "fields",
    "driver",
    "from_ms",
    "to_ms",
    "expires_ms",
)


class FeedRefused(Exception):
    """The history does not allow it; ``code`` is for programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def granted(held: dict[str, Any] | None, data: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """The data of the FEED that ``feed.grant`` makes. Raises FeedRefused for one that was granted before."""
    if held is not None:
        raise FeedRefused("duplicate", f"feed {data['feed']} was granted before, to the same words")
    if data["expires_ms"] <= now_ms:
        raise FeedRefused("ended", f"expiry of a feed: got {data['expires_ms']}, want later than {now_ms}")
    scope = {name: data[name] for name in _GRANT}
    return {**scope, "state": "granted", "granted_ms": now_ms, "revoked_ms": None}


def revoked(held: dict[str, Any], data: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """``held`` ended by ``feed.revoke``, at once or at an instant to come. Raises FeedRefused."""
    at_ms = max(now_ms, data.get("at_ms") or now_ms)
    before = held["revoked_ms"]
    if before is not None and before <= at_ms:
        raise FeedRefused("ended", f"feed {data['feed']} was revoked at {before}; that can only move back")
    return {**held, "state": "revoked", "revoked_ms": at_ms}
