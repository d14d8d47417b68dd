"""An export of a small house, made once a module; tests copy it before they change it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from feeds.records.export import export
from tests.unit.feeds.records.conftest import house
from tests.unit.feeds.records.house import FLEET, OTHER, T0, grant, opened

__all__ = ["exported", "house"]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("house")
    with opened(root) as made:
        made.report(FLEET, count=6)
        made.report(OTHER, count=2)
        made.report(FLEET, number=1, count=4, log=1)
        made.crossing(FLEET)
        made.seal()
        export(made.source, grant(), root / "export", T0)
        yield root / "export"
