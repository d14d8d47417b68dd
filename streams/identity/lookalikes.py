"""Characters that people and readers take for one another, in stamped, printed and typed numbers.

Nothing here repairs a number: it ranks what may have been meant. The pairs are those of print and of
stamping; Cyrillic capitals that look like Latin ones come from papers typed on a Russian keyboard.
"""

from __future__ import annotations

from typing import Final

MEANT: Final = {"I": "1", "O": "0", "Q": "0"}  # letters that no VIN has, and the digits they are taken for
CYRILLIC: Final = dict(zip("АВЕКМНОРСТУХ", "ABEKMH0PCTYX", strict=True))

_PAIRS: Final = (
    *("0D", "0O", "0Q", "1I", "1L", "17", "1T", "2Z", "38", "3B", "4A", "5S", "56", "6G", "6B", "7T", "7Z"),
    *("8B", "9G", "CG", "DO", "EF", "FP", "HN", "IL", "KX", "MN", "OQ", "PR", "UV", "VY", "VW", "XY"),
)
_ALIKE: Final = frozenset((p[i], p[1 - i]) for p in _PAIRS for i in (0, 1)) | frozenset(
    pair for c, latin in CYRILLIC.items() for pair in ((c, latin), (latin, c))
)


def alike(a: str, b: str) -> bool:
    """Whether two different characters are easily taken for one another. Symmetric."""
    return (a, b) in _ALIKE


def meant(character: str) -> str | None:
    """The legal VIN character that an illegal one is usually taken for; None when there is none."""
    return MEANT.get(character) or CYRILLIC.get(character)
