"""The format of an answer: by extension, by ``?format=``, else by Accept. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from api.errors import Problem, shown


class Format(StrEnum):
    """A format by the name that stands in ``?format=`` and as the extension."""

    JSON = "json"
    GEOJSON = "geojson"
    CSV = "csv"
    GPX = "gpx"
    PARQUET = "parquet"
    ARROW = "arrow"
    JSONL = "jsonl"


MEDIA_TYPES: Final = {
    Format.JSON: "application/json",
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv",
    Format.GPX: "application/gpx+xml",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.JSONL: "application/x-ndjson",
}


def choose(named: str | None, accept: str | None, offered: Sequence[Format]) -> Format:
    """The format wanted; the first offered when the request does not care. Raises Problem 406 or 422."""
    names = ", ".join(offered)
    if named is not None:
        if named not in offered:
            raise Problem(422, f"format: got {shown(named)}, want {names}")
        return Format(named)
    best, best_quality = None, 0.0
    for one in offered:
        quality = _quality(accept or "*/*", MEDIA_TYPES[one])
        if quality > best_quality:
            best, best_quality = one, quality
    if best is None:
        types = ", ".join(MEDIA_TYPES[one] for one in offered)
        raise Problem(406, f"Accept: got {shown(accept)}, want one of {types}")
    return best


def _quality(accept: str, media_type: str) -> float:
    """The quality of the most specific range in ``accept`` (RFC 9110, 12.5.1) that matches, 0 for none."""
    kind = media_type.split("/")[0]
    found: tuple[int, float] = (-1, 0.0)
    for part in accept.split(","):
        range_, *parameters = (p.strip().lower() for p in part.split(";"))
        rank = {"*/*": 0, f"{kind}/*": 1, media_type: 2}.get(range_, -1)
        if rank > found[0]:
            found = (rank, _weight(parameters))
    return found[1]


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                return 0.0
    return 1.0
