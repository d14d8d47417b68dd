"""Makes the pictures of crossings.md from what the engine says: ``python -m docs.pictures.draw_crossings``.

The numbers behind them go into ``crossings/crossings.json``; a test makes them anew and compares. Needs
matplotlib, which the development environment has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any, Final, Literal

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.patches import Polygon as Patch

from docs.pictures import drawing as d
from docs.pictures.drives import area, metres, spans
from docs.pictures.scenes import SCENES

FOLDER: Final = Path(__file__).parent / "crossings"
NUMBERS: Final = FOLDER / "crossings.json"
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "corridor",
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": d.INK,
    "axes.labelcolor": d.INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}


def crossing(p: Mapping[str, Any]) -> Figure:
    """The gate from above, the road over time, and the stages."""
    figure = Figure(figsize=(8.6, 7.2), layout="constrained")
    above, middle, below = figure.subplots(3, 1, height_ratios=[1.2, 2.2, 1.7])
    d.gate_map(above, p, (-1_500, 2_500), 420)
    above.set_title(
        "from above: dots are believed fixes, the ring is one that is not (metres behind the border)"
    )
    for text, x, y in (("China", -1_250, -340), ("neither", 90, -340), ("Laos", 1_900, -340)):
        above.text(x, y, text, fontsize=8)
    d.over_time(middle, p, (-1_500, 2_500))
    d.stages(below, d.of_kind(p, "crossing")[0])
    below.set_title("the crossing's stages: bar from earliest to latest, diamond at the estimate")
    for axes in (middle, below):
        axes.set_xlim(0, 57)
    below.set_xlabel("minutes")
    return figure


def bracket(p: Mapping[str, Any]) -> Figure:
    """One step over a fence: even speed against the speeds at both ends."""
    figure = Figure(figsize=(8.6, 3.6), layout="constrained")
    axes = figure.subplots()
    d.over_time(axes, p, (-1_060, -770), unit=1)
    enter = d.of_kind(p, "crossing")[0]["stages"]["exit_port"]
    v0, v1, begin, way = 60 / 3.6, 10 / 3.6, -1_000.0, 194.0
    tau = np.linspace(0, 1, 30)
    axes.plot(tau * 20, begin + way * (v0 * tau + (v1 - v0) * tau**2 / 2) / ((v0 + v1) / 2), color=d.BAR)
    low, mid, high = (enter[f"{n}_ms"] / 1000 for n in ("earliest", "estimate", "latest"))
    fence = metres(enter["lon_e7"] * 1e-7, enter["lat_e7"] * 1e-7)[0]
    axes.axvspan(low, high, color=d.BAR, alpha=0.15, lw=0)
    axes.plot(mid, fence, "D", color=d.INK, ms=7)
    even = (fence - begin) / way * 20
    axes.plot(even, fence, "D", mfc="none", mec=d.INK, ms=7)
    notes: list[tuple[str, float, float, Literal["left", "right"]]] = [
        ("earliest: last fix outside,\n60 km/h", low - 0.3, -990, "right"),
        ("latest: first fix inside,\n10 km/h", high + 0.3, -835, "left"),
        (f"estimate, {mid:.1f} s: the speeds at both ends", mid - 0.4, fence + 20, "right"),
        ("at an even speed it would be here", even + 0.5, fence - 16, "left"),
    ]
    for text, x, y, side in notes:
        axes.text(x, y, text, ha=side, fontsize=8)
    axes.set(xlim=(-12, 32), xlabel="seconds")
    return figure


def late(p: Mapping[str, Any]) -> Figure:
    """The same crossing before and after the backlog."""
    figure = Figure(figsize=(8.6, 4.8), layout="constrained")
    pair = figure.subplots(2, 1, height_ratios=[5, 6], sharex=True)
    for axes, when in zip(pair, ("before", "after"), strict=True):
        one = d.of_kind(p[when], "crossing")[0]
        d.stages(axes, one)
        count = len(p[when]["fixes"])
        axes.set_title(f"{when} the backlog: {count} fixes, revision {one['revision']}, {one['state']}")
        seen = [fix[0] / 60_000 for fix in p[when]["fixes"]]
        axes.plot(seen, [len(axes.get_yticks()) - 0.5] * count, "|", color=d.INK, ms=6, clip_on=False)
    pair[1].set(xlim=(0, 57), xlabel="minutes; strokes above the axis are fixes")
    return figure


def cut(p: Mapping[str, Any]) -> Figure:
    """Where the truck may have been between two fixes, and whether that leads round the zone."""
    figure = Figure(figsize=(8.6, 3.6), layout="constrained")
    plaza = area((2_900, 3_100), (-250, 250))
    for axes, (gap, one) in zip(figure.subplots(1, 3), p.items(), strict=True):
        visit = d.visits(one, "plaza")[0]
        ends = [visit["enter"][f"{name}_ms"] for name in ("earliest", "latest")]
        fixes = [metres(f[1] * 1e-7, f[2] * 1e-7) for f in one["fixes"] if f[0] in ends]
        reach, chord = 36 * (ends[1] - ends[0]) / 1000, fixes[1][0] - fixes[0][0]
        aside = sqrt(reach**2 - chord**2)
        axes.add_patch(Ellipse((3_000, 0), reach, aside, facecolor=d.BAR, alpha=0.25))
        axes.add_patch(Patch([metres(*c) for c in plaza.exterior.coords], facecolor=d.PORT, edgecolor=d.INK))
        d.dots(axes, one)
        half = max(reach * 0.55, 420)
        axes.set(xlim=(3_000 - half, 3_000 + half), ylim=(-half, half), aspect="equal", yticks=[])
        axes.set_title(f"{gap} apart: {visit['how']}, {visit['confidence_permille'] / 10:g} %")
        axes.locator_params(axis="x", nbins=4)
        d.plain(axes)
    figure.supxlabel("metres, scales differ; shaded: within reach at 130 km/h between the two fixes", size=9)
    return figure


def jitter(p: Mapping[str, Any]) -> Figure:
    """Fixes that hop over a fence, and the visits that come out."""
    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    d.over_time(above, p, (-1_010, -660))
    end = p["fixes"][-1][0] / 1000
    inside = [f for f in p["fixes"] if metres(f[1] * 1e-7, f[2] * 1e-7)[0] >= -899.5]
    d.stays(below, [("fixes inside", []), ("visits", d.visits(p, "mohan-boten-cn-port"))], end)
    below.plot([f[0] / 60_000 for f in inside], [0] * len(inside), "|", color=d.INK, ms=8)
    for i, visit in enumerate(d.visits(p, "mohan-boten-cn-port"), 1):
        below.text(visit["enter"]["estimate_ms"] / 60_000 + 0.2, 1, f"{i}", va="center", fontsize=8)
    below.set(xlim=(0, end / 60), xlabel="minutes")
    return figure


def u_turn(p: Mapping[str, Any]) -> Figure:
    """In, and back the way it came."""
    figure = Figure(figsize=(8.6, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[2.2, 1.4], sharex=True)
    d.over_time(above, p, (-7_600, 1_500))
    approach = spans(d.zones()["mohan-boten-cn-approach"])[0][0]
    above.axhline(approach, color="#8a97a3", lw=1, ls="--")
    d.note(above, approach + 350, "approach")
    one = d.of_kind(p, "crossing")[0]
    d.stages(below, one)
    below.set(xlabel="minutes", title=f"one crossing {one['direction']}, {one['state']}; line: none")
    return figure


def no_mans_land(p: Mapping[str, Any]) -> Figure:
    """A wait between the outlines of two countries."""
    figure = Figure(figsize=(8.6, 5), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[2, 1.4], sharex=True)
    d.over_time(above, p, (-650, 900))
    above.text(15, 230, "in neither outline", fontsize=8, ha="center")
    end = p["fixes"][-1][0] / 1000
    rows = [(name, d.visits(p, f"country-{code}")) for name, code in (("China", "cn"), ("Laos", "la"))]
    d.stays(below, rows, end)
    line = d.of_kind(p, "crossing")[0]["stages"]["line"]
    low, mid, high = (line[f"{name}_ms"] / 60_000 for name in ("earliest", "estimate", "latest"))
    below.barh(2, high - low, left=low, height=0.5, color=d.BAR, alpha=0.55)
    below.plot(mid, 2, "D", color=d.INK, ms=5)
    below.set(yticks=range(3), ylim=(2.6, -0.6), xlim=(0, end / 60), xlabel="minutes")
    below.set_yticklabels(["stay in China", "stay in Laos", "line crossed"])
    return figure


def off_gate(p: Mapping[str, Any]) -> Figure:
    """Deep in the other country, and noise at the border."""
    figure = Figure(figsize=(8.6, 4.4), layout="constrained")
    titles = {"over": "driven over", "noise": "standing, 3 minutes of noise"}
    china = d.zones()["country-cn"].geometry
    for axes, (name, half) in zip(figure.subplots(1, 2), (("over", 1_100), ("noise", 250)), strict=True):
        one = p[name]
        middle = (101.75, 21.146675)
        east = 111_195 * np.cos(np.radians(middle[1]))

        def plane(xy: Any, east: float = east, middle: tuple[float, float] = middle) -> Any:
            return (xy - list(middle)) * [east, 111_195]

        near = shapely.transform(shapely.clip_by_rect(china, 101.7, 21.1, 101.8, 21.2), plane)
        deep = shapely.clip_by_rect(near.buffer(115), -half, -half, half, half)
        axes.set_facecolor(d.LA)
        for part, colour, style in ((deep, "#e9e4ea", "--"), (near, d.CN, "-")):
            shown = shapely.clip_by_rect(part, -half, -half, half, half)
            for piece in getattr(shown, "geoms", [shown]):
                ring = [(round(x, 1), round(y, 1)) for x, y in piece.exterior.coords]
                axes.add_patch(Patch(ring, facecolor=colour, edgecolor="#6b7986", lw=0.7, ls=style))
        places = np.array([[f[1] * 1e-7, f[2] * 1e-7] for f in one["fixes"]])
        places = plane(places)
        axes.plot(places[:, 0], places[:, 1], ".", color=d.INK, ms=4)
        for crossing_ in d.of_kind(one, "crossing"):
            at = crossing_["stages"]["line"]
            x, y = plane(np.array([at["lon_e7"] * 1e-7, at["lat_e7"] * 1e-7]))
            axes.plot(x, y, "D", color=d.RED, ms=7)
        alarms = len(d.of_kind(one, "crossing"))
        axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
        axes.set_title(f"{titles[name]}: {'off_gate' if alarms else 'nothing'}")
        d.plain(axes)
    figure.supxlabel("metres; above China, below Laos, between them the 115 m that may be noise", size=9)
    return figure


PICTURES: Final[dict[str, Callable[[Mapping[str, Any]], Figure]]] = {
    "crossing": crossing,
    "bracket": bracket,
    "late": late,
    "cut": cut,
    "jitter": jitter,
    "u_turn": u_turn,
    "no_mans_land": no_mans_land,
    "off_gate": off_gate,
}


def numbers() -> dict[str, Any]:
    """What the engine makes of all drives."""
    return {name: scene() for name, scene in SCENES.items()}


def draw(data: Mapping[str, Any], folder: Path) -> None:
    """Write a picture of each drive."""
    with mpl.rc_context(_STYLE):
        for name, picture in PICTURES.items():
            figure = picture(data[name])
            figure.savefig(
                folder / f"{name}.svg", metadata={"Date": None, "Creator": None}, facecolor="white"
            )


def main() -> None:
    """Make numbers and pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    data = numbers()
    lines = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in data.items()]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    draw(data, FOLDER)


if __name__ == "__main__":
    main()
