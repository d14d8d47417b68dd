"""What an import says of a file, feature by feature: what was refused, repaired, or looks odd."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_RING: Final = re.compile(r"\bring (\d+)\b")
_POSITION: Final = re.compile(r"\bposition (\d+)\b")


class Severity(StrEnum):
    """An error left its feature out; a repair changed it; a warning changed nothing."""

    ERROR = "error"
    REPAIRED = "repaired"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one feature (its number in the file, from 0), or about the whole file (None).

    ``message`` names the feature, the ring and the position where there is one.
    """

    severity: Severity
    file: str
    feature: int | None
    message: str

    @property
    def ring(self) -> int | None:
        """The ring that the message names."""
        return _number(_RING, self.message)

    @property
    def position(self) -> int | None:
        """The position of the ring that the message names."""
        return _number(_POSITION, self.message)

    def __str__(self) -> str:
        return f"{self.file}: {self.severity}: {self.message}"


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(found.group(1)) if found else None
