"""How far a reader's sight reaches, as terms of SQL: a tenant's own, what concerns gates, or an authority's.

Every query of the read model carries one of these, so that no reader can forget whom it reads for. Values
go in as parameters; the only words put into the text are names of kinds and numbers of place-holders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from streams.events import Kind

OF_ASSETS: Final = (
    *(Kind.ASSET, Kind.CROSSING, Kind.PERMIT, Kind.BINDING, Kind.CONFLICT, Kind.COUPLING, Kind.RELEASE),
    *(Kind.SEAL, Kind.HANDOVER),
)
"""Kinds that a gate's officers see of an asset as soon as it has a case at the gate."""
AT_GATES: Final = (*OF_ASSETS, Kind.CASE, Kind.FILING, Kind.BATCH, Kind.REGIME)


@dataclass(frozen=True, slots=True)
class AtGates:
    """What concerns assets that have a case at one of ``gates``, at any when empty; of all tenants."""

    gates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfAuthority:
    """The releases that were asked of the authority ``name``; of all tenants."""

    name: str


@dataclass(frozen=True, slots=True)
class OfConsumer:
    """The feeds that the tenant ``name`` granted or that were granted to it; nothing else."""

    name: str


Reach: TypeAlias = str | AtGates | OfAuthority | OfConsumer
"""A tenant's name: all that is its own."""

Terms: TypeAlias = tuple[str, list[Any]]


def of_objects(kind: Kind, reach: Reach) -> Terms:
    """The term that keeps those rows of ``objects`` of ``kind`` that are in reach, and its values."""
    if isinstance(reach, str):
        return "tenant = ?", [reach]
    if isinstance(reach, OfAuthority):
        return ("authority = ?", [reach.name]) if kind is Kind.RELEASE else ("0", [])
    if isinstance(reach, OfConsumer):
        term = "(tenant = ? OR json_extract(CAST(data AS TEXT), '$.consumer') = ?)"
        return (term, [reach.name] * 2) if kind is Kind.FEED else ("0", [])
    if kind in (Kind.CASE, Kind.FILING):
        return _gates("gate", reach)
    if kind is Kind.REGIME:
        return "1", []
    if kind is Kind.BATCH:
        at, gates = _gates("c.gate", reach)
        return _exists(f"c.batch = objects.batch AND c.tenant = objects.tenant AND {at}"), gates
    if kind in OF_ASSETS:
        at, gates = _gates("c.gate", reach)
        return _exists(f"c.asset = objects.asset AND {at}"), gates
    return "0", []


def of_events(reach: AtGates) -> Terms:
    """The term that keeps those rows of ``events`` whose objects are in reach, and its values."""
    at, gates = _gates("c.gate", reach)
    own = (
        "SELECT 1 FROM objects AS c WHERE c.kind = events.kind AND c.id = events.id "
        f"AND c.kind IN ('case', 'filing') AND {at}"
    )
    batch = (
        "SELECT 1 FROM objects AS b JOIN objects AS c ON c.batch = b.batch AND c.tenant = b.tenant "
        "AND c.kind = 'case' AND c.change <> 'retracted' "
        f"WHERE b.kind = 'batch' AND b.id = events.id AND {at}"
    )
    asset = _exists(f"c.asset = events.asset AND {at}")
    return (
        "CASE WHEN kind = 'regime' THEN 1 "
        f"WHEN kind IN ('case', 'filing') THEN EXISTS ({own}) "
        f"WHEN kind = 'batch' THEN EXISTS ({batch}) ELSE {asset} END",
        gates * 3,
    )


def _exists(term: str) -> str:
    return f"EXISTS (SELECT 1 FROM objects AS c WHERE c.kind = 'case' AND c.change <> 'retracted' AND {term})"


def _gates(column: str, reach: AtGates) -> Terms:
    if not reach.gates:
        return "1", []
    return f"{column} IN ({','.join('?' * len(reach.gates))})", list(reach.gates)
