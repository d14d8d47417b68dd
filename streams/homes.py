"""Homes: of each key the one partition that decides about it, and what partitions hand to each other.

An asset is at home in the partition of its id, a device in that of its name, a gate's queue in that of the
gate; zones are decided in partition 0 and hold everywhere. A command goes to the home of what it is checked
against first. What another home has to know or to decide further travels as a note, a record of its log.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streams.codec import CodecError, dump_json, load_json
from streams.events import Kind, object_id

ZONES: Final = 0
"""The partition that decides about zones."""
_FIT: Final = b'{"fit":'
_ZLIB: Final = b"\x78\x9c"  # what compressed bytes begin with
DESK: Final = b'{"desk":'
"""What a note of a clearance desk begins with."""
DECIDING: Final = (_FIT, _ZLIB, DESK)
"""What the bodies of notes begin with on which decisions rest: these stay in a log as commands do."""
AT_ASSET: Final = frozenset(
    {
        *("filing.lodge", "filing.amend", "filing.withdraw", "permit.grant", "permit.revoke"),
        *("binding.claim", "binding.settle", "coupling.start", "coupling.end"),
        *("case.decide", "authority.decide", "cover.write", "cover.end"),
    }
)
"""Commands about one asset, which they name: appended to its home and decided there."""
_PORTION: Final = 400_000  # characters of zones in one note, but for one zone that is longer


def home(key: str, partitions: int) -> int:
    """The partition at which ``key`` (an asset id, a device, a gate) is at home."""
    return zlib.crc32(key.encode()) % partitions


def command_home(command: Mapping[str, Any], partitions: int) -> int:
    """The partition that a command is appended to; those that nobody knows go to 0, to be refused there."""
    data = command.get("data")
    if partitions == 1 or not isinstance(data, Mapping):
        return 0
    name = command.get("command")
    if name == "asset.register":
        return home(object_id(Kind.ASSET, str(command.get("tenant")), str(data.get("vin"))), partitions)
    if name in ("asset.update", "device.fit") or name in AT_ASSET:
        return home(str(data.get("asset")), partitions)
    if name in ("device.unfit", "device.key", "device.key.revoke"):
        return home(str(data.get("device")), partitions)
    if name in ("feed.grant", "feed.revoke"):
        return home(str(data.get("feed")), partitions)
    return ZONES


@dataclass(frozen=True, slots=True)
class Handed:
    """A note that another partition must get: ``to`` it, under the key ``key``. Its order counts."""

    to: int
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitting whose asset was found, on its way to the home of its device.

    ``id``: of its command; ``data``: as commanded, with ``from_ms``; ``source``, ``position``: partition and
    log position of the command.
    """

    id: str
    tenant: str
    data: dict[str, Any]
    source: int
    position: int

    def handed(self, partitions: int) -> Handed:
        """The note that carries it."""
        device = self.data["device"]
        plain = [self.id, self.tenant, self.data, self.source, self.position]
        return Handed(home(device, partitions), device, dump_json({"fit": plain}))


@dataclass(frozen=True, slots=True)
class ZonesNote:
    """Versions of zones as they were decided. Each has a number, in the order of decision from 1 on.

    ``first``: the number of the first one here; ``last``: that of the last one of the same command, which
    hold from one record on; ``versions``: as JSON values, see ``streams.zoneversion``.
    """

    first: int
    last: int
    versions: list[list[Any]]


class Early:
    """Versions of zones that came and wait: for one before them, or for others of their command.

    ``held``: by number, with the number of the last one of their command.
    """

    def __init__(self, held: Iterable[tuple[int, tuple[int, list[Any]]]] = ()) -> None:
        self.held = dict(held)

    def ready(self, note: ZonesNote, count: int) -> list[list[Any]]:
        """The versions that can be put after the ``count`` that were, of whole commands, in their order."""
        for number, version in enumerate(note.versions, note.first):
            if number > count:
                self.held[number] = note.last, version
        found: list[list[Any]] = []
        while (known := self.held.get(count + 1)) is not None:
            command = range(count + 1, known[0] + 1)
            if any(number not in self.held for number in command):
                break
            found += [self.held.pop(number)[1] for number in command]
            count = known[0]
        return found


def handed_zones(first: int, versions: Sequence[list[Any]], partitions: int) -> list[Handed]:
    """The notes that tell all other partitions of the versions that one command made, from ``first`` on."""
    last = first + len(versions) - 1
    bodies = [
        zlib.compress(dump_json({"zones": [first + at, last, portion]}), 6)
        for at, portion in _portions(versions)
    ]
    others = [partition for partition in range(partitions) if partition != ZONES]
    return [Handed(partition, "zones", body) for partition in others for body in bodies]


def opened_note(body: bytes) -> Fit | ZonesNote | None:
    """What a NOTE record hands over; None when it is of a gate's queue. Raises CodecError."""
    try:
        plain = load_json(zlib.decompress(body) if body.startswith(_ZLIB) else body)
        if "fit" in plain:
            id_, tenant, data, source, position = plain["fit"]
            device, asset, from_ms = data["device"], data["asset"], data["from_ms"]
            _require(str, id_, tenant, device, asset)
            _require(int, source, position, from_ms)
            return Fit(id_, tenant, data, source, position)
        if "zones" in plain:
            first, last, versions = plain["zones"]
            _require(int, first, last)
            _require(list, versions, *versions)
            return ZonesNote(first, last, versions)
    except (zlib.error, KeyError, TypeError, ValueError) as error:
        raise CodecError(f"note not readable: {error!r}") from error
    return None


def _require(want: type, *values: Any) -> None:
    for value in values:
        if not isinstance(value, want):
            raise ValueError(f"in a note: got {value!r}, want a {want.__name__}")


def _portions(versions: Sequence[list[Any]]) -> Iterator[tuple[int, list[list[Any]]]]:
    """Versions cut so that each part fits a note, with where the part begins."""
    at, size = 0, 0
    for number, version in enumerate(versions):
        more = len(version[-1]) + 500
        if number > at and size + more > _PORTION:
            yield at, list(versions[at:number])
            at, size = number, 0
        size += more
    yield at, list(versions[at:])
