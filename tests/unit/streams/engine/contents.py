"""What an engine's state says, whoever rests and in whatever order words came up: two that say the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.codec import load_json
from streams.engine import Engine, snapshot
from streams.engine.snapshot import _HEAD


def contents(engine: Engine) -> dict[str, Any]:
    """All that a snapshot holds, as plain values. Sets are numbers of a process and left out."""
    data = snapshot(engine)
    head = load_json(data[_HEAD.size : _HEAD.size + _HEAD.unpack_from(data)[2]])
    for name in ("parts", "shapes"):
        del head[name]
    states = engine.state
    states["set"] = -1
    columns = [engine.extra[name][: engine.extra.size].tolist() for name in ("seen", "device", "home")]
    blobs = [engine.states.peek(row) for row in range(engine.extra.size)]
    return {
        **head,
        "names": list(engine.names),
        "tenants": list(engine.tenants),
        "sequences": engine.sequences.dump(),
        "states": states.tobytes(),
        "columns": columns,
        "objects": [None if blob is None else engine.unpacked(blob) for blob in blobs],
        "newest": engine.states.newest().tolist(),
        "again": dict(engine.again),
    }


def rest_all(engine: Engine) -> None:
    """Let every asset rest, as if all had been silent for long."""
    engine.now_ms, now = engine.now_ms + 10**12, engine.now_ms
    engine.seal()
    engine.now_ms = now
    assert engine.states.used == 0 or engine.again
    assert np.all(engine.states.resting(np.arange(engine.extra.size))) or engine.again
