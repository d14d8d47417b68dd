"""Cases as they were told, for what explains them, counts them and tells a vehicle's whole way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.errors import Problem
from api.render import render
from api.scope import Scope
from feeds.clearance.explain import explain
from feeds.clearance.history import CaseHistory, Revision
from feeds.clearance.report import report
from feeds.clearance.trace import Found, trace
from feeds.completeness import History, summary
from feeds.ledger.errors import LedgerError
from feeds.readmodel import ObjectFilter, StoredObject
from streams.events import Event, Kind

MOST_REPORTED: Final = 20_000
_ALL: Final = 10_000
_MOST: Final = 1_000


def history_of(case: StoredObject, revisions: Sequence[Event]) -> CaseHistory:
    """A case and its revisions, which come newest first; the case alone where none are kept any more."""
    told = [
        Revision(e.revision, e.change.value, e.t_ms, e.recorded_ms, e.position, e.data)
        for e in reversed(revisions)
    ]
    last = Revision(case.revision, case.change.value, case.t_ms, case.recorded_ms, 0, case.data)
    return CaseHistory(case.id, case.asset, told or [last])


def explained(scope: Scope, case: StoredObject) -> dict[str, Any]:
    """What a case did and why."""
    history = history_of(case, scope.revisions(case.id, None, _ALL))
    told = [render(one) for one in explain(history)]
    return {
        "case": case.id,
        "asset": case.asset,
        "state": case.data.get("state"),
        "stage": case.data.get("stage"),
        "complete": history.revisions[0].revision == 1,
        "revisions": told,
    }


def traced(scope: Scope, vin: str, asset: StoredObject) -> dict[str, Any]:
    """One vehicle from its maker to its destination, as far as this scope sees it."""
    of = {kind: _of(scope, kind, asset.id) for kind in _TRACED}
    binding = of[Kind.BINDING]
    place = scope.position(asset)
    if not len(place):  # it has no unit: where its carrier is
        on = [coupling["carrier"] for coupling in of[Kind.COUPLING] if coupling["to_ms"] is None]
        for carrier in scope.ports.read.objects_by_id(Kind.ASSET, scope.reach, on[-1:]).values():
            place = scope.position(carrier)
    position = None
    if len(place) and (isinstance(scope.reach, str) or any(c["ended_ms"] is None for c in of[Kind.CASE])):
        lon, lat = int(place.lon_e7[0]) / 1e7, int(place.lat_e7[0]) / 1e7
        position = {"lon": lon, "lat": lat, "t_ms": int(place.t_ms[0])}
    found = Found(
        vin=vin,
        asset={**asset.data, "id": asset.id, "registered_ms": asset.start_ms},
        binding=binding[0] if binding else None,
        filings=of[Kind.FILING],
        permits=of[Kind.PERMIT],
        couplings=of[Kind.COUPLING],
        conflicts=of[Kind.CONFLICT],
        crossings=of[Kind.CROSSING],
        seals=of[Kind.SEAL],
        releases=of[Kind.RELEASE],
        cases=of[Kind.CASE],
        position=position,
        more=_reports(scope, asset),
    )
    return dict(render(trace(found)))


def _reports(scope: Scope, asset: StoredObject) -> dict[str, Any]:
    """What came of each device that is or was last fitted to the asset, where a ledger is kept."""
    found = []
    for device in scope.objects(Kind.DEVICE, ObjectFilter(asset=asset.id), None, _MOST):
        name = device.data["device"]
        try:
            logs = scope.starts(device)
        except LedgerError:  # the way itself is told all the same
            found.append({"device": name, "text": "the ledger can't be read now"})
            continue
        told = [History(starts).statement(name, boot) for starts in logs.values() for boot in starts]
        if told:
            found.append(summary(name, told))
    return {"reports": found} if found else {}


_TRACED: Final = (
    *(Kind.BINDING, Kind.FILING, Kind.PERMIT, Kind.COUPLING, Kind.CONFLICT, Kind.CROSSING, Kind.SEAL),
    *(Kind.RELEASE, Kind.CASE),
)


def _of(scope: Scope, kind: Kind, asset: str) -> list[dict[str, Any]]:
    """Objects of one asset, the first first."""
    rows = scope.objects(kind, ObjectFilter(asset=asset), None, _MOST)
    return [{**row.data, "id": row.id} for row in reversed(rows)]


def reported(scope: Scope, gate: str, from_ms: int, until_ms: int) -> dict[str, Any]:
    """The report of the cases at ``gate`` that were lodged in [from, until). Raises Problem 422."""
    where = ObjectFilter(gate=gate, begun_ms=from_ms, end_ms=until_ms)
    cases = scope.objects(Kind.CASE, where, None, MOST_REPORTED + 1)
    if len(cases) > MOST_REPORTED:
        raise Problem(422, f"period too long: got more than {MOST_REPORTED} cases, want a shorter one")
    revisions = scope.ports.read.revisions_of(Kind.CASE, cases)
    histories = [history_of(case, revisions.get(case.id, ())) for case in cases]
    named = sorted({id_ for case in histories for at in case.revisions for id_ in at.data["conflicts"]})
    conflicts = scope.ports.read.objects_by_id(Kind.CONFLICT, scope.reach, named)
    told = {id_: conflict.data for id_, conflict in conflicts.items()}
    ran = scope.ports.uptime
    up = None if ran is None else ran(from_ms, until_ms)
    return report(histories, gate=gate, from_ms=from_ms, until_ms=until_ms, conflicts=told, uptime=up)
