"""Writes clearance-chart.md from the chart's table: ``python -m docs.pictures.draw_clearance_chart``.

A test makes the text anew and compares, so the document can't differ from what decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streams.clearance.chart import tables

PAGE: Final = Path(__file__).parents[1] / "clearance-chart.md"
_HEAD: Final = """\
# The state chart of a clearance case

Made by `python -m docs.pictures.draw_clearance_chart` from the table in
[chart.py](../streams/clearance/chart.py), which is what decides. What a regime adds to it is in
[regimes](regimes.md).

A case stands at the furthest stage that its evidence reaches. A stage that was not seen although a later one
was is kept as a step marked `inferred`: nothing is skipped in silence. A release and the clearing are never
passed over. Evidence that is retracted leads back, and the next revision of the case shows that.

## Picture

"""


def text() -> str:
    """The whole document."""
    return _HEAD + tables()


def main() -> None:
    """Write it."""
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
