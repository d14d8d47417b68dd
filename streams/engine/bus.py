"""What the facts of an asset's reports tell its desk: codes read from the bus, seals, couplings.

Of each source only what differs is kept, with the report that told it first (by its time), so a VIN that
comes with every report costs a look into a table. Which report came first in the log does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.codec import CodecError, dump_json, load_json
from streams.engine.folder import Folder
from streams.events import Kind, object_id

if TYPE_CHECKING:
    from streams.engine.desk import Desk

_MOST: Final = 16  # different values of one source, and seals of one asset
_TEXT: Final = 64
_SEEN: Final = 100_000
_COMPONENT: Final = ("make", "model", "serial", "unit")
_SEALS: Final = ("locked", "open", "broken", "tampered", "replaced")


class Seen:
    """What each source told last: by (asset, kind, source) the value and its earliest time. Forgetting it
    costs time and changes nothing."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, str, Any], tuple[Any, int]] = {}

    def known(self, key: tuple[int, str, Any], value: Any, t_ms: int) -> bool:
        """Whether ``value`` was taken already with an earlier time; from now on it is."""
        held = self._held.get(key)
        if held is not None and held[0] == value and held[1] <= t_ms:
            return held[1] < t_ms
        if len(self._held) >= _SEEN:
            self._held.clear()
        self._held[key] = value, t_ms
        return False


Report = tuple[str, str, int]
"""Device, boot, sequence number."""


def read(text: str) -> list[dict[str, Any]]:
    """The facts of one report that have a time and a kind."""
    try:
        told = load_json(text.encode())
    except CodecError:  # a gateway wrote it, so it is: but a record must not stop the log
        return []
    return [
        fact
        for fact in (told if isinstance(told, list) else ())
        if isinstance(fact, dict) and isinstance(fact.get("t"), int) and isinstance(fact.get("kind"), str)
    ]


def facts(desk: Desk, row: int, asset: str, tenant: str, report: Report, told: list[dict[str, Any]]) -> None:
    """Take the facts of one report."""
    if asset not in desk.host.registry.assets:
        return
    for fact in told:
        t_ms, kind = fact["t"], fact["kind"]
        if kind not in _KINDS:
            continue
        if kind == "identity":
            value: Any = (fact.get("vin"), fact.get("junk"), fact.get("truncated"))
        elif kind == "component":
            value = tuple(fact.get(name) for name in _COMPONENT)
        else:
            value = None
        if value is not None and desk.seen.known((row, kind, str(fact.get("source"))), value, t_ms):
            continue
        desk.cause = {"kind": "report", "device": report[0], "boot": report[1], "seq": report[2]}
        _KINDS[kind](desk, desk.make(asset, tenant), report, fact)


def _read(desk: Desk, folder: Folder, report: Report, fact: dict[str, Any]) -> None:
    """An identity or a component: kept unless its value is known from no later."""
    kind, source = fact["kind"], str(fact.get("source"))[:_TEXT]
    names = ("vin", "junk") if kind == "identity" else _COMPONENT
    value = {name: fact[name][:_TEXT] for name in names if isinstance(fact.get(name), str)}
    if not value or (kind == "identity" and "vin" not in value):
        return
    if fact.get("truncated") is True:
        value["truncated"] = True
    held = folder.bus.setdefault(kind, {}).setdefault(source, {})
    key = dump_json(value).decode()
    first = [fact["t"], *report]
    if key in held and held[key][:4] <= first:
        return
    told = {**value, "t": min(fact["t"], desk.now_ms), "kind": kind, "source": fact.get("source")}
    held[key] = [*first, told | {"known_ms": desk.now_ms}]
    if len(held) > _MOST:
        del held[max(held, key=lambda one: held[one][:4])]
    desk.judge(folder.asset)


def _seal(desk: Desk, folder: Folder, report: Report, fact: dict[str, Any]) -> None:
    """The newest state of a seal counts, of two at one instant the worse; since the first reading in a row
    that says so, as a unit tells it again at every boot."""
    number = fact.get("seal", fact.get("id", fact.get("number")))
    state = str(fact.get("state")).lower()
    if number is None or state not in _SEALS:
        return
    number = str(_short(number))
    id_ = object_id(Kind.SEAL, folder.asset, number)
    held = folder.data("seal", id_)
    if held is None and len(folder.objects("seal")) >= _MOST:
        return
    readings = folder.bus.setdefault("seals", {}).setdefault(number, [])
    if not readings and held is not None:  # told before readings were kept
        readings.append([held["t_ms"], _SEALS.index(held["state"])])
    reading = [fact["t"], _SEALS.index(state)]
    same = next((one for one in readings if one[0] == reading[0]), None)
    if same is None:
        readings.append(reading)
        readings.sort()
    elif same >= reading:
        return
    else:
        same[:] = reading
    if len(readings) > _MOST:
        del readings[_spare(readings)]
    desk.changed.add(folder.asset)
    first = len(readings) - 1
    while first and readings[first - 1][1] == readings[-1][1]:
        first -= 1
    told = {"seal": number, "state": _SEALS[readings[-1][1]], "t_ms": readings[first][0]}
    if desk.tell(folder, Kind.SEAL, id_, told, t_ms=told["t_ms"]):
        desk.touch(folder.asset)


def _spare(readings: list[list[int]]) -> int:
    """Which reading is missed least: one between two that say the same, else the oldest."""
    states = [state for _, state in readings]
    inner = (n for n in range(1, len(states) - 1) if states[n - 1] == states[n] == states[n + 1])
    return next(inner, 0)


def _coupling(desk: Desk, folder: Folder, report: Report, fact: dict[str, Any]) -> None:
    """A trailer that is coupled, or is not any more: its own desk decides."""
    vin, state = fact.get("vin"), fact.get("state", "coupled")
    if not isinstance(vin, str) or state not in ("coupled", "loaded", "uncoupled", "unloaded"):
        return
    other = object_id(Kind.ASSET, folder.tenant, vin[:_TEXT])
    told = ["coupled", other, folder.tenant, folder.asset, state, fact["t"], list(report)]
    desk.post.send(desk.post.home(other), told)


def _short(value: Any) -> Any:
    return value[:_TEXT] if isinstance(value, str) else value


_KINDS: Final = {"identity": _read, "component": _read, "seal": _seal, "coupling": _coupling}
