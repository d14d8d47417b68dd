"""The port of the past: what the engine asks for again when data comes that is older than its hot state.

All is kept under the log position that brought it, and every read is as of a position: a replay asks the
same and gets the same, whatever was written since. Assets are rows of the engine's state; times are event
time, ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:  # the engine's package imports this module
    from streams.engine.columns import Array
    from streams.engine.rows import Rows

_FROM_START: Final = -(1 << 63)


class PastError(Exception):
    """What was written doesn't fit, or what is held can't be used; the message says what and where."""


@dataclass(frozen=True, slots=True)
class KeptState:
    """An asset's packed state after its sample at ``t``, kept at ``position``."""

    asset: int
    t: int
    position: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Voided:
    """From ``position`` on, states of the asset with t > ``after`` kept before ``position`` don't hold."""

    asset: int
    after: int
    position: int


@dataclass(frozen=True, slots=True)
class KeptObject:
    """A version of a closed object; ``until`` is the time of the last step that touched it."""

    asset: int
    id: str
    until: int
    position: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """Everything of the log positions above ``first`` up to ``last``, in any order."""

    first: int
    last: int
    rows: Rows
    states: list[KeptState]
    voided: list[Voided]
    objects: list[KeptObject]


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """A time for each asset by its row (int64[n]), and one for all ``rest`` of them."""

    rest: int
    each: Array

    @staticmethod
    def made(before: int | Array) -> Horizon:
        """One time for all, or int64[n]: of assets from row n on the beginning of time."""
        if isinstance(before, int):
            return Horizon(before, np.empty(0, np.int64))
        return Horizon(_FROM_START, before)

    def of(self, assets: Array) -> Array:
        """The times of some rows, int64[n]."""
        times = np.full(len(assets), self.rest)
        known = np.flatnonzero(assets < len(self.each))
        times[known] = self.each[assets[known]]
        return times

    def later(self, other: Horizon) -> Horizon:
        """The later time of each asset; this very object when the other one changes nothing."""
        rows = np.arange(max(len(self.each), len(other.each)))
        mine, each, rest = (
            self.of(rows),
            np.maximum(self.of(rows), other.of(rows)),
            max(self.rest, other.rest),
        )
        return self if rest == self.rest and np.array_equal(mine, each) else Horizon(rest, each)


class Past(Protocol):
    """What was, as of any position. One process writes; others, and threads, may read at any time.

    Of equals (same asset, time and position; same id and position) the one written last counts as newer.
    """

    @property
    def end(self) -> int:
        """Positions up to here are held; 0 at first."""
        ...

    def write(self, chunk: Chunk) -> None:
        """Keep the chunk; when this returns, it survives the loss of power.

        What lies at or below ``end`` is left out, so writing again after a crash changes nothing. Raises
        PastError when positions between ``end`` and ``chunk.first`` are missing, or a content's position is
        not in the chunk's range.
        """
        ...

    def rows(self, asset: int, after: int, position: int) -> Rows:
        """Samples of the asset with t > ``after`` of positions up to ``position``, by (t, position)."""
        ...

    def state(self, asset: int, before: int, position: int) -> KeptState | None:
        """The newest state, by (t, position), with t < ``before`` that holds as of ``position``."""
        ...

    def objects(self, asset: int, since: int, position: int) -> list[KeptObject]:
        """Of each id the newest version up to ``position``, if its until >= ``since``; by (position, id)."""
        ...

    def trim(self, before: int | Array, position: int | None = None) -> None:
        """Allow to forget what no read needs that asks about times from ``before`` on.

        ``before``: one time, or one for each asset by its row (of those beyond it everything stays).
        ``position``: the oldest one that reads will be as of, that of the oldest snapshot kept; ``end`` when
        not given. An asset's anchor is its newest state with t < ``before`` of positions up to ``position``
        that holds now. What stays: all of an asset that has no anchor; else the anchor, rows and states after
        it, and each id with a version whose until or position is not before the anchor's: those that are
        open in it are among them.
        So, as long as nothing is voided from before an anchor, ``rows`` with ``after`` >= the anchor's t,
        ``state`` with a ``before`` later than that, and ``objects`` with ``since`` >= it answer as they did,
        at any ``position`` from the given one on: all that a fold needs that begins at the anchor or later.
        """
        ...


def unwritten(chunk: Chunk, end: int) -> Chunk | None:
    """The part of the chunk above ``end``, None when there is none. Raises PastError, see Past.write."""
    if not 0 <= chunk.first <= chunk.last:
        raise PastError(f"impossible range of a chunk: got ({chunk.first}, {chunk.last}], want first <= last")
    rows, got = chunk.rows, [one.position for one in chunk.states]
    got += [one.position for one in chunk.voided] + [one.position for one in chunk.objects]
    if len(rows):
        got += [int(rows.position.min()), int(rows.position.max())]
    if got and not (chunk.first < min(got) and max(got) <= chunk.last):
        want = f"want ({chunk.first}, {chunk.last}]"
        raise PastError(f"positions outside of the chunk: got {min(got)} to {max(got)}, {want}")
    if chunk.last <= end:
        return None
    if chunk.first > end:
        raise PastError(f"positions are missing: got a chunk after {chunk.first}, want one after {end}")
    if chunk.first == end:
        return chunk
    return Chunk(
        end,
        chunk.last,
        rows.take(rows.position > end),
        [one for one in chunk.states if one.position > end],
        [one for one in chunk.voided if one.position > end],
        [one for one in chunk.objects if one.position > end],
    )
