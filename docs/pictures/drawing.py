"""Draws what the engine made of a drive: the road as bands over time, brackets as bars, maps in metres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import shapely
from matplotlib.axes import Axes
from matplotlib.patches import Polygon as Patch

import geofences
from docs.pictures.drives import GATE, metres, spans
from geofences.zone import Zone, ZoneKind
from streams.engine.quality import STOPS

CN, LA, PORT, INK, BAR, RED = "#f6dcd3", "#d8e6f3", "#b9a5cf", "#22303c", "#e08a1e", "#c22f2f"
_LABELS: Final = {
    "approach": "approach entered",
    "exit_port": "exit port entered",
    "exit_port_left": "exit port left",
    "line": "line crossed",
    "entry_port": "entry port entered",
    "leave": "gate left",
}


@cache
def zones() -> dict[str, Zone]:
    """The two countries and the gate's zones."""
    shipped = geofences.world()[0]
    return {z.id: z for z in shipped if z.gate == GATE or z.id in ("country-cn", "country-la")}


def _believed(picture: Mapping[str, Any]) -> tuple[list[list[int]], list[list[int]]]:
    fixes = picture["fixes"]
    return [f for f in fixes if not f[4] & STOPS], [f for f in fixes if f[4] & STOPS]


def plain(axes: Axes) -> None:
    """No box around the axes."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=3, colors=INK)


def patch(axes: Axes, zone: shapely.Geometry, colour: str, box: tuple[float, float, float, float]) -> None:
    """A zone on a map in metres along and beside the road, as far as it lies in the box."""
    near = shapely.clip_by_rect(zone, 101.4, 21.0, 102.0, 21.4)
    plane = shapely.transform(near, lambda xy: [metres(*place) for place in xy.tolist()])
    clipped = shapely.clip_by_rect(plane, *box)
    for part in getattr(clipped, "geoms", [clipped]):
        if not part.is_empty:
            ring = [(round(x, 1), round(y, 1)) for x, y in part.exterior.coords]
            axes.add_patch(Patch(ring, facecolor=colour, lw=0.6, edgecolor="#8a97a3"))


def gate_map(axes: Axes, picture: Mapping[str, Any], x: tuple[float, float], half: float) -> None:
    """The gate from above, the road from left to right, and the fixes."""
    box = (x[0] - 20, -half - 20, x[1] + 20, half + 20)
    for id_, colour in (("country-cn", CN), ("country-la", LA)):
        patch(axes, zones()[id_].geometry, colour, box)
    for zone in zones().values():
        if zone.kind is ZoneKind.PORT:
            patch(axes, zone.geometry, PORT, box)
    dots(axes, picture, x)
    axes.set(xlim=x, ylim=(-half, half), aspect="equal", yticks=[])
    plain(axes)


def dots(axes: Axes, picture: Mapping[str, Any], x: tuple[float, float] = (-9_000, 9_000)) -> None:
    """Fixes on a map: believed ones filled, the others hollow."""
    good, bad = ([metres(f[1] * 1e-7, f[2] * 1e-7) for f in fixes] for fixes in _believed(picture))
    good = [p for p in good if x[0] <= p[0] <= x[1]]
    axes.plot([p[0] for p in good], [p[1] for p in good], ".", color=INK, ms=4)
    axes.plot([p[0] for p in bad], [p[1] for p in bad], "o", mfc="none", mec=RED, ms=7)


def over_time(axes: Axes, picture: Mapping[str, Any], y: tuple[float, float], unit: float = 60) -> None:
    """Metres along the road over time, the zones as bands."""
    for id_, colour in (("country-cn", CN), ("country-la", LA)):
        for low, high in spans(zones()[id_]):
            axes.axhspan(low, high, color=colour, lw=0)
    for zone in zones().values():
        if zone.kind is ZoneKind.PORT:
            for low, high in spans(zone):
                axes.axhspan(low, high, color=PORT, lw=0, alpha=0.6)
                middle = (low + high) / 2
                if y[0] < middle < y[1]:
                    name = f"port, {zone.side} side"
                    axes.text(
                        0.997,
                        middle - 0.06 * (y[1] - y[0]),
                        name,
                        transform=axes.get_yaxis_transform(),
                        **_NOTE,
                    )
    good, bad = _believed(picture)
    for fixes, look in ((good, {"color": INK, "marker": ".", "ms": 4, "lw": 0.6}), (bad, _HOLLOW)):
        at = [(f[0] / 1000 / unit, metres(f[1] * 1e-7, f[2] * 1e-7)[0]) for f in fixes]
        seen = [place for place in at if 2 * y[0] - y[1] < place[1] < 2 * y[1] - y[0]]
        axes.plot([t for t, _ in seen], [m for _, m in seen], **look)
    axes.set(ylim=y, ylabel="metres behind the border")
    plain(axes)


def note(axes: Axes, y: float, text: str) -> None:
    """A word at the right end of a band."""
    axes.text(0.997, y, text, transform=axes.get_yaxis_transform(), **_NOTE)


_NOTE: Final[dict[str, Any]] = {"ha": "right", "va": "center", "fontsize": 8, "color": INK}
_HOLLOW: Final[dict[str, Any]] = {"marker": "o", "mfc": "none", "mec": RED, "ms": 7, "ls": "none"}


def stages(axes: Axes, crossing: Mapping[str, Any], unit: float = 60) -> None:
    """A bar for each stage that is known, from its earliest to its latest, the estimate as a diamond."""
    known = [(_LABELS[name], b) for name, b in crossing["stages"].items() if b is not None]
    bars(axes, known, unit)


def bars(axes: Axes, rows: Sequence[tuple[str, Mapping[str, Any]]], unit: float = 60) -> None:
    """Brackets as bars under each other."""
    for at, (_, bracket) in enumerate(rows):
        low, mid, high = (bracket[f"{name}_ms"] for name in ("earliest", "estimate", "latest"))
        if low is not None:
            width = (high - low) / 1000 / unit
            axes.barh(at, width, left=low / 1000 / unit, height=0.55, color=BAR, alpha=0.55)
        axes.plot(mid / 1000 / unit, at, "D", color=INK, ms=5)
    axes.set(yticks=range(len(rows)), ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticklabels([label for label, _ in rows])
    axes.grid(axis="x", lw=0.4, color="#c9d1d8")
    axes.set_axisbelow(True)
    plain(axes)


def stays(axes: Axes, rows: Iterable[tuple[str, Sequence[Mapping[str, Any]]]], end_s: float) -> None:
    """Visits as bars from the estimate of entering to that of leaving, open ones to the end."""
    labels = []
    for at, (label, visits) in enumerate(rows):
        labels.append(label)
        for visit in visits:
            begin = visit["enter"]["estimate_ms"] / 60_000
            leave = visit["leave"]
            end = end_s / 60 if leave is None else leave["estimate_ms"] / 60_000
            axes.barh(at, end - begin, left=begin, height=0.5, color=PORT, edgecolor=INK, lw=0.6)
    axes.set(yticks=range(len(labels)), ylim=(len(labels) - 0.4, -0.6))
    axes.set_yticklabels(labels)
    plain(axes)


def of_kind(picture: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The objects of a kind."""
    return [one for one in picture["objects"] if one["kind"] == kind]


def visits(picture: Mapping[str, Any], zone: str) -> list[dict[str, Any]]:
    """The visits of a zone."""
    return [one for one in of_kind(picture, "visit") if one["zone"] == zone]
