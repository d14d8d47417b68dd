"""What docs/regimes.md shows is legal, and names every word that a regime may use."""

from __future__ import annotations

import re
from pathlib import Path

from streams.clearance.regime import RegimeBook, parse
from streams.clearance.words import CONDITIONS, MESSAGE_EVENTS
from streams.regimes import shipped

PAGE = (Path(__file__).parents[4] / "docs" / "regimes.md").read_text(encoding="utf-8")


def test_the_text_shown_is_a_regime() -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    regime = parse(text, "docs/regimes.md")
    assert regime.release.automatic
    assert regime.permit is not None
    assert regime.deadlines[0].needs == "document:carnet"


def test_every_word_and_every_shipped_regime_is_named() -> None:
    book = RegimeBook()
    for text in shipped():
        book.put(text)
    for name in (*CONDITIONS, *MESSAGE_EVENTS, *(regime.id for regime in book.all())):
        assert f"`{name}`" in PAGE
