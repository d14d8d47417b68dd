"""The example of a settings file is one that can be used."""

from __future__ import annotations

from pathlib import Path

from corridor.settings import load
from tests.unit.deploy.files import ROOT


def test_the_example_is_accepted_as_it_stands() -> None:
    settings = load({}, ROOT / "corridor.distributed.toml")
    assert (settings.partitions, settings.replication) == (16, 3)
    assert settings.shared_dir == Path("/shared")
    assert settings.gateway_group == "corridor"
