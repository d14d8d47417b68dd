"""What a feature's properties make of its outline: id, kind, name and rules of the zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from shapely import MultiPolygon, Polygon

from geofences.errors import GeometryRefusedError
from geofences.imports.draft import Draft, Options
from geofences.zone import Zone, ZoneKind

MAX_ID: Final = 100
MAX_NAME: Final = 200
_KINDS: Final = frozenset(ZoneKind)
_NAMES: Final = ("name", "Name", "NAME", "title", "Title")
_NOT_IN_ID: Final = re.compile(r"[^\w.:-]+")


class Namer:
    """Makes the zones of one file, each id once."""

    def __init__(self, options: Options, file: str) -> None:
        self._options = options
        self._stem = _id(PurePath(file).stem) or "zone"
        self._seen: dict[str, str] = {}

    def zone(self, draft: Draft, shape: Polygon | MultiPolygon) -> tuple[Zone, list[str]]:
        """The zone of a draft and what was repaired. Raises GeometryRefusedError."""
        said: list[str] = []
        id_ = self._id(draft, said)
        properties, label, options = draft.properties, draft.label, self._options
        kind, word = options.kind, properties.get("kind")
        if isinstance(word, str) and word in _KINDS:
            kind = ZoneKind(word)
        elif word:
            want = ", ".join(ZoneKind)
            said.append(f"{label}: kind not known: got {word!r}, made {kind}: want one of {want}")
        if kind is ZoneKind.COUNTRY:
            raise GeometryRefusedError(f"{label}: countries can't be imported: got kind {kind}")
        zone = Zone(
            id=id_,
            kind=kind,
            name=self._name(properties) or id_,
            geometry=shape,
            gate=_text(properties, "gate"),
            side=_text(properties, "side"),
            country=_text(properties, "country"),
            grace_s=_seconds(properties, "grace_s", options.grace_s, label),
            min_dwell_s=_seconds(properties, "min_dwell_s", options.min_dwell_s, label),
            plausible=properties.get("plausible") is True,
        )
        self._seen[id_] = label
        return zone, said

    def _id(self, draft: Draft, said: list[str]) -> str:
        own, prefix = draft.id, self._options.prefix
        if own is None:
            id_ = f"{f'{self._stem}-' if prefix is None else prefix}{draft.number + 1}"
        else:
            id_ = (prefix or "") + _id(own)
            if _id(own) != own:
                said.append(
                    f"{draft.label}: an id has letters, digits and _.:- only: got {own!r}, made {id_!r}"
                )
        if not 1 <= len(id_) <= MAX_ID:
            raise GeometryRefusedError(
                f"{draft.label}: id of {len(id_)} characters: got {id_[:20]!r}, want 1 to {MAX_ID}"
            )
        if id_ in self._seen:
            raise GeometryRefusedError(f"{draft.label}: id {id_!r} is used twice, first by {self._seen[id_]}")
        return id_

    def _name(self, properties: Mapping[str, Any]) -> str | None:
        asked = self._options.name
        for key in _NAMES if asked is None else (asked,):
            value = properties.get(key)
            if isinstance(value, str | int | float) and str(value).strip():
                return str(value).strip()[:MAX_NAME]
        return None


def _id(text: str) -> str:
    return _NOT_IN_ID.sub("-", text.strip()).strip("-")


def _text(properties: Mapping[str, Any], name: str) -> str | None:
    value = properties.get(name)
    return value if isinstance(value, str) and value else None


def _seconds(properties: Mapping[str, Any], name: str, absent: int, label: str) -> int:
    value = properties.get(name)
    if value is None or value == "":
        return absent
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if type(value) is not int or not 0 <= value <= 30 * 86_400:
        raise GeometryRefusedError(f"{label}: {name}: got {value!r}, want whole seconds, 0 to 2592000")
    return value
