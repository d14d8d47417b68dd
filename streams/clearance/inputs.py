"""What a clearance case is decided from, and what is decided: the interface of engine and rules.

The engine gathers ``CaseInputs`` of one case, ``derive`` gives ``Derived``. All numbers are integers in the
unit that the name ends in; the order of lists matters only where it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Passing:
    """One crossing of the asset at the case's gate and in its direction, in its newest revision.

    ``stages``: as in the CROSSING event: approach, exit_port, exit_port_left, line, entry_port, leave, each
    a bracket or None. ``by``: ``{"asset": carrier, "coupling": id}`` of a carried asset, None of its own.
    ``positions``: places of the evidence in the log. Retracted crossings are not given. A visit of the
    exit side's approach that has no crossing yet is given as one too: its own id and revision, state
    "approaching", the bracket of its beginning as stage ``approach``.
    """

    id: str
    revision: int
    state: str
    stages: dict[str, dict[str, Any] | None]
    confidence_permille: int
    by: dict[str, Any] | None
    positions: list[int]


@dataclass(slots=True)
class Decision:
    """An officer's or an authority's decision.

    ``source``: "officer" or the authority's name. ``position``: its place in the log. ``message``: the
    authority's message id. ``release``: the request that it answers, None when none was named.
    """

    source: str
    decision: str
    reason: str
    at_ms: int
    position: int
    by: str
    message: str | None
    release: str | None


@dataclass(slots=True)
class CaseInputs:
    """All that one case is decided from.

    ``filing``: the newest version's data with ``lodged_ms`` (log time of version 1), ``state`` and
    ``version``. ``vehicle``: the asset's registry data. ``binding``: state claimed|bound|conflict, ``agreed``
    sources, ``settled``. ``conflicts``: open ones by first seen. ``permits``: of this asset, granted and
    revoked. ``passings``: candidates; which one is the case's own is decided here. ``departed_ms``: begin of
    a trip that ended after lodging or goes on. ``axle``: {t_ms, kg, limit_kg} the heaviest above the limit.
    ``seals``: {seal, state, t_ms}. ``decisions``: in the order of the log. ``releases``: RELEASE data by n.
    ``eta_ms``: at the exit port, as of now.
    """

    id: str
    asset: str
    tenant: str
    filing: dict[str, Any]
    vehicle: dict[str, Any]
    binding: dict[str, Any]
    conflicts: list[dict[str, Any]]
    permits: list[dict[str, Any]]
    passings: list[Passing]
    departed_ms: int | None
    axle: dict[str, Any] | None
    seals: list[dict[str, Any]]
    decisions: list[Decision]
    releases: list[dict[str, Any]]
    eta_ms: int | None


@dataclass(slots=True)
class Derived:
    """What follows: the CASE object's data without ``why``, and what the engine has to do.

    ``request``: a release has to be asked for now, or granted when ``data["release_rule"]`` is "automatic".
    ``correct``: what the authority was told is no longer so. ``wake_ms``: derive again when the log's time
    reaches this.
    """

    data: dict[str, Any]
    request: bool
    correct: bool
    wake_ms: int | None
