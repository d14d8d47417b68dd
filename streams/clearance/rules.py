"""The rows of a regime: what is asked for, by when, of whom, and under which code it is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """A document that must be named in a filing; ``kinds``: of which vehicles, empty for all."""

    kind: str
    name: str
    code: str | None
    kinds: tuple[str, ...]
    holds_from: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Datum:
    """An element of the minimum data set; ``element``: its number in the standard, where known.

    ``holds_from``: the stage from which its lack holds a case; None: it is only told.
    """

    name: str
    text: str
    element: str | None
    holds_from: str | None
    confidence: str


@dataclass(frozen=True, slots=True)
class Deadline:
    """``needs`` must be there ``lead_ms`` before the vehicle reaches ``before``."""

    rule: str
    needs: str
    lead_ms: int
    before: str
    at_risk_ms: int
    text: str
    confidence: str


@dataclass(frozen=True, slots=True)
class PermitRule:
    """The permit that ``country`` asks for. ``agents`` None: anyone may have validated it."""

    country: str
    name: str
    kinds: tuple[str, ...]
    holds_from: str
    must_state: tuple[str, ...]
    lighting: tuple[str, ...]
    emission_classes: tuple[str, ...]
    agents: tuple[str, ...] | None
    confidence: str


@dataclass(frozen=True, slots=True)
class ReleaseRule:
    """Who releases: ``authority`` is the connector's name; ``automatic`` only where ``conditions`` hold."""

    authority: str
    name: str
    by: tuple[str, ...]
    timeout_ms: int
    automatic: bool
    conditions: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Message:
    """The code by which an authority's system knows an event of a case.

    ``authority``: the connector that is told; None is that of the release.
    """

    event: str
    system: str
    code: str
    name: str
    confidence: str
    authority: str | None = None
