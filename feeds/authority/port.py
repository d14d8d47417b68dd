"""The port to an authority: messages out, decisions in. Adapters: ``http`` and ``folder``.

A message is lodged, amended, withdrawn, notified (arrival, departure), asked or corrected by ``tell``: the
purpose is in the message, the way is the same. Its id is that of the effect, computed from the event, so that
the same message sent twice is one for who receives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from feeds.outbound.schedule import Answer


class Purpose(StrEnum):
    """What a message does."""

    LODGE = "lodge"
    AMEND = "amend"
    WITHDRAW = "withdraw"
    NOTIFY_ARRIVAL = "notify_arrival"
    NOTIFY_DEPARTURE = "notify_departure"
    ASK_RELEASE = "ask_release"
    CORRECT = "correct"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: ``body`` is JSON values; ``id`` is also the idempotency key."""

    id: str
    purpose: Purpose
    case: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What an authority decided: ``message`` is its own id of the answer, ``request`` the release asked for.

    ``decision``: release, inspect, detain, wait or withdraw; ``at_ms``: when, by its own clock.
    """

    message: str
    case: str
    request: str | None
    decision: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    """Decisions in the order of the authority. ``after``: where the next page begins.

    ``bad``: what could not be read, by name, with the reason.
    """

    decisions: Sequence[Decision]
    after: str
    bad: Mapping[str, str]


class AuthorityError(Exception):
    """The authority can't be asked now; try again later."""


class Authority(Protocol):
    """One authority. Nothing is retried here: a lane does, see ``feeds.outbound.lane``."""

    async def tell(self, message: Message) -> Answer:
        """One attempt at a message; never raises. The same message again does no harm."""
        ...

    async def query(self, id_: str) -> Mapping[str, Any] | None:
        """What the authority says of the message ``id_``; None: it has none. Raises AuthorityError."""
        ...

    async def decisions(self, after: str) -> Page:
        """What was decided since ``after`` ("" at first); the same until ``taken``. Raises AuthorityError."""
        ...

    async def taken(self, page: Page) -> None:
        """All decisions of the page are in the log. Raises AuthorityError."""
        ...

    async def close(self) -> None:
        """Let go of what is held open."""
        ...
