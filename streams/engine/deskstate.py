"""A desk and the covers as the parts of a snapshot, and back: JSON values, and folders as bytes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from streams.engine.covers import Covers
from streams.engine.desk import Desk
from streams.engine.folder import Folders
from streams.engine.wakes import Wakes


def dumped(desk: Desk) -> tuple[dict[str, Any], list[bytes]]:
    """JSON values for the head of a snapshot, and its parts; the desk goes on as before."""
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
    return head, [*_packed(desk.folders), desk.claims.closed()]


def loaded(desk: Desk, head: dict[str, Any], parts: list[memoryview], shipped: Iterable[str]) -> None:
    """Make a new desk what was dumped; regimes that ship since then are added. Raises ValueError."""
    *folders, closed = parts
    _unpacked(desk.folders, folders)
    desk.claims.load(head["claims"], closed)
    desk.regimes.load(head["regimes"], shipped)
    desk.batches.held = dict(head["batches"])
    desk.numbers = dict(head["numbers"])
    desk.limits.load(dict(head["limits"]))
    desk.ahead.load(dict(head["ahead"]))
    desk.wakes = Wakes((name, t_ms) for name, t_ms in head["wakes"])
    desk.stamped = head["stamped"]


def covers_dumped(covers: Covers) -> tuple[dict[str, Any], list[bytes]] | None:
    """As ``dumped``, of the covers; None when there are none."""
    if not covers.watched.values:
        return None
    head = {
        "crashes": sorted(covers.crashes.values.items()),
        "wakes": covers.wakes.dump(),
        "stale": covers.stale.dump(),
    }
    return head, [*_packed(covers.books), covers.ears.dump()]


def covers_loaded(covers: Covers, head: dict[str, Any], parts: list[memoryview]) -> None:
    """Make new covers what was dumped. Raises ValueError."""
    *books, ears = parts
    watched = _unpacked(covers.books, books)
    covers.ears.load(ears, len(covers.host.rows))
    covers.watched.load(dict.fromkeys(watched, 1))
    covers.crashes.load(dict(head["crashes"]))
    covers.wakes = Wakes((name, t_ms) for name, t_ms in head["wakes"])
    covers.stale = Wakes((name, t_ms) for name, t_ms in head["stale"])


def _packed(folders: Folders) -> list[bytes]:
    folders.rest(all_=True)
    names, bodies = [], []
    for asset, packed in folders.packed():
        names.append(asset)
        bodies.append(packed)
    ends = np.cumsum([0, *(len(body) for body in bodies)], dtype=np.int64)
    return ["\n".join(names).encode(), ends.tobytes(), b"".join(bodies)]


def _unpacked(folders: Folders, parts: list[memoryview]) -> list[str]:
    names, ends, bodies = parts
    assets = bytes(names).decode().split("\n") if len(names) else []
    at = np.frombuffer(ends, np.int64).tolist()
    if len(at) != len(assets) + 1 or at[-1] != len(bodies):
        raise ValueError(f"got {len(at) - 1} folders of {len(bodies)} bytes, want {len(assets)} of {at[-1]}")
    folders.load(assets, [bytes(bodies[a:b]) for a, b in pairwise(at)])
    return assets
