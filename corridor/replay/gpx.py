"""GPX 1.0 and 1.1 tracks: every timed point of all segments, in order of time.

Element names count without their namespaces, since many writers get those wrong. Points without a time or
with an impossible position are skipped and counted; a file whose points have no times at all can't be
played. Documents with a DOCTYPE are refused: nothing in GPX needs one, and entities are a way to attack.
"""

from __future__ import annotations

import math
from xml.etree import ElementTree

from corridor.replay.errors import ReplayError
from corridor.replay.instants import parse_instant
from corridor.replay.recording import Piece, Recording, place_ok

_FIX = {"none": 0, "2d": 2, "3d": 3, "dgps": 3, "pps": 3}
_NUMBERS = {"ele": "alt_m", "course": "heading_deg", "hdop": "hdop", "sat": "sats"}


def read(data: bytes, name: str) -> Recording:
    """The document's track points as samples; raises ``ReplayError``."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ReplayError(f"unsafe GPX: {name}: got a DOCTYPE or entity, want a document without one")
    try:
        root = ElementTree.fromstring(data.lstrip(b"\xef\xbb\xbf").lstrip())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ReplayError(f"not GPX: {name}: got broken XML ({error}), want a GPX document") from None
    if _local(root.tag) != "gpx":
        raise ReplayError(f"not GPX: {name}: got <{_local(root.tag)}>, want <gpx>")
    points = [element for element in root.iter() if _local(element.tag) in ("trkpt", "rtept")]
    pieces = [piece for piece in map(_piece, points) if piece is not None]
    if not points:
        raise ReplayError(f"no track in GPX: {name}: got no trkpt, want a track with times")
    if not pieces:
        raise ReplayError(
            f"no times in GPX: {name}: got {len(points)} points without a time, want <time> in each"
        )
    pieces.sort(key=lambda piece: piece.at_ms)
    return Recording(name, "gpx", pieces, len(points) - len(pieces))


def _piece(point: ElementTree.Element) -> Piece | None:
    lon, lat = _number(point.get("lon")), _number(point.get("lat"))
    inner = {_local(element.tag): (element.text or "").strip() for element in point.iter()}
    t_ms = parse_instant(inner.get("time", ""))
    if lon is None or lat is None or t_ms is None or not place_ok(lon, lat):
        return None
    row: dict[str, float | int | None] = {"lon": lon, "lat": lat}
    for tag, column in _NUMBERS.items():
        if (value := _number(inner.get(tag))) is not None:
            row[column] = value
    if (speed := _number(inner.get("speed"))) is not None and speed >= 0:
        row["speed_kmh"] = round(speed * 3.6, 3)
    if inner.get("fix", "").lower() in _FIX:
        row["fix"] = _FIX[inner["fix"].lower()]
    return Piece(t_ms, rows=[(t_ms, row)])


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2].lower()


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
