"""What the rules of covers read of one vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.cover.heard import Run, Span


class Stay(NamedTuple):
    """A visit that matters here: its id, what it is in, and its ends (``leave_ms`` None while it lasts).

    ``earliest_ms``: of the beginning, None when nobody saw it.
    """

    id: str
    zone: str
    kind: str
    country: str
    gate: str | None
    enter_ms: int
    earliest_ms: int | None
    latest_ms: int
    leave_ms: int | None


class Drive(NamedTuple):
    """A closed trip: its ends, and mm by country."""

    id: str
    begin: int
    end: int
    mm: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All of one asset: covers by id, stays and drives by time, crossings (id -> data) that were not taken
    back, cases (crossing -> what its clearance says), hours and runs of its reports; ``said``: when its
    devices say they had no coverage; ``settled``: sums of an exposure's past that is not looked at again.
    ``offices``: by gate.
    """

    asset: str
    covers: Mapping[str, dict[str, Any]]
    stays: list[Stay]
    drives: list[Drive]
    crossings: Mapping[str, dict[str, Any]]
    cases: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    hours: dict[str, list[int]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    said: list[Span] = field(default_factory=list)
    settled: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    offices: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)

    def countries(self) -> list[Stay]:
        """The stays in countries, by time."""
        return [stay for stay in self.stays if stay.kind == "country"]


class Found(NamedTuple):
    """One object that the rules found; ``t_ms``: when; ``end_ms``: its end, None while it may change."""

    id: str
    t_ms: int
    end_ms: int | None
    data: dict[str, Any]
