"""The quality of samples, as the API tells it and as the documents do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.formats import Format
from api.tracks import in_units, write
from feeds.store.memory import MemoryStore
from streams.engine.quality import STOPS, Flag
from streams.engine.settings import Rules
from tests.unit.feeds.store.frames import Report, at, frame

T0 = 1_795_330_800_000
DOCS = Path(__file__).parents[3] / "docs"
QUALITY = (DOCS / "quality.md").read_text(encoding="utf-8")


def written(format_: Format) -> Any:
    """Four samples, the third a jump, the fourth with wheels that differ; as JSON of a kind."""
    store = MemoryStore()
    samples = [at(T0 + k * 10_000, lon=101 + k / 1000) for k in range(4)]
    samples[2]["lat_e7"] = 0
    samples[3]["speed_ckmh"], samples[3]["wheel_ckmh"] = 9_000, 100
    store.write(0, 1, [frame(Report("a", samples, received_ms=T0 + 30_000))])
    return json.loads(write(in_units(store.track("a", T0, T0 + 60_000, 10)), format_, "a"))


def test_flags_are_numbers_beside_each_sample() -> None:
    assert [row["flags"] for row in written(Format.JSON)["items"]] == [0, 0, Flag.JUMP, Flag.SPEED]
    (feature,) = written(Format.GEOJSON)["features"]
    assert feature["properties"]["flags"] == [0, 0, 128, 256]
    assert len(feature["geometry"]["coordinates"]) == 4


@pytest.mark.parametrize("document", ["quality.md", "http-api.md"])
def test_the_documents_name_every_flag_with_its_bit_and_whether_it_counts(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    rows = {int(bit): (name, line) for line in text.splitlines() for bit, name in bit_and_name(line)}
    assert {bit: name for bit, (name, _) in rows.items()} == {int(flag): flag.name for flag in Flag}
    for bit, (_, line) in rows.items():
        stops = re.search(r"does not count|\| no \|", line) is not None
        assert stops == bool(bit & STOPS), line


def bit_and_name(line: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", line)


def test_the_constants_named_have_the_values_given() -> None:
    given = re.findall(r"\(`([a-z_]+)` ([\d,]+)\)", QUALITY)
    assert len(given) == 4
    for name, value in given:
        assert getattr(Rules(), name) == int(value.replace(",", "")), name
    rules = Rules()
    assert f"{rules.jump_slack_mm // 1000} m (`jump_slack_mm`)" in QUALITY
    assert f"{rules.jump_mm_per_s // 1000} m for each second (`jump_mm_per_s`)" in QUALITY
    assert rules.odometer_slack_mm == 1_000_000
    assert rules.odometer_slack_permille == 200
    assert (rules.jump_agree, rules.jump_believed_ms) == (3, 600_000)
