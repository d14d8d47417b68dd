"""Names as tags and field keys of InfluxDB, so that every name can be told and read back.

Line protocol has no way to write a backslash before a separator, a line end or an empty tag. Such characters
are written as ``%`` and two hex digits (``%`` itself as ``%25``), an empty name as ``%``; the names that
devices and people choose have none of them and stay as they are.
"""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

EXTRA: Final = "x_"
"""What the field of an extra begins with: it can't be taken for a column's."""

_ODD: Final = r"[%\\\x00-\x1f\x7f]"
_FIND_ODD: Final = re.compile(_ODD)
_CODED: Final = re.compile(r"%([0-9A-F]{2})")


def coded(text: str) -> str:
    """``text`` as it is kept in InfluxDB."""
    return _FIND_ODD.sub(lambda found: f"%{ord(found[0]):02X}", text) or "%"


def plain(text: str) -> str:
    """What ``coded`` has made, back again."""
    return "" if text == "%" else _CODED.sub(lambda found: chr(int(found[1], 16)), text)


def escaped(names: pa.Array) -> pa.Array:
    """``names`` (strings) coded, and with the separators of line protocol escaped."""
    odd = pc.or_(pc.match_substring_regex(names, _ODD), pc.equal(names, ""))
    if pc.any(odd).as_py():  # only names that nobody chooses come here
        names = pa.array([coded(name) for name in names.to_pylist()], pa.string())
    for separator in (",", "=", " "):
        names = pc.replace_substring(names, separator, "\\" + separator)
    return names
