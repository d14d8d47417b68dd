"""WKT to drafts: one POLYGON or MULTIPOLYGON a line, with a name before or after it if there is one.

``POLYGON((101 21, ...))``, ``Yard 7;POLYGON((...))``, ``"POLYGON((...))",Yard 7``: what stands around the
geometry is the name. Empty lines and lines that begin with # are passed over.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from geofences.errors import GeometryRefusedError
from geofences.imports.draft import Draft

_START: Final = re.compile(
    r"(?:SRID\s*=\s*(\d+)\s*;\s*)?\b([A-Z]{4,})\s*(?:ZM|Z|M)?\s*(\(|EMPTY)", re.IGNORECASE
)
_SHAPES: Final = {"POLYGON": ("Polygon", 2), "MULTIPOLYGON": ("MultiPolygon", 3)}
_OTHERS: Final = (
    "POINT",
    "LINESTRING",
    "MULTIPOINT",
    "MULTILINESTRING",
    "GEOMETRYCOLLECTION",
    "CIRCULARSTRING",
)
_POSITION: Final = re.compile(r"[^(),]+")
_AROUND: Final = " \t\r\n,;|\"'"


def drafts_of(text: str) -> tuple[list[Draft], list[tuple[int, str]]]:
    """The lines of a WKT text, and a word on each that is none."""
    drafts: list[Draft] = []
    refused: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines()):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            drafts.append(_draft(number, line))
        except GeometryRefusedError as error:
            refused.append((number, str(error)))
    return drafts, refused


def _draft(number: int, line: str) -> Draft:
    label = f"line {number + 1}"
    found = next((m for m in _START.finditer(line) if _known(m.group(2))), None)
    if found is None:
        raise GeometryRefusedError(
            f"{label}: no WKT: got {line.strip()[:60]!r}, want POLYGON or MULTIPOLYGON"
        )
    srid, word = found.group(1), found.group(2).upper()
    if srid is not None and srid != "4326":
        raise GeometryRefusedError(f"{label}: coordinates of another system: got SRID {srid}, want 4326")
    end = _end(line, found.start(3)) if found.group(3) == "(" else found.end()
    if end is None:
        raise GeometryRefusedError(f"{label}: a bracket of {word} is not closed: got {line.strip()[-40:]!r}")
    name = " ".join(part.strip(_AROUND) for part in (line[: found.start()], line[end:])).strip()
    if name:
        label = f"{label} ({name})"
    if word not in _SHAPES:
        raise GeometryRefusedError(f"{label}: a zone is an area: got {word}, want POLYGON or MULTIPOLYGON")
    shape, depth = _SHAPES[word]
    rows = _nested(line[found.start(3) : end], label, depth) if found.group(3) == "(" else []
    return Draft(number, label, {"type": shape, "coordinates": rows}, None, {"name": name} if name else {})


def _known(word: str) -> bool:
    return word.upper() in _SHAPES or word.upper() in _OTHERS


def _end(line: str, start: int) -> int | None:
    """The place after the bracket that closes the one at ``start``."""
    depth = 0
    for found in re.finditer(r"[()]", line[start:]):
        depth += 1 if found.group() == "(" else -1
        if depth == 0:
            return start + found.end()
    return None


def _nested(text: str, label: str, depth: int) -> Any:
    """Brackets as lists, positions as numbers; what is no number stays text, for who names its place."""
    written = _POSITION.sub(_position, text).replace("(", "[").replace(")", "]")
    try:
        rows = orjson.loads(written)
    except orjson.JSONDecodeError:
        raise GeometryRefusedError(f"{label}: brackets or commas out of place: got {text[:60]!r}") from None
    inner = rows
    for _ in range(depth):
        if not isinstance(inner, list) or not inner:
            raise GeometryRefusedError(f"{label}: too few brackets: got {text[:60]!r}")
        inner = inner[0]
    return rows


def _position(found: re.Match[str]) -> str:
    words = found.group().split()
    if not words:
        return ""
    try:
        return orjson.dumps([float(word) for word in words[:2]]).decode()
    except ValueError:
        return orjson.dumps(found.group().strip()).decode()
