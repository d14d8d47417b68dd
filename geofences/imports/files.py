"""A file of zones, whatever its form, to zones and findings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final, TypeAlias

from geofences.errors import GeometryRefusedError
from geofences.imports import circles, geojson_file, kml, wkt
from geofences.imports.assemble import assemble
from geofences.imports.draft import Draft, Options
from geofences.imports.findings import Finding, Severity
from geofences.zone import Zone

Zones: TypeAlias = tuple[tuple[Zone, ...], tuple[Finding, ...]]


class Form(StrEnum):
    """What a file is written in."""

    GEOJSON = "geojson"
    KML = "kml"
    WKT = "wkt"
    CSV = "csv"


_ENDINGS: Final = {
    ".geojson": Form.GEOJSON,
    ".json": Form.GEOJSON,
    ".kml": Form.KML,
    ".kmz": Form.KML,
    ".wkt": Form.WKT,
    ".csv": Form.CSV,
    ".tsv": Form.CSV,
}
_WKT: Final = re.compile(r"\b(MULTI)?POLYGON\s*(ZM|Z|M)?\s*(\(|EMPTY)", re.IGNORECASE)
_DEFAULT: Final = Options()


def read_zone_file(name: str, content: bytes, options: Options = _DEFAULT, form: Form | None = None) -> Zones:
    """The zones in ``content``, in the file's order, and what there is to say about them.

    ``form``: by the ending of ``name`` when not given, else by its look. A file that can't be read at all
    gives no zones and one error.
    """
    file = PurePath(name).name
    try:
        return _read(file, content, options, form or form_of(file, content))
    except GeometryRefusedError as error:
        return (), (Finding(Severity.ERROR, file, None, str(error)),)


def read_document(document: Any, name: str, options: Options = _DEFAULT) -> Zones:
    """As `read_zone_file`, of GeoJSON that is JSON values already."""
    try:
        drafts, said = _drawn(geojson_file.drafts_of_document(document), name)
        return _together(drafts, name, options, said)
    except GeometryRefusedError as error:
        return (), (Finding(Severity.ERROR, name, None, str(error)),)


def form_of(name: str, content: bytes) -> Form:
    """The form of a file by its ending, else by its look."""
    ending = PurePath(name).suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"{", b"["):
        return Form.GEOJSON
    if start[:1] == b"<":
        return Form.KML
    return Form.WKT if _WKT.search(start.decode("utf-8", "replace")) else Form.CSV


def _read(file: str, content: bytes, options: Options, form: Form) -> Zones:
    said: list[Finding] = []
    match form:
        case Form.GEOJSON:
            drafts, said = _drawn(geojson_file.drafts_of(content), file)
        case Form.KML:
            drafts, left_out = kml.drafts_of(content)
            said = _findings(Severity.WARNING, file, left_out)
        case Form.WKT:
            drafts, refused = wkt.drafts_of(_text(content))
            said = _findings(Severity.ERROR, file, refused)
        case Form.CSV:
            drafts, repaired, refused = circles.drafts_of(_text(content))
            said = _findings(Severity.REPAIRED, file, repaired) + _findings(Severity.ERROR, file, refused)
    if not drafts and not said:
        said = [Finding(Severity.WARNING, file, None, "no zones in it: the file is empty")]
    return _together(drafts, file, options, said)


def _drawn(drafts: list[Draft], file: str) -> tuple[list[Draft], list[Finding]]:
    """The drafts with their circles and routes drawn; an error for each that can't be."""
    good, said = [], []
    for draft in drafts:
        try:
            geojson_file.drawn(draft)
            good.append(draft)
        except GeometryRefusedError as error:
            said.append(Finding(Severity.ERROR, file, draft.number, str(error)))
    return good, said


def _together(drafts: list[Draft], file: str, options: Options, said: list[Finding]) -> Zones:
    zones, findings = assemble(drafts, file, options)
    every = sorted((*said, *findings), key=lambda f: -1 if f.feature is None else f.feature)
    return zones, tuple(every)


def _findings(severity: Severity, file: str, said: Iterable[tuple[int | None, str]]) -> list[Finding]:
    return [Finding(severity, file, number, message) for number, message in said]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"byte 0x{content[error.start]:02x} at {error.start}"
        raise GeometryRefusedError(f"not text: got {got}, want UTF-8") from None
