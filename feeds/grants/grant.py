"""A grant: what of a tenant's records a consumer may read, for what, and how long. Pure.

``fields`` says how much of a record is shown. ``precise``: all but what tells of drivers. ``coarse``: no
positions but those to 0.1 degree and 10 minutes, and nothing of the bus. ``crossings``: crossings without
positions, nothing else. With ``driver`` a precise feed shows everything, the bytes that the device signed
too. What is not shown comes as its commitment, so the rest can still be proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from feeds.ledger.entry import WHOLE, EntryKind
from feeds.ledger.reports import COARSE_GROUP, DRIVER, HEAD
from streams.codec import dump_json
from streams.events import Kind, object_id

Fields: TypeAlias = Literal["precise", "coarse", "crossings"]
FIELDS: Final[tuple[Fields, ...]] = ("precise", "coarse", "crossings")
REPORT: Final = "report"
_NOT_OF_ASSETS: Final = frozenset({Kind.COMMAND, Kind.ZONE, Kind.QUEUE, Kind.BATCH, Kind.REGIME, Kind.FEED})
KINDS: Final = (REPORT, *(kind.value for kind in Kind if kind not in _NOT_OF_ASSETS))
"""The kinds of record that can be granted."""
EVENTS: Final = frozenset(KINDS) - {REPORT}
BY_NAME: Final = ("tenant", "cover", "case")
_BODY: Final = "body"
_REDUCED: Final = {
    EntryKind.REPORT: frozenset({HEAD, COARSE_GROUP}),
    EntryKind.EVENT: frozenset({HEAD, _BODY}),
    EntryKind.END: frozenset[str](),
}


class GrantError(ValueError):
    """What is to be granted makes no sense; the message names got and want."""


class Ended(Exception):
    """The feed is not read any more; ``code`` is ``revoked`` or ``expired``."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Grant:
    """One feed. ``tenant`` granted it, ``consumer`` (a tenant too) reads it.

    ``assets``: ``{"list": [ids]}``, ``{"fleet": name}`` or one of BY_NAME. Records whose time is at
    ``from_ms`` or later and before ``to_ms`` (None: no end) are in it; it is read until ``expires_ms``, or
    ``revoked_ms``.
    """

    feed: str
    tenant: str
    consumer: str
    purpose: str
    assets: Mapping[str, Any] | str
    kinds: frozenset[str]
    fields: Fields
    driver: bool
    from_ms: int
    to_ms: int | None
    expires_ms: int
    granted_ms: int
    revoked_ms: int | None = None

    @staticmethod
    def of(feed: str, tenant: str, data: Mapping[str, Any]) -> Grant:
        """The grant in the data of a FEED object."""
        return Grant(
            feed,
            tenant,
            data["consumer"],
            data["purpose"],
            data["assets"],
            frozenset(data["kinds"]),
            data["fields"],
            data["driver"],
            data["from_ms"],
            data["to_ms"],
            data["expires_ms"],
            data["granted_ms"],
            data.get("revoked_ms"),
        )

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "feed": self.feed,
            "tenant": self.tenant,
            "consumer": self.consumer,
            "purpose": self.purpose,
            "assets": self.assets,
            "kinds": sorted(self.kinds),
            "fields": self.fields,
            "driver": self.driver,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "expires_ms": self.expires_ms,
            "granted_ms": self.granted_ms,
            "revoked_ms": self.revoked_ms,
        }

    def check_open(self, now_ms: int) -> None:
        """Raises Ended once the feed was revoked or has expired."""
        if self.revoked_ms is not None and self.revoked_ms <= now_ms:
            raise Ended("revoked", f"feed {self.feed} was revoked by {self.tenant} at {self.revoked_ms} ms")
        if self.expires_ms <= now_ms:
            raise Ended(
                "expired", f"feed {self.feed} expired at {self.expires_ms} ms: ask {self.tenant} anew"
            )

    def shows(self, kind: EntryKind, group: str) -> bool:
        """Whether a group of a record is shown; else it comes as its commitment."""
        if self.fields == "precise":
            return self.driver or group not in (WHOLE, DRIVER)
        return group in _REDUCED[kind]

    def wants(self, kind: str, t_ms: int) -> bool:
        """Whether a record of this kind and time is in the feed."""
        return kind in self.kinds and self.during(t_ms)

    def during(self, t_ms: int) -> bool:
        """Whether a time is in the feed's period."""
        return self.from_ms <= t_ms and (self.to_ms is None or t_ms < self.to_ms)

    @property
    def by_time(self) -> bool:
        """Whether its assets are in it at some times only: while a cover runs, while a case is open."""
        return self.assets in ("cover", "case")

    @property
    def only(self) -> EntryKind | None:
        """The only kind of entry that can be in it; None: reports and events."""
        if REPORT not in self.kinds:
            return EntryKind.EVENT
        return EntryKind.REPORT if len(self.kinds) == 1 else None


def checked(tenant: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of the command ``feed.grant`` for what ``tenant`` wants to grant, with the computed id.

    ``data``: consumer, purpose, assets, kinds, fields, driver, from_ms, to_ms, expires_ms. Raises GrantError.
    """
    fields, assets, kinds = data["fields"], data["assets"], sorted(set(data["kinds"]))
    if fields not in FIELDS:
        raise GrantError(f"fields: got {fields!r}, want {', '.join(FIELDS)}")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise GrantError(f"kinds: got {', '.join(unknown) or 'none'}, want some of {', '.join(KINDS)}")
    if fields == "crossings" and kinds != [Kind.CROSSING.value]:
        raise GrantError(f"kinds: got {', '.join(kinds)}, want crossing alone: fields are crossings")
    if data["driver"] and fields != "precise":
        raise GrantError(f"driver: got true with fields {fields}, want precise: less shows no driver")
    if data["consumer"] == tenant:
        raise GrantError(f"consumer: got {tenant}, want another tenant than the one that grants")
    if data["to_ms"] is not None and data["to_ms"] <= data["from_ms"]:
        raise GrantError(f"period: got {data['from_ms']} to {data['to_ms']}, want an end after its begin")
    _check_assets(assets)
    made = {**data, "kinds": kinds}
    return {"feed": object_id(Kind.FEED, tenant, dump_json(made).decode()), **made}


def _check_assets(assets: Any) -> None:
    if isinstance(assets, str):
        if assets in BY_NAME:
            return
    elif isinstance(assets, Mapping) and len(assets) == 1:
        ids, fleet = assets.get("list"), assets.get("fleet")
        if isinstance(ids, list) and ids and all(isinstance(one, str) and one for one in ids):
            return
        if isinstance(fleet, str) and fleet:
            return
    raise GrantError(
        f"assets: got {str(assets)[:100]!r}, want a list, a fleet, or one of {', '.join(BY_NAME)}"
    )
