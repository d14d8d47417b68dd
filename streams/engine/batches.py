"""Transport batches: vehicles under one number cross together; the batch is complete when all have.

A batch is at home in the partition of its key. Each case tells it what it knows there; of one case the
newest word counts. Withdrawn and closed cases are no part of it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.engine.folder import Folder
from streams.engine.registry import Fact
from streams.events import Change, Kind, object_id

if TYPE_CHECKING:
    from streams.engine.desk import Desk

_OUT: Final = ("withdrawn", "closed", "expired")
_LIST: Final = 1_000  # cases that an event lists


class Batches:
    """The batches at home here.

    By key: tenant, batch, revision, data told, and by case its stamp, VIN, state, time of crossing.
    """

    def __init__(self) -> None:
        self.held: dict[str, list[Any]] = {}


def key_of(tenant: str, batch: str) -> str:
    """The key of a batch."""
    return f"batch:{tenant}:{batch}"


def joined(desk: Desk, folder: Folder, id_: str, held: dict[str, Any], data: dict[str, Any] | None) -> None:
    """Tell a case's batch of its state; ``data``: the case, None when it leaves the state."""
    before = held.get("batch")
    now = None
    if data is not None and data["batch"] is not None:
        crossed = next((s["t_ms"] for s in data["steps"] if s["stage"] == "crossed"), None)
        now = [data["batch"], data["vin"], data["state"], crossed]
    if before == now:
        return
    held["batch"] = now
    if before is not None and data is None:
        key = key_of(folder.tenant, before[0])
        desk.post.send(desk.post.home(key), ["batch", folder.tenant, before[0], id_, desk.stamp(), []])
    elif before is not None and (now is None or before[0] != now[0]):
        key = key_of(folder.tenant, before[0])
        desk.post.send(desk.post.home(key), ["batch", folder.tenant, before[0], id_, desk.stamp(), None])
    if now is not None:
        key = key_of(folder.tenant, now[0])
        desk.post.send(desk.post.home(key), ["batch", folder.tenant, now[0], id_, desk.stamp(), now[1:]])


def heard(desk: Desk, message: list[Any]) -> None:
    """At home of the batch: what a case tells."""
    _, tenant, batch, case, stamp, told = message
    held = desk.batches.held.setdefault(key_of(tenant, batch), [tenant, batch, 0, None, {}])
    cases = held[4]
    if case in cases and cases[case][0] >= stamp:
        return
    if case not in cases and not told:
        return
    if told == []:  # what was said of it stays
        cases[case] = [stamp, None, "left", None]
        if all(one[2] == "left" for one in cases.values()):
            cases.clear()
        return
    cases[case] = [stamp, *(told or [None, None, None])]
    standing = {c: one for c, one in sorted(cases.items()) if one[1] is not None}
    within = [one for one in standing.values() if one[2] not in _OUT]
    complete = bool(within) and all(one[3] is not None for one in within)
    data = {
        "batch": batch,
        "cases": [{"case": c, "vin": one[1], "state": one[2]} for c, one in list(standing.items())[:_LIST]],
        "count": len(within),
        "crossed": sum(one[3] is not None for one in within),
        "complete": complete,
        "crossed_ms": max(one[3] for one in within) if complete else None,
    }
    before = held[3]
    if data == before:
        return
    held[2] += 1
    held[3] = data
    changed = [] if before is None else sorted(name for name in data if data[name] != before[name])
    why = {"changed": changed, "positions": [desk.host.position], "cause": {"kind": "case", "id": case}}
    id_ = object_id(Kind.BATCH, tenant, batch)
    change = Change.CREATED if held[2] == 1 else Change.AMENDED
    desk.host.say(Fact(Kind.BATCH, id_, held[2], tenant, "", {**data, "why": why}), change, desk.now_ms)
