"""The shipped tables of countries and makers, read from this package: an edge, for those who show them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from streams.identity.makers import Makers, tables


@cache
def shipped() -> Makers:
    """The tables of this folder; makers of heavy vehicles stand before the general list."""
    names = ("countries.csv", "makers.csv", "makers-vininfo.csv")
    return tables(*((files(__package__) / name).read_text("utf-8") for name in names))
