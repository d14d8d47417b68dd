"""The demo's time: it begins two days ago and runs faster, for the whole system and not for the trucks alone.

A clearance compares instants of trucks (when it arrived) with those of people (when it was filed), so both
must pass at one pace. Each process of the demo therefore takes its wall clock from here; pauses and
time-outs stay in real seconds. When the demo's time has caught up, it is the real one. Only ``corridor demo``
uses this.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware_sim.clock import SimClock

_REAL = time.time


def start(state: Path, lag_s: float, speed_up: float) -> SimClock:
    """The clock of a demo: it goes on at the instant that the fleet's ``state`` file holds, if any."""
    now = _REAL()
    try:
        begun = float(json.loads(state.read_text("utf-8"))["t_s"])
    except (OSError, ValueError, KeyError, TypeError):
        begun = now - (lag_s if speed_up > 1 else 0.0)
    return SimClock(min(begun, now), now, speed_up)


def plain(clock: SimClock) -> dict[str, float]:
    """As JSON, for the processes of the demo."""
    return {"sim_s": clock.sim_s, "wall_s": clock.wall_s, "speed_up": clock.speed_up}


def now_s(clock: SimClock) -> float:
    """The demo's time, seconds since 1970."""
    return clock.at(_REAL())


def install(given: Mapping[str, Any]) -> None:
    """Make the clock of this process the demo's; ``given`` as ``plain`` made it. For good."""
    clock = SimClock(**given)
    setattr(time, "time", lambda: clock.at(_REAL()))  # noqa: B010 - mypy takes no assignment to a module
    setattr(time, "time_ns", lambda: int(clock.at(_REAL()) * 1e9))  # noqa: B010
