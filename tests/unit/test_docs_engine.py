"""The pages about crossings and the engine: pictures from the engine's numbers, constants from the code."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from docs.pictures.scenes import SCENES
from streams.engine import Rules
from streams.engine.quality import STOPS, Flag

DOCS = Path(__file__).parents[2] / "docs"
CROSSINGS = (DOCS / "crossings.md").read_text("utf-8")
ENGINE = (DOCS / "engine.md").read_text("utf-8")
FOLDER = DOCS / "pictures" / "crossings"
NUMBERS = json.loads((FOLDER / "crossings.json").read_text("utf-8"))
STAGES = {
    "approach": "approach entered",
    "exit_port": "exit port entered",
    "exit_port_left": "exit port left",
    "line": "line crossed",
    "entry_port": "entry port entered",
    "leave": "gate left",
}


def crossing(picture: dict[str, Any]) -> dict[str, Any]:
    """The one crossing of a picture."""
    (one,) = [one for one in picture["objects"] if one["kind"] == "crossing"]
    return dict(one)


def visits(picture: dict[str, Any], zone: str) -> list[dict[str, Any]]:
    """The visits of a zone, in order."""
    return [one for one in picture["objects"] if one.get("zone") == zone]


def clock(ms: int) -> str:
    """Minutes and seconds."""
    return f"{round(ms / 1000) // 60}:{round(ms / 1000) % 60:02}"


@pytest.mark.parametrize("name", SCENES)
def test_the_engine_says_what_the_pictures_show(name: str) -> None:
    assert json.loads(json.dumps(SCENES[name]())) == NUMBERS[name]


def test_every_drive_has_a_picture_that_the_page_shows() -> None:
    shown = set(re.findall(r"!\[[^\]]+\]\(pictures/crossings/(\w+)\.svg\)", CROSSINGS))
    assert shown == {path.stem for path in FOLDER.glob("*.svg")} == set(SCENES) == set(NUMBERS)


@pytest.mark.parametrize("name", SCENES)
def test_pictures_are_small_white_and_without_a_date(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text("utf-8")
    assert len(text) < 60_000
    assert "fill: #ffffff" in text
    assert "<dc:date>" not in text


def test_pictures_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from docs.pictures import draw_crossings

    draw_crossings.draw(NUMBERS, tmp_path)
    assert {path.stem for path in tmp_path.glob("*.svg")} == set(SCENES)


def test_the_table_of_the_backlog_is_the_engines() -> None:
    before, after = (crossing(NUMBERS["late"][when]) for when in ("before", "after"))
    assert before["id"] == after["id"]
    assert f"before at revision {before['revision']}, after at revision {after['revision']}" in CROSSINGS
    for name, label in STAGES.items():
        cells = [label]
        for one in (before, after):
            bracket = one["stages"][name]
            low, mid, high = (bracket and bracket[f"{n}_ms"] for n in ("earliest", "estimate", "latest"))
            cells += ["", ""] if bracket is None else [f"{clock(low)} - {clock(high)}", clock(mid)]
        row = "| " + " | ".join(cells) + " |"
        assert re.sub(r" +", " ", row) in CROSSINGS, row


def test_late_data_only_narrows_the_bounds_of_the_picture() -> None:
    before, after = (crossing(NUMBERS["late"][when])["stages"] for when in ("before", "after"))
    for name, wide in before.items():
        if wide is not None:
            assert wide["earliest_ms"] <= after[name]["earliest_ms"] < after[name]["latest_ms"]
            assert after[name]["latest_ms"] <= wide["latest_ms"]


def test_what_the_page_says_of_the_other_pictures() -> None:
    thrown = [fix[0] for fix in NUMBERS["crossing"]["fixes"] if fix[4]]
    assert len(thrown) == 1
    assert thrown[0] // 60_000 == 17
    assert crossing(NUMBERS["bracket"])["stages"]["exit_port"]["estimate_ms"] == pytest.approx(7_100, abs=50)
    sure, possible, less = (visits(NUMBERS["cut"][gap], "plaza")[0] for gap in ("15 s", "60 s", "180 s"))
    assert (sure["how"], sure["confidence_permille"]) == ("cut", 1000)
    assert possible["how"] == less["how"] == "possible"
    for visit in (possible, less):
        assert f"{visit['confidence_permille'] / 10:g} %" in CROSSINGS
    assert len(visits(NUMBERS["jitter"], "mohan-boten-cn-port")) == 2
    back = crossing(NUMBERS["u_turn"])
    assert (back["state"], back["stages"]["line"]) == ("turned_back", None)
    assert crossing(NUMBERS["off_gate"]["over"])["state"] == "off_gate"
    assert not [one for one in NUMBERS["off_gate"]["noise"]["objects"] if one["kind"] == "crossing"]


def test_the_line_of_no_mans_land_is_as_wide_as_the_wait() -> None:
    line = crossing(NUMBERS["no_mans_land"])["stages"]["line"]
    assert line["latest_ms"] - line["earliest_ms"] > 20 * 60_000


def test_constants_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\| `([a-z_]+)` \| ([\d,]+) \|", ENGINE, re.MULTILINE))
    assert told == {field.name: f"{getattr(Rules(), field.name):,}" for field in fields(Rules)}


def test_flags_are_those_of_the_code() -> None:
    told = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (.*) \|$", ENGINE, re.MULTILINE)
    assert {name: int(bit) for name, bit, _ in told} == {flag.name: flag.value for flag in Flag}
    advice = {name for name, _, words in told if "advice" in words}
    assert advice == {flag.name for flag in Flag if not flag & STOPS}
