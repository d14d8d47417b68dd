"""The regimes that ship with the system, as texts."""

from __future__ import annotations

from importlib.resources import files


def shipped() -> list[str]:
    """The texts of the shipped regimes, by file name."""
    folder = files(__name__)
    found = sorted((one.name, one) for one in folder.iterdir() if one.name.endswith(".toml"))
    return [one.read_text(encoding="utf-8") for _, one in found]
