"""Two charts as inline SVG: bars over a scale of time with the benchmark, and lying bars with names.

Every number that a bar shows stands beside it as text, so a chart is readable in print and by ear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDE, _HIGH, _FOOT = 900, 240, 34


def histogram(distribution: Mapping[str, Any], benchmark_s: int) -> str:
    """Counts of cases by clearance time; ``distribution`` as ``report.distribution`` gives it."""
    counts, width_s = distribution["counts"], distribution["width_s"]
    tallest, step = max([*counts, 1]), _WIDE / len(counts)
    parts = []
    for at, count in enumerate(counts):
        high = (_HIGH - 30) * count / tallest
        x, y = at * step, _HIGH - high
        colour = "var(--good)" if (at + 1) * width_s <= benchmark_s else "var(--bar)"
        if at * width_s >= benchmark_s:
            colour = "var(--bad)"
        if count:
            parts.append(
                f'<rect x="{x + 2:.1f}" y="{y:.1f}" width="{step - 4:.1f}" height="{high:.1f}"'
                f' fill="{colour}"/>'
                f'<text x="{x + step / 2:.1f}" y="{y - 5:.1f}" text-anchor="middle">{count}</text>'
            )
        if at % max(1, len(counts) // 12) == 0:
            parts.append(
                f'<text x="{x:.1f}" y="{_HIGH + 16}" text-anchor="middle">{_scale(at * width_s)}</text>'
            )
    mark = benchmark_s / width_s * step
    parts.append(
        f'<line x1="{mark:.1f}" y1="8" x2="{mark:.1f}" y2="{_HIGH}" stroke="var(--ink)"'
        ' stroke-dasharray="4 3"/>'
        f'<text x="{mark + 4:.1f}" y="16">{benchmark_s / 3600:g} h</text>'
    )
    said = "Cases by clearance time" + (
        ", the last bar takes all longer ones" if distribution["more"] else ""
    )
    return _svg(said, _HIGH + _FOOT, parts, left=20)


def bars(rows: Sequence[tuple[str, float, str]], unit: str) -> str:
    """Lying bars: (name, value, note) each."""
    longest, parts = max([value for _, value, _ in rows] + [1e-9]), []
    for at, (name, value, note) in enumerate(rows):
        y = 34 * at
        parts.append(
            f'<text x="0" y="{y + 18}">{escape(name)}</text>'
            f'<rect x="290" y="{y + 6}" width="{max(1.0, 280 * value / longest):.1f}" height="16"'
            ' fill="var(--bar)"/>'
            f'<text x="580" y="{y + 18}">{value:.2f} {escape(unit)} · {escape(note)}</text>'
        )
    return _svg("Hours lost by stage", 34 * len(rows), parts)


def _svg(title: str, high: float, parts: Sequence[str], left: int = 0) -> str:
    box = f"{-left} 0 {_WIDE + 2 * left} {high}"
    return f'<svg viewBox="{box}" role="img"><title>{escape(title)}</title>{"".join(parts)}</svg>'


def _scale(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    if not hours:
        return f"{minutes} min" if minutes else "0"
    return f"{hours}:{minutes:02} h" if minutes else f"{hours} h"
