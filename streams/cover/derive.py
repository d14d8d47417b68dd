"""All that follows from the covers of one vehicle, by kind: what the engine tells, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from streams.cover import border, breaches, exposure
from streams.cover.inputs import Found, Inputs
from streams.events import Kind


def derive(inputs: Inputs, gates: Mapping[str, tuple[str, str]], now_ms: int) -> dict[Kind, list[Found]]:
    """Exposures, handovers, gaps and breaches of one asset as of a log time.

    ``gates``: the two countries of each gate.
    """
    return {
        Kind.EXPOSURE: exposure.found(inputs, now_ms),
        Kind.HANDOVER: border.handovers(inputs),
        Kind.GAP: [*border.gaps(inputs, gates, now_ms), *breaches.proof_gaps(inputs)],
        Kind.BREACH: breaches.found(inputs, now_ms),
    }
