"""What an import says of a file, feature by feature: what was refused, repaired, or looks odd."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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

    def __str__(self) -> str:
        return f"{self.file}: {self.severity}: {self.message}"
