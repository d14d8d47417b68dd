"""A house of two trucks of a fleet and one of somebody else, with what they sent in signed logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.feeds.records.house import FLEET, OTHER, House, opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as made:
        made.report(FLEET, count=3)
        made.report(OTHER, count=2)
        made.report(FLEET, number=1, count=2, log=1)
        made.crossing(FLEET)
        made.crossing(OTHER)
        made.seal()
        yield made
