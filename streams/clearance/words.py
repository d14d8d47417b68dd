"""The words of clearance: stages, side states, kinds, and the names that a regime may use."""

from __future__ import annotations

from typing import Final

STAGES: Final = (
    "filed",
    "bound",
    "departing",
    "approaching",
    "arrived",
    "crossed",
    "arrived_entry",
    "released",
    "cleared",
)
"""The stages of a case, in order."""
RANK: Final = {stage: rank for rank, stage in enumerate(STAGES)}
ENDED: Final = ("cleared", "withdrawn", "closed", "expired")
"""States in which nothing more is asked for."""
ASSET_KINDS: Final = ("tractor", "semi_trailer", "rigid", "special", "passenger")
GRADES: Final = ("A", "B", "C")
"""Confidence: A read in a primary text or two independent sources, B one public source, C to be verified."""
RELEASERS: Final = ("authority", "officer")
CONDITIONS: Final = (
    "bound",
    "no_conflict",
    "permit_valid",
    "documents_complete",
    "deadlines_met",
    "seals_whole",
    "axle_within_limit",
    "own_device",
)
"""What an automatic release may depend on."""
MESSAGE_EVENTS: Final = (
    "lodge",
    "amend",
    "withdraw",
    "approaching",
    "arrived",
    "crossed",
    "arrived_entry",
    "request",
    "released",
    "correction",
)
"""Events of a case that an authority may be told of."""
BENCHMARK_MS: Final = 10_080_000
"""The published average clearance time: 2.8 hours."""
MINUTE_MS: Final = 60_000
