"""Zones as requests bring them and as answers show them. Pure but for the book it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import shapely

from api.errors import Problem, shown
from api.times import format_instant, parse_instant
from geofences.geojson import zone_feature, zone_properties
from geofences.imports import Finding, Options, Severity, read_document, read_zone_file
from geofences.zone import Zone
from streams.zones import ZoneBook, ZoneBookError, ZoneVersion

MAX_DAYS: Final = 31
_FILE: Final = "body"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the zones of a request: those that are sound or were mended, and what there is to say."""

    zones: tuple[Zone, ...]
    findings: tuple[Finding, ...]

    def sound(self) -> tuple[Zone, ...]:
        """The zones. Raises Problem 422 when anything was refused or had to be mended."""
        faults = [f for f in self.findings if f.severity is not Severity.WARNING]
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            advice = "; POST /v1/zones/check gives the repaired form"
            raise Problem(
                422,
                f"zones not sound: {faults[0].message}{more}{advice}",
                "zones_not_sound",
                more={"findings": [finding(f) for f in self.findings]},
            )
        return self.zones


def members(body: bytes, known: Sequence[str]) -> dict[str, Any]:
    """The members of a JSON object. Raises Problem 422 for other JSON and for members not known."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"body: got bytes that are not JSON, want JSON ({error})") from None
    if not isinstance(document, dict):
        raise Problem(422, f"body: got {type(document).__name__}, want an object of {', '.join(known)}")
    for name in document:
        if name not in known:
            raise Problem(422, f"body.{shown(name)}: got a member that is not known, want {', '.join(known)}")
    return document


def check(features: Any, book: ZoneBook) -> Checked:
    """The zones of a list of features, checked as an import is and against what the book allows."""
    if not isinstance(features, list):
        raise Problem(422, f"zones: got {shown(features)}, want a list of GeoJSON features")
    return _allowed(*read_document({"type": "FeatureCollection", "features": features}, _FILE), book)


def check_file(name: str, content: bytes, options: Options, book: ZoneBook) -> Checked:
    """As `check`, of a file in any form that can be imported."""
    return _allowed(*read_zone_file(name, content, options), book)


def _allowed(zones: tuple[Zone, ...], findings: tuple[Finding, ...], book: ZoneBook) -> Checked:
    good, said = [], list(findings)
    for zone in zones:
        try:
            book.allow(zone)
            good.append(zone)
        except ZoneBookError as error:
            said.append(Finding(Severity.ERROR, _FILE, None, str(error)))
    return Checked(tuple(good), tuple(said))


def instant(document: Mapping[str, Any], now_ms: int) -> int:
    """``valid_from`` (RFC 3339) or ``valid_from_ms`` of a body; now when it has neither."""
    if document.get("valid_from_ms") is not None:
        at = document["valid_from_ms"]
        if type(at) is not int or at < 0:
            raise Problem(422, f"valid_from_ms: got {shown(at)}, want ms since 1970")
        return at
    if document.get("valid_from") is None:
        return now_ms
    try:
        return parse_instant(document["valid_from"])
    except ValueError as error:
        raise Problem(422, f"valid_from: got {shown(document['valid_from'])}, want {error}") from None


def days(value: Any) -> int:
    """The days of a dry run."""
    if type(value) is not int or not 1 <= value <= MAX_DAYS:
        raise Problem(422, f"days: got {shown(value)}, want 1 to {MAX_DAYS}")
    return value


def finding(one: Finding) -> dict[str, Any]:
    """A finding as answers show it."""
    return {
        "severity": one.severity.value,
        "feature": one.feature,
        "ring": one.ring,
        "position": one.position,
        "message": one.message,
    }


def feature(version: ZoneVersion) -> dict[str, Any]:
    """A version as a GeoJSON feature, for orjson."""
    zone = version.zone
    properties = zone_properties(zone) | {"valid_from": when(version.valid_from_ms)}
    geometry = orjson.Fragment(shapely.to_geojson(zone.geometry))
    return {"type": "Feature", "id": zone.id, "geometry": geometry, "properties": properties}


def repaired(zone: Zone) -> dict[str, Any]:
    """A zone that was checked as a feature that can be published."""
    return zone_feature(zone)


def whole(book: ZoneBook, id_: str, at_ms: int) -> dict[str, Any] | None:
    """What holds for a zone at an instant, or what will or did, as a feature with all its versions."""
    versions = book.timeline(id_)
    if not versions:
        return None
    held = book.of(id_, at_ms)
    made = feature(held or versions[0])
    in_force = held is not None and not held.retired
    ends = [*(v.valid_from_ms for v in versions[1:]), None]
    made["properties"] |= {"in_force": in_force}
    made["versions"] = [
        {
            "version": version.version,
            "name": version.zone.name,
            "kind": version.zone.kind.value,
            "valid_from": when(version.valid_from_ms),
            "valid_to": when(end),
            "retired": version.retired,
        }
        for version, end in zip(versions, ends, strict=True)
    ]
    return made


def when(t_ms: int | None) -> str | None:
    """An instant as answers show it; null for ever since or for good."""
    return None if t_ms is None else format_instant(t_ms)
