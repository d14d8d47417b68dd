"""Lines to InfluxDB in requests of bounded size; what it refuses for good is found and set aside.

A request that is refused as a whole, or of which some lines were not taken, is sent again in halves until the
lines that are refused stand alone. Sending a line twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from feeds.store.influx.client import RefusedError, TooLargeError
from feeds.store.influx.lines import Lines
from feeds.store.port import StoreError

LINES: Final = 10_000
BYTES: Final = 8 << 20
MOST_REFUSED: Final = 100
"""So many lines refused in one batch are no damaged samples but a bucket that does not fit."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch: ``refused`` are lines and why, ``late`` counts those beyond retention."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    late: int = 0


class Sender:
    """Sends batches by ``write`` (one body), some requests at a time. Threads may share it."""

    def __init__(
        self, write: Callable[[bytes], None], *, at_once: int = 2, lines: int = LINES, size: int = BYTES
    ) -> None:
        self._write = write
        self._pool = ThreadPoolExecutor(at_once, "influx") if at_once > 1 else None
        self._lines = lines
        self._size = size

    def close(self) -> None:
        """Wait for what is being sent."""
        if self._pool is not None:
            self._pool.shutdown()

    def send(self, lines: Lines) -> Outcome:
        """Return when every line is stored, or refused for good. Raises StoreAwayError or StoreError."""
        outcome = Outcome()
        parts = self._parts(lines)
        if self._pool is None or len(parts) < 2:
            for first, last in parts:
                self._send(lines, first, last, outcome)
            return outcome
        running = [self._pool.submit(self._send, lines, *part, outcome) for part in parts]
        errors = [error for f in running if (error := f.exception()) is not None]
        if errors:
            # an error that does not pass by itself first: waiting would not help
            raise min(errors, key=lambda error: hasattr(error, "retry_after"))
        return outcome

    def _parts(self, lines: Lines) -> Sequence[tuple[int, int]]:
        parts, first = [], 0
        while first < len(lines):
            by_size = int(lines.ends.searchsorted(lines.ends[first] + self._size, side="right")) - 1
            last = min(first + self._lines, max(by_size, first + 1), len(lines))
            parts.append((first, last))
            first = last
        return parts

    def _send(self, lines: Lines, first: int, last: int, outcome: Outcome) -> None:
        todo = [(first, last)]
        while todo:
            first, last = todo.pop()
            try:
                self._write(lines.body(first, last))
                continue
            except RefusedError as error:
                if error.late and error.dropped is not None:
                    outcome.late += error.dropped  # the others are stored
                    continue
                alone, why = last - first == 1, str(error)
            except TooLargeError as error:
                alone, why = last - first == 1, str(error)
            if not alone:
                middle = (first + last) // 2
                todo += [(middle, last), (first, middle)]
                continue
            outcome.refused.append((first, why))
            if len(outcome.refused) >= MOST_REFUSED:
                raise StoreError(
                    f"InfluxDB refuses too many samples of one batch: got {len(outcome.refused)}, the last "
                    f"because of {why}; look with `corridor store check`"
                )
