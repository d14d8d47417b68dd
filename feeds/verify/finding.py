"""What a verification tells: findings (what does not hold), notes (what was not checked), what holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

MOST: Final = 1_000
"""Findings told one by one; the rest is counted."""


class VerifyError(Exception):
    """It can't be verified at all: not there, not readable, not an export. One line."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold, and where: the log's number, the place in it, or the device's report."""

    check: str
    says: str
    log: int | None = None
    place: int | None = None
    device: str | None = None
    boot: str | None = None
    seq: int | None = None

    def line(self) -> str:
        """In one line."""
        where = []
        if self.log is not None:
            where.append(f"log {self.log}" + ("" if self.place is None else f" entry {self.place}"))
        if self.device is not None:
            numbers = "" if self.seq is None else f" seq {self.seq}"
            where.append(
                f"device {self.device}" + ("" if self.boot is None else f" boot {self.boot}") + numbers
            )
        return f"FAILS {self.check}: {', '.join(where)}{': ' if where else ''}{self.says}"


@dataclass(slots=True)
class Result:
    """Findings in order, notes, and lines of what holds."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    left_out: int = 0

    def add(self, *findings: Finding) -> None:
        """Take findings; above MOST they are only counted."""
        room = max(0, MOST - len(self.findings))
        self.findings += findings[:room]
        self.left_out += len(findings) - len(findings[:room])

    @property
    def code(self) -> int:
        """The exit code: 0 all holds, 1 something does not."""
        return 1 if self.findings else 0

    def lines(self) -> Iterator[str]:
        """What a person reads."""
        if self.findings:
            yield from (one.line() for one in self.findings)
            if self.left_out:
                yield f"FAILS: {self.left_out:,} more"
            if self.holds:
                yield f"Holds: {'; '.join(self.holds)}."
        else:
            yield f"All holds: {'; '.join(self.holds)}."
        yield from (f"Note: {one}" for one in self.notes)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "ok": not self.findings,
            "findings": [asdict(one) for one in self.findings],
            "more": self.left_out,
            "holds": self.holds,
            "notes": self.notes,
        }
