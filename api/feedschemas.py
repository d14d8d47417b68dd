"""The shapes of requests and answers about feeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.schemas import Answer
from api.times import Instant

Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Purpose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")]
_FIRST_MS = 0
_LAST_MS = 253_402_300_799_999  # the year 9999


class FeedAssets(BaseModel):
    """A list of assets (ids or VINs), or all that are in a fleet when they are read."""

    model_config = ConfigDict(extra="forbid")

    list_: Annotated[list[Ref] | None, Field(alias="list", min_length=1, max_length=10_000)] = None
    fleet: Ref | None = None

    @model_validator(mode="after")
    def _one(self) -> FeedAssets:
        if (self.list_ is None) == (self.fleet is None):
            raise ValueError("either list or fleet")
        return self


class FeedNew(BaseModel):
    """What ``consumer``, another tenant, may read of your records.

    ``assets``: a list, a fleet, ``tenant`` (all), ``cover`` (those that it insures), ``case`` (those with a
    clearance). ``fields``: ``precise``, ``coarse`` (0.1 degree, 10 minutes), ``crossings``. ``from`` is now
    when left out, ``to`` open.
    """

    model_config = ConfigDict(extra="forbid")

    consumer: Tenant
    purpose: Purpose
    assets: FeedAssets | Literal["tenant", "cover", "case"]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=40)] = ["report", "crossing"]
    fields_: Annotated[Literal["precise", "coarse", "crossings"], Field(alias="fields")]
    driver: bool = False
    from_: Annotated[Instant | None, Field(alias="from")] = None
    to: Instant | None = None
    expires: Instant

    @model_validator(mode="after")
    def _years(self) -> FeedNew:
        for name, at in (("from", self.from_), ("to", self.to), ("expires", self.expires)):
            if at is not None and not _FIRST_MS <= at <= _LAST_MS:
                raise ValueError(f"{name} within 1970 to 9999")
        return self


class Feed(Answer):
    """One feed, as both sides see it. ``state``: granted, revoked, expired."""

    id: str
    tenant: str
    consumer: str
    purpose: str
    assets: Any
    kinds: list[str]
    fields: Literal["precise", "coarse", "crossings"]
    driver: bool
    state: Literal["granted", "revoked", "expired"]
    granted: str
    expires: str
    revoked: str | None
    revision: int


class FeedRead(Answer):
    """One page that was read, or one export."""

    number: int
    at: str
    by: str
    tenant: str
    role: str
    how: str
    after: str | None
    next: str
    sent: dict[str, int]


class FeedLog(Answer):
    """A log of the ledger: its public key as text (C2SP signed-note) and the size of its signed head."""

    log: int
    origin: str
    key: str
    size: int


class FeedLogs(Answer):
    """The logs that a feed's records lie in."""

    logs: list[FeedLog]


class FeedBeside(Answer):
    """What a verifier needs besides the records; in the engine's units, as exports have it."""

    feed: dict[str, Any]
    made_ms: int
    software: str
    logs: list[dict[str, Any]]
    device_keys: list[dict[str, Any]]
    completeness: list[dict[str, Any]]
    assets: list[dict[str, Any]]
    zones: dict[str, Any]
    regimes: dict[str, str]
