"""Zones as the log's commands made them: published versions, each in force from an instant on.

The zones that ship are there from the beginning; a published one of the same id replaces it from its
instant on. Of two versions for one instant the later in the log holds. Pure: the same commands in the same
order give the same facts. Readers in other threads may read a book while one thread applies commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from geofences.errors import GeometryRefusedError
from geofences.geojson import zones_of
from geofences.zone import Zone, ZoneKind
from streams.events import Change
from streams.zoneversion import ZoneVersion, made, plain

__all__ = [
    "COMMANDS",
    "LATEST_MS",
    "MAX_BYTES",
    "MAX_ZONES",
    "ZoneBook",
    "ZoneBookError",
    "ZoneFact",
    "ZoneVersion",
    "batches",
    "published",
    "retired",
]

MAX_ZONES: Final = 1_000
MAX_BYTES: Final = 4 << 20
LATEST_MS: Final = 4_102_444_800_000  # 2100
COMMANDS: Final = ("zone.publish", "zone.retire")
_FORM: Final = 1


class ZoneBookError(Exception):
    """A command that the book refuses whole; ``code`` is for programs, the message for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class ZoneFact:
    """A version that a command put into the book: revision ``revision`` of the zone ``id``."""

    id: str
    revision: int
    tenant: str
    put: ZoneVersion

    @property
    def change(self) -> Change:
        """Created by the first revision, amended by the others, retired ones too."""
        return Change.CREATED if self.revision == 1 else Change.AMENDED

    @property
    def data(self) -> dict[str, Any]:
        """What becomes the event's data."""
        return self.put.data()


@dataclass(frozen=True, slots=True)
class _Entry:
    """All versions of one id in the order of their instants, and how many facts made them."""

    versions: tuple[ZoneVersion, ...]
    revision: int = 0


class ZoneBook:
    """All versions of all zones. ``base``: the zones that hold before anything was published."""

    def __init__(self, base: Iterable[Zone] = ()) -> None:
        self._base = {zone.id: _Entry((ZoneVersion(zone, None),)) for zone in base}
        self._entries: Mapping[str, _Entry] = MappingProxyType(dict(self._base))

    def apply(self, command: Mapping[str, Any]) -> list[ZoneFact]:
        """The facts that a ``zone.publish`` or ``zone.retire`` makes: one a zone whose versions changed.

        What already holds from that instant on makes none, so a repeated command changes nothing. All or
        nothing: raises ZoneBookError, and the book is as before.
        """
        name, data, tenant = command["command"], command["data"], command["tenant"]
        if name == "zone.publish":
            zones, from_ms = published(data)
            wanted = [self._publish(zone, from_ms) for zone in zones]
        elif name == "zone.retire":
            ids, from_ms = retired(data)
            wanted = [self._retire(id_, from_ms) for id_ in ids]
        else:
            raise ZoneBookError(
                "unknown_command", f"no such command: got {name}, want {' or '.join(COMMANDS)}"
            )
        return self.put([version for version in wanted if version is not None], tenant)

    def put(self, versions: Iterable[ZoneVersion], tenant: str = "") -> list[ZoneFact]:
        """Put decided versions in force, in that order; the facts are of ``tenant``."""
        facts = []
        entries = dict(self._entries)
        for version in versions:
            held = entries.get(version.zone.id, _Entry(()))
            entries[version.zone.id] = entry = _Entry(_put(held.versions, version), held.revision + 1)
            facts.append(ZoneFact(version.zone.id, entry.revision, tenant, version))
        self._entries = MappingProxyType(entries)
        return facts

    @property
    def count(self) -> int:
        """How many versions were ever put."""
        return sum(entry.revision for entry in self._entries.values())

    def copy(self) -> ZoneBook:
        """A book with the same versions that goes its own way."""
        other = ZoneBook()
        other._base, other._entries = self._base, self._entries
        return other

    def newest(self) -> list[Zone]:
        """Of each id the zone of its last version, in the order of their numbers."""
        return [entry.versions[-1].zone for entry in self._entries.values()]

    def timeline(self, id_: str) -> tuple[ZoneVersion, ...]:
        """The versions of a zone in the order of their instants; empty when there never was one."""
        entry = self._entries.get(id_)
        return entry.versions if entry else ()

    def at(self, t_ms: int) -> list[Zone]:
        """The zones in force at an instant, in the order in which their ids came."""
        return [version.zone for _, version in self.numbered(t_ms)]

    def numbered(self, t_ms: int, after: int = -1) -> list[tuple[int, ZoneVersion]]:
        """Versions in force at an instant, each with a number of its id that never changes and ascends."""
        found = []
        for number, entry in enumerate(self._entries.values()):
            if number > after:
                version = _in_force(entry.versions, t_ms)
                if version is not None and not version.retired:
                    found.append((number, version))
        return found

    def of(self, id_: str, t_ms: int) -> ZoneVersion | None:
        """What holds for an id at an instant, retired or not; None before its first version."""
        return _in_force(self.timeline(id_), t_ms)

    def epochs(self) -> list[int]:
        """The instants (ms, ascending) at which the zones in force change."""
        entries = [entry for entry in self._entries.values() if entry.revision]
        return sorted({v.valid_from_ms for e in entries for v in e.versions if v.valid_from_ms is not None})

    def dump(self) -> dict[str, Any]:
        """JSON values for a snapshot: what was published, in the order in which the ids came."""
        held = [(id_, entry) for id_, entry in self._entries.items() if entry.revision]
        versions = [v for _, entry in held for v in entry.versions if v.valid_from_ms is not None]
        rows = iter(plain(versions))
        published_ = [
            [id_, entry.revision, [next(rows) for v in entry.versions if v.valid_from_ms is not None]]
            for id_, entry in held
        ]
        return {"form": _FORM, "published": published_}

    def load(self, head: Mapping[str, Any]) -> None:
        """Become what ``dump`` was given of, over this book's own base. Raises ZoneBookError."""
        if head.get("form") != _FORM:
            raise ZoneBookError("form", f"zones of another form: got {head.get('form')}, want {_FORM}")
        versions = iter(made([row for _, _, rows in head["published"] for row in rows]))
        entries = dict(self._base)
        for id_, revision, rows in head["published"]:
            put = entries.get(id_, _Entry(())).versions
            entries[id_] = _Entry((*put, *(next(versions) for _ in rows)), revision)
        self._entries = MappingProxyType(entries)

    def allow(self, zone: Zone) -> None:
        """Raises ZoneBookError when this zone can't be published, whenever."""
        self._refuse_gates_otherwise(zone, self.timeline(zone.id))

    def allow_retiring(self, id_: str, from_ms: int) -> None:
        """Raises ZoneBookError when this zone can't be retired from then on."""
        self._retire(id_, from_ms)

    def _publish(self, zone: Zone, from_ms: int) -> ZoneVersion | None:
        """The version to put; None when it holds from that instant on already. Raises ZoneBookError."""
        versions = self.timeline(zone.id)
        self._refuse_gates_otherwise(zone, versions)
        held = _in_force(versions, from_ms)
        if held is not None and held.version == zone.version and not held.retired:
            return None
        return ZoneVersion(zone, from_ms)

    def _retire(self, id_: str, from_ms: int) -> ZoneVersion | None:
        versions = self.timeline(id_)
        if not versions:
            raise ZoneBookError("unknown", f"no such zone: got {id_}")
        first = versions[0].zone
        if first.kind is ZoneKind.COUNTRY:
            raise ZoneBookError("country", f"zone {id_}: countries can't be retired")
        if first.gate is not None:
            raise ZoneBookError(
                "gate", f"zone {id_} belongs to gate {first.gate}: it can be published anew, not retired"
            )
        held = _in_force(versions, from_ms)
        if held is None:
            raise ZoneBookError(
                "not_in_force", f"zone {id_} is not in force at {from_ms} ms: nothing to retire"
            )
        return None if held.retired else ZoneVersion(held.zone, from_ms, retired=True)

    def _refuse_gates_otherwise(self, zone: Zone, versions: Sequence[ZoneVersion]) -> None:
        """A zone of a gate keeps its place there, and no other gets one: gates ship with their zones."""
        want = (versions[0].zone.gate, versions[0].zone.side) if versions else (None, None)
        if versions and versions[0].zone.kind is ZoneKind.COUNTRY:
            raise ZoneBookError("country", f"zone {zone.id}: countries can't be published")
        if (zone.gate, zone.side) != want:
            raise ZoneBookError(
                "gate",
                f"zone {zone.id}: gate and side can't change: got {(zone.gate, zone.side)}, want {want}",
            )
        if want[0] is not None and zone.kind is not versions[0].zone.kind:
            raise ZoneBookError(
                "gate",
                f"zone {zone.id} serves gate {want[0]}: got kind {zone.kind}, want {versions[0].zone.kind}",
            )


def published(data: Any) -> tuple[tuple[Zone, ...], int]:
    """The zones and the instant of a ``zone.publish``. Raises ZoneBookError for what is not in order."""
    features = data.get("zones") if isinstance(data, Mapping) else None
    if not isinstance(features, list) or not 1 <= len(features) <= MAX_ZONES:
        got = len(features) if isinstance(features, list) else repr(features)
        raise ZoneBookError("zones", f"zones: got {got}, want a list of 1 to {MAX_ZONES} features")
    size = len(orjson.dumps(features))
    if size > MAX_BYTES:
        raise ZoneBookError("too_large", f"zones: got {size} bytes, want at most {MAX_BYTES} in one command")
    try:
        zones = zones_of(list(enumerate(features)))
    except GeometryRefusedError as error:
        raise ZoneBookError("geometry", str(error)) from None
    for number, zone in enumerate(zones):
        if zone.kind is ZoneKind.COUNTRY:
            raise ZoneBookError("country", f"feature {number} ({zone.id}): countries can't be published")
        if not 1 <= len(zone.id) <= 100 or not zone.id.isprintable() or set(zone.id) & set(" /?#%"):
            want = "1 to 100 printable characters, none of them a space or one of /?#%"
            raise ZoneBookError("id", f"feature {number}: id: got {zone.id[:100]!r}, want {want}")
    return zones, _from_ms(data)


def retired(data: Any) -> tuple[tuple[str, ...], int]:
    """The ids and the instant of a ``zone.retire``. Raises ZoneBookError."""
    ids = data.get("ids") if isinstance(data, Mapping) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_ZONES:
        got = len(ids) if isinstance(ids, list) else repr(ids)
        raise ZoneBookError("ids", f"ids: got {got}, want a list of 1 to {MAX_ZONES} zone ids")
    odd = next((id_ for id_ in ids if not isinstance(id_, str)), None)
    if odd is not None or len(set(ids)) < len(ids):
        raise ZoneBookError("ids", f"ids: got {odd!r} or one of them twice, want each id once, as text")
    return tuple(ids), _from_ms(data)


def batches(features: Iterable[Any]) -> list[list[Any]]:
    """Features in their order, cut so that each part fits one command."""
    made: list[list[Any]] = []
    room = 0
    for feature in features:
        size = len(orjson.dumps(feature)) + 1
        if not made or size > room or len(made[-1]) == MAX_ZONES:
            made.append([])
            room = MAX_BYTES - 2
        made[-1].append(feature)
        room -= size
    return made


def _from_ms(data: Mapping[str, Any]) -> int:
    from_ms = data.get("valid_from_ms")
    if type(from_ms) is not int or not 0 <= from_ms <= LATEST_MS:
        raise ZoneBookError(
            "valid_from", f"valid_from_ms: got {from_ms!r}, want ms since 1970, 0 to {LATEST_MS}"
        )
    return from_ms


def _put(versions: tuple[ZoneVersion, ...], new: ZoneVersion) -> tuple[ZoneVersion, ...]:
    """The versions with ``new`` in its place, instead of one of the same instant."""
    others = [v for v in versions if v.valid_from_ms != new.valid_from_ms]
    return tuple(sorted([*others, new], key=_begin))


def _begin(version: ZoneVersion) -> int:
    return -1 if version.valid_from_ms is None else version.valid_from_ms


def _in_force(versions: Sequence[ZoneVersion], t_ms: int) -> ZoneVersion | None:
    found = None
    for version in versions:
        if version.valid_from_ms is not None and version.valid_from_ms > t_ms:
            break
        found = version
    return found
