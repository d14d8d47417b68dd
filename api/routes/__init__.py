"""The resources of the API, one a file; ``ALL`` is every router of /v1 that needs a key."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from api.routes import (
    assets,
    bindings,
    board,
    bulk,
    cases,
    completeness,
    crossings,
    deadletters,
    devicekeys,
    devices,
    eta,
    events,
    filings,
    gates,
    ledger,
    objects,
    permits,
    positions,
    quality,
    reconcile,
    regimes,
    releases,
    stops,
    tracks,
    trips,
    visits,
    whoami,
    zones,
)

ALL: Final[tuple[APIRouter, ...]] = (
    whoami.router,
    positions.router,
    assets.router,
    eta.router,
    devicekeys.router,
    devices.router,
    completeness.router,
    tracks.router,
    quality.router,
    visits.router,
    crossings.router,
    trips.router,
    stops.router,
    objects.router,
    events.router,
    zones.router,
    gates.router,
    deadletters.router,
    bulk.router,
    filings.router,
    permits.router,
    cases.router,
    bindings.router,
    releases.router,
    board.router,
    regimes.router,
    reconcile.router,
    ledger.router,
)
