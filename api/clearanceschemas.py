"""The shapes of answers about clearance, for the OpenAPI document; instants RFC 3339, durations seconds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.schemas import Answer, ImportRefusal


class Told(Answer):
    """An object in its newest revision."""

    id: str
    revision: int
    change: str
    t: str
    recorded: str


class Filing(Told):
    """A filing in its newest version; ``versions`` says who changed what and when."""

    asset: str
    reference: str
    vin: str
    chassis: str | None
    kind: str | None
    exporter: str
    consignee: str | None
    gate: str
    direction: str
    window_from: str
    window_until: str
    batch: str | None
    regime: str | None
    documents: list[dict[str, Any]]
    data: dict[str, Any]
    state: str
    version: int
    lodged: str
    versions: list[dict[str, Any]]
    case: str
    findings: list[dict[str, Any]]


class Permit(Told):
    """An import permit; ``state`` is granted or revoked."""

    asset: str
    number: str
    vin: str
    country: str
    valid_from: str | None
    valid_until: str | None
    state: str
    reason: str | None


class Case(Told):
    """The clearance of one asset through one gate. ``clocks_s`` are of the stages, in seconds."""

    asset: str
    filing: str
    reference: str
    asset_kind: str | None
    vin: str
    chassis: str | None
    exporter: str | None
    consignee: str | None
    gate: str
    direction: str
    batch: str | None
    regime: str
    regime_version: str
    state: str
    stage: str
    reasons: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    clocks_s: dict[str, float | None]
    benchmark_s: float
    within_benchmark: bool | None
    crossing: str | None
    by: dict[str, Any] | None
    permit: str | None
    release: str | None
    release_rule: str | None
    conflicts: list[str]
    deadlines: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    window_from: str | None
    window_until: str | None
    eta: str | None
    lodged: str
    version: int
    ended: str | None


class Binding(Told):
    """What is claimed of an asset's two codes and whether it agrees."""

    asset: str
    vin: str | None
    chassis: str | None
    scheme: str | None
    state: str
    agreed: list[str]
    claims: list[dict[str, Any]]
    settled: dict[str, Any] | None


class BindingAt(Answer):
    """The binding as it held at ``at``, by what was known at ``known``."""

    asset: str
    at: str
    known: str | None
    vin: str | None
    chassis: str | None
    scheme: str | None
    state: str
    agreed: list[str]
    conflicts: list[dict[str, Any]]
    claims: list[dict[str, Any]]


class Conflict(Told):
    """Two sources that say different things of a vehicle; ``position`` counts from 1."""

    asset: str
    what: str
    got: str | None
    want: str | None
    position: int | None
    source: str
    against: str
    cause: str
    text: str
    state: str


class Coupling(Told):
    """What an asset was coupled to or loaded on."""

    asset: str
    carrier: str
    how: str
    from_: Annotated[str, Field(alias="from")]
    to: str | None


class Release(Told):
    """A release that was asked for, and what came back."""

    asset: str
    case: str
    n: int
    authority: str | None
    state: str
    requested: str
    decided: str | None


class Batch(Told):
    """Vehicles that cross together; complete when all have."""

    batch: str
    cases: list[dict[str, Any]]
    complete: bool
    crossed: str | None


class Regime(Answer):
    """A regime; ``version`` is the hash of its text, ``in_force`` that new cases begin with it."""

    id: str
    version: str
    valid_from: str
    gates: list[list[str]]
    in_force: bool


class RegimeText(Regime):
    """A regime with its text, and all its versions."""

    text: str
    versions: list[dict[str, Any]]


class FilingsLodged(BaseModel):
    """What became of filings lodged in bulk; ``lodged`` has references and ids in the file's order."""

    rows: int
    lodged: list[dict[str, Any]]
    refused: list[ImportRefusal]


class BoardRow(BaseModel):
    """One open case at a gate; ``since`` is the instant of its stage."""

    case: str
    asset: str
    vin: str | None
    chassis: str | None
    plate: str | None
    exporter: str | None
    kind: str | None
    state: str
    stage: str
    reasons: list[dict[str, Any]]
    eta: str | None
    window_from: str | None
    deadline: dict[str, Any] | None
    lodged: str | None
    release: dict[str, Any] | None
    conflicts: list[str]
    by: dict[str, Any] | None
    position: dict[str, Any] | None
    since: str | None
    reference: str | None
    batch: str | None
    direction: str | None


class Board(BaseModel):
    """Who comes to a gate: conflicts first, then by ETA. ``total`` counts also what ``limit`` left out."""

    gate: str
    direction: str | None
    counts: dict[str, int]
    total: int
    regime: dict[str, Any] | None
    items: list[BoardRow]


class Explained(Answer):
    """What a case did and why, revision by revision, the oldest first."""

    case: str
    asset: str
    state: str
    stage: str
    revisions: list[dict[str, Any]]


class ClearanceReport(Answer):
    """How long clearance took at a gate."""

    gate: str
    cases: int
    states: dict[str, int]
    clearance: dict[str, Any]


class Trace(Answer):
    """One vehicle from its maker to its destination."""

    vin: str
    chassis: str | None
    asset: str | None
    summary: str
    complete: bool
    missing: list[str]
    steps: list[dict[str, Any]]
