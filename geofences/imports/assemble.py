"""From drafts to zones: the sound ones by whole columns, the others one by one, each with a word on why.

Whether a file has latitude before longitude is decided for the file as a whole: one that fits as it is
stays, one of which some features only fit swapped while all of them would is swapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geofences.errors import GeometryRefusedError
from geofences.imports.draft import Draft, Options
from geofences.imports.findings import Finding, Severity
from geofences.imports.mend import MAX_POSITIONS, mend, untangled
from geofences.imports.naming import Namer
from geofences.imports.order import NORTH, SOUTH, fits, flipped, roadless
from geofences.rings import all_at_once
from geofences.zone import Zone

Geometries: TypeAlias = NDArray[np.object_]

MAX_KM2: Final = 10_000_000.0
_SMALL_KM2: Final = 1e-4
_CHUNK: Final = 4_096
_RAD: Final = np.pi / 180
_RADIUS_KM: Final = 6371.0072  # of the sphere that has the earth's area


@dataclass(slots=True)
class _Book:
    """Findings as they come, and which drafts are lost."""

    file: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, severity: Severity, number: int | None, message: str) -> None:
        self.findings.append(Finding(severity, self.file, number, message))


def assemble(
    drafts: Sequence[Draft], file: str, options: Options
) -> tuple[tuple[Zone, ...], tuple[Finding, ...]]:
    """The zones of the drafts that are sound or could be mended, in their order, and all findings."""
    book = _Book(file)
    shapes = _shapes(drafts, book)
    _refuse_roadless(drafts, shapes, book)
    _refuse_odd_sizes(drafts, shapes, book)
    namer = Namer(options, file)
    zones: list[Zone] = []
    for draft, shape in zip(drafts, shapes.tolist(), strict=True):
        if shape is None:
            continue
        try:
            zone, said = namer.zone(draft, shape)
        except GeometryRefusedError as error:
            book.add(Severity.ERROR, draft.number, str(error))
            continue
        for message in said:
            book.add(Severity.REPAIRED, draft.number, message)
        zones.append(zone)
    first = [f for f in book.findings if f.feature is None]
    rest = sorted((f for f in book.findings if f.feature is not None), key=lambda f: f.feature or 0)
    return tuple(zones), (*first, *rest)


def _shapes(drafts: Sequence[Draft], book: _Book) -> Geometries:
    """One polygon a draft, None where it was refused."""
    shapes, odd = _quick(drafts)
    first = _first_swapped(drafts, shapes, odd)
    if first is not None:
        why = f"latitude stands before longitude: {first.label} fits only swapped, all others would as well"
        book.add(Severity.REPAIRED, None, f"{why}: swapped throughout")
        for draft in drafts:
            if not isinstance(draft.geometry, BaseGeometry):
                draft.geometry = flipped(draft.geometry)
        shapes, odd = _quick(drafts)
    for n in odd:
        _mend(drafts[n], n, shapes, book)
    held = np.nonzero(shapely.is_geometry(shapes))[0]
    sound = shapely.is_valid(shapes[held]) & (shapely.area(shapes[held]) > 0)
    for n in held[~sound].tolist():
        _mend(drafts[n], n, shapes, book)
    return shapes


def _quick(drafts: Sequence[Draft]) -> tuple[Geometries, list[int]]:
    """Polygons by whole columns, and the numbers of those that must be looked at alone."""
    shapes = np.empty(len(drafts), dtype=object)
    odd: list[int] = []
    rest: list[int] = []
    for n, draft in enumerate(drafts):
        if isinstance(draft.geometry, BaseGeometry):
            shapes[n] = draft.geometry
        else:
            rest.append(n)
    for start in range(0, len(rest), _CHUNK):
        _fill(drafts, rest[start : start + _CHUNK], shapes, odd)
    return shapes, odd


def _fill(drafts: Sequence[Draft], places: list[int], shapes: Geometries, odd: list[int]) -> None:
    """Fill ``shapes`` at ``places``: all at once, or halved until only what is odd is left."""
    geometries: list[Any] = [drafts[n].geometry for n in places]
    quick = all_at_once(geometries)
    if quick is not None and bool((shapely.get_num_coordinates(quick) <= MAX_POSITIONS).all()):
        shapes[places] = quick
    elif len(places) == 1:
        odd += places
    else:
        middle = len(places) // 2
        _fill(drafts, places[:middle], shapes, odd)
        _fill(drafts, places[middle:], shapes, odd)


def _first_swapped(drafts: Sequence[Draft], shapes: Geometries, odd: list[int]) -> Draft | None:
    """The first draft that fits only with latitude and longitude swapped, if the whole file would."""
    held = np.nonzero(shapely.is_geometry(shapes))[0]
    west, south, east, north = shapely.bounds(shapes[held]).T
    doubtful = (north > NORTH) | (south < SOUTH)
    if bool(((west < SOUTH) | (east > NORTH))[~doubtful].any()):
        return None
    first = None
    for n in sorted([*held[doubtful].tolist(), *odd]):
        verdict = fits(drafts[n].geometry)
        if verdict is not None and not verdict[1]:
            return None
        if verdict is not None and not verdict[0]:
            first = first or drafts[n]
    return first


def _mend(draft: Draft, place: int, shapes: Geometries, book: _Book) -> None:
    said: list[str] = []
    try:
        if isinstance(draft.geometry, BaseGeometry):
            shapes[place] = untangled(draft.geometry, draft.label, said)
        else:
            shapes[place], said = mend(draft.geometry, draft.label)
    except GeometryRefusedError as error:
        shapes[place] = None
        book.add(Severity.ERROR, draft.number, str(error))
    for message in said:
        book.add(Severity.REPAIRED, draft.number, message)


def _refuse_roadless(drafts: Sequence[Draft], shapes: Geometries, book: _Book) -> None:
    held = np.nonzero(shapely.is_geometry(shapes))[0]
    _, south, _, north = shapely.bounds(shapes[held]).T
    for n in held[(north > NORTH) | (south < SOUTH)].tolist():
        shapes[n] = None
        message = f"{drafts[n].label}: {roadless(drafts[n].geometry)}: are lon and lat swapped?"
        book.add(Severity.ERROR, drafts[n].number, message)


def _refuse_odd_sizes(drafts: Sequence[Draft], shapes: Geometries, book: _Book) -> None:
    """Leave out what no zone can be: larger than Europe; say so of what is smaller than a truck."""
    held = np.nonzero(shapely.is_geometry(shapes))[0]
    if not len(held):
        return
    areas = _km2(shapes[held])
    for n, km2 in zip(held[areas > MAX_KM2].tolist(), areas[areas > MAX_KM2].tolist(), strict=True):
        shapes[n] = None
        message = f"{drafts[n].label}: enormous: got {km2:,.0f} km2, want at most {MAX_KM2:,.0f}"
        book.add(Severity.ERROR, drafts[n].number, message)
    small = areas < _SMALL_KM2
    for n, km2 in zip(held[small].tolist(), areas[small].tolist(), strict=True):
        message = f"{drafts[n].label}: got {km2 * 1e6:.1f} m2, which is smaller than a truck's surroundings"
        book.add(Severity.WARNING, drafts[n].number, message)


def _km2(column: Geometries) -> NDArray[np.float64]:
    """Areas: of zones up to a degree wide from their degrees, to some percent; of others on the sphere."""
    west, south, east, north = shapely.bounds(column).T
    scale = np.cos((south + north) / 2 * _RAD) * (_RADIUS_KM * _RAD) ** 2
    areas = np.asarray(shapely.area(column) * scale)
    wide = (east - west > 1) | (north - south > 1)
    if wide.any():
        areas[wide] = _on_the_sphere(column[wide])
    return areas


def _on_the_sphere(column: Geometries) -> NDArray[np.float64]:
    """Degrees of longitude and sines of latitude keep area."""
    flat = shapely.transform(column, lambda at: np.stack([at[:, 0] * _RAD, np.sin(at[:, 1] * _RAD)], axis=1))
    return np.asarray(shapely.area(flat) * _RADIUS_KM**2)
