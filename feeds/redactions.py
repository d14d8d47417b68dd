"""What was redacted and why: a file of JSON lines that grows by one line each time.

It stays with the data, so that whoever makes the data again from a log that still has it takes it out again.
Which kinds of objects go is decided here: those that say where a vehicle was. What an authority's record
needs (assets, bindings, filings, permits, cases, releases) stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from streams.codec import CodecError, dump_json, load_json
from streams.events import Kind

MOVEMENT: Final = frozenset(
    {
        *(Kind.VISIT, Kind.CROSSING, Kind.TRIP, Kind.STOP, Kind.LATE),
        *(Kind.EXPOSURE, Kind.HANDOVER, Kind.GAP, Kind.BREACH, Kind.INCIDENT),
    }
)
"""Kinds of objects that say where a vehicle was."""


class RedactionsError(Exception):
    """The list can't be read or written; the message says why."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """One: of ``assets`` (empty: of all) what was between ``from_ms`` and ``to_ms`` (not in).

    ``devices``: those that were fitted to them; ``log_ms``: when the log has let go of it at the latest.
    """

    made_ms: int
    reason: str
    assets: tuple[str, ...]
    devices: tuple[str, ...]
    from_ms: int
    to_ms: int
    log_ms: int

    def covers(self, t_ms: int) -> bool:
        """Whether an instant is in it."""
        return self.from_ms <= t_ms < self.to_ms


def load(path: Path) -> list[Redaction]:
    """All that were made, in order; none when there is no file. Raises RedactionsError."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RedactionsError(f"{path.name} can't be read: {error.strerror}") from error
    return [_read(path.name, number, line) for number, line in enumerate(lines, 1)]


def add(path: Path, one: Redaction) -> None:
    """Note it, durably: before anything is deleted. Raises RedactionsError."""
    try:
        new = not path.exists()
        with path.open("ab") as file:
            file.write(dump_json(asdict(one)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            path.chmod(0o600)
    except OSError as error:
        raise RedactionsError(f"{path.name} can't be written: {error.strerror}") from error


def _read(name: str, number: int, line: bytes) -> Redaction:
    try:
        told = load_json(line)
        made = Redaction(**{**told, "assets": tuple(told["assets"]), "devices": tuple(told["devices"])})
    except (CodecError, TypeError, KeyError) as error:
        raise RedactionsError(f"{name} line {number}: no redaction: {error}") from None
    times = (made.made_ms, made.from_ms, made.to_ms, made.log_ms)
    if not all(isinstance(one, int) for one in times) or not _texts((*made.assets, *made.devices)):
        raise RedactionsError(f"{name} line {number}: got {line[:80]!r}, want times and names")
    return made


def _texts(values: Iterable[object]) -> bool:
    return all(isinstance(one, str) for one in values)
