"""A desk as the parts of a snapshot, and back: JSON values, and the folders as the bytes that they are."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from streams.engine.desk import Desk
from streams.engine.wakes import Wakes


def dumped(desk: Desk) -> tuple[dict[str, Any], list[bytes]]:
    """JSON values for the head of a snapshot, and its parts; the desk goes on as before."""
    desk.folders.rest(all_=True)
    names, bodies = [], []
    for asset, packed in desk.folders.packed():
        names.append(asset)
        bodies.append(packed)
    ends = np.cumsum([0, *(len(body) for body in bodies)], dtype=np.int64)
    head = {
        "claims": desk.claims.dump(),
        "regimes": desk.regimes.dump(),
        "batches": list(desk.batches.held.items()),
        "numbers": list(desk.numbers.items()),
        "limits": sorted(desk.limits.values.items()),
        "ahead": sorted(desk.ahead.values.items()),
        "wakes": desk.wakes.dump(),
        "stamped": desk.stamped,
    }
    return head, ["\n".join(names).encode(), ends.tobytes(), b"".join(bodies), desk.claims.closed()]


def loaded(desk: Desk, head: dict[str, Any], parts: list[memoryview], shipped: Iterable[str]) -> None:
    """Make a new desk what was dumped; regimes that ship since then are added. Raises ValueError."""
    names, ends, bodies, closed = parts
    assets = bytes(names).decode().split("\n") if len(names) else []
    at = np.frombuffer(ends, np.int64).tolist()
    if len(at) != len(assets) + 1 or at[-1] != len(bodies):
        raise ValueError(f"got {len(at) - 1} folders of {len(bodies)} bytes, want {len(assets)} of {at[-1]}")
    desk.folders.load(assets, [bytes(bodies[a:b]) for a, b in pairwise(at)])
    desk.claims.load(head["claims"], closed)
    desk.regimes.load(head["regimes"], shipped)
    desk.batches.held = dict(head["batches"])
    desk.numbers = dict(head["numbers"])
    desk.limits.load(dict(head["limits"]))
    desk.ahead.load(dict(head["ahead"]))
    desk.wakes = Wakes((name, t_ms) for name, t_ms in head["wakes"])
    desk.stamped = head["stamped"]
