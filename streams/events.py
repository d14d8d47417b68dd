"""Events: revisions of the objects that the engine derives, and nothing else.

An object (a visit, a crossing, a trip, an asset ...) has an id that is computed and never changes. Each
event carries one revision of one object whole, so a consumer that keeps the highest revision of each id
always holds the truth. Numbers are integers; names end in their unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any


class Change(StrEnum):
    """What this revision does to the object."""

    CREATED = "created"
    AMENDED = "amended"
    RETRACTED = "retracted"


class Kind(StrEnum):
    """What the object is."""

    ASSET = "asset"
    DEVICE = "device"
    COMMAND = "command"
    VISIT = "visit"
    CROSSING = "crossing"
    TRIP = "trip"
    STOP = "stop"
    LATE = "late"
    ZONE = "zone"
    QUEUE = "queue"
    FILING = "filing"
    PERMIT = "permit"
    BINDING = "binding"
    CONFLICT = "conflict"
    COUPLING = "coupling"
    CASE = "case"
    RELEASE = "release"
    BATCH = "batch"
    SEAL = "seal"
    REGIME = "regime"
    COVER = "cover"
    EXPOSURE = "exposure"
    HANDOVER = "handover"
    GAP = "gap"
    BREACH = "breach"
    INCIDENT = "incident"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Event:
    """One revision of one object.

    ``partition``, ``number``: place in the partition's events (from 1, without holes); ``position``: the
    log record that caused it; ``t_ms``: when it happened (event time); ``recorded_ms``: the log's time of
    the cause; ``asset``: the asset concerned, "" when none; ``data``: the object, JSON values in fixed
    integer units (``_ms``, ``_e7``, ``_mm``, ``_ckmh``, ``_permille``).
    """

    partition: int
    number: int
    position: int
    kind: Kind
    id: str
    revision: int
    change: Change
    tenant: str
    asset: str
    t_ms: int
    recorded_ms: int
    data: dict[str, Any]


def object_id(kind: Kind, *parts: str | int) -> str:
    """The computed id of an object: its kind and 96 bits of SHA-256 over ``parts``.

    Parts are joined by a character that no part may hold, so different parts never give the same text.
    """
    name = kind._value_  # ``value`` looks it up by name each time
    text = "\x1f".join((name, *map(str, parts)))
    return f"{name}_{sha256(text.encode()).hexdigest()[:24]}"
