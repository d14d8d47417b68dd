"""Random histories: files and memory answer the same, before and after trims, compactions and crashes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.engine.rows import NAMES, Rows
from streams.memory_past import MemoryPast
from streams.past import Chunk, KeptObject, KeptState, Past, Voided
from streams.runtime import chunks, chunks_merge, chunks_writer
from streams.runtime.chunks import ChunkFiles

ASSETS, TIMES, IDS = st.integers(0, 2), st.integers(0, 40), st.sampled_from(["a", "b", "ü"])
VALUES = st.sampled_from([-(1 << 62), 0, 1, -1, 300, -70_000, 1 << 40, -(1 << 63), (1 << 63) - 1])


@dataclass(frozen=True)
class Trim:
    before: int
    back: int  # positions before the end


@dataclass(frozen=True)
class Compact:
    pass


@dataclass(frozen=True)
class Reopen:
    pass


@dataclass(frozen=True)
class Write:
    span: int
    rows: list[tuple[int, int, int, int, int]]  # asset, t, nth position, two values
    states: list[tuple[int, int, int, bytes]]
    voided: list[tuple[int, int, int]]
    objects: list[tuple[int, str, int, int, bytes]]


Step = Trim | Compact | Reopen | Write


@st.composite
def writes(draw: st.DrawFn) -> Write:
    span = draw(st.integers(1, 3))
    nth = st.integers(1, span)
    blob = st.binary(max_size=3)
    return Write(
        span,
        draw(st.lists(st.tuples(ASSETS, TIMES, nth, VALUES, VALUES), max_size=8)),
        draw(st.lists(st.tuples(ASSETS, TIMES, nth, blob), max_size=3)),
        draw(st.lists(st.tuples(ASSETS, TIMES, nth), max_size=1)),
        draw(st.lists(st.tuples(ASSETS, IDS, TIMES, nth, blob), max_size=3)),
    )


HISTORIES = st.lists(
    writes() | writes() | st.builds(Trim, TIMES, st.integers(0, 6)) | st.just(Compact()) | st.just(Reopen()),
    max_size=14,
)


def made(step: Write, first: int, oldest_void: int) -> Chunk:
    table = np.array(step.rows, np.int64).reshape(-1, 5)
    columns = {name: table[:, 3 + k % 2] for k, name in enumerate(NAMES)}
    columns |= {"asset": table[:, 0], "t": table[:, 1], "position": first + table[:, 2]}
    return Chunk(
        first,
        first + step.span,
        Rows(**columns),
        [KeptState(asset, t, first + n, blob) for asset, t, n, blob in step.states],
        [Voided(asset, max(after, oldest_void), first + n) for asset, after, n in step.voided],
        [KeptObject(asset, id_, until, first + n, blob) for asset, id_, until, n, blob in step.objects],
    )


def plain(rows: Rows) -> list[list[int]]:
    return [getattr(rows, name).tolist() for name in NAMES]


def require_same(got: Past, want: Past, before: int, position: int) -> None:
    """All reads that a trim to ``before`` as of ``position`` promises."""
    assert got.end == want.end
    for at in range(position, want.end + 2):
        for asset in range(4):
            for time in range(before, before + 45, 4):
                assert got.state(asset, time, at) == want.state(asset, time, at)
                assert got.objects(asset, time, at) == want.objects(asset, time, at)
                assert plain(got.rows(asset, time - 1, at)) == plain(want.rows(asset, time - 1, at))
            anchor = want.state(asset, before, at)
            after = -1 if anchor is None else anchor.t
            assert plain(got.rows(asset, after, at)) == plain(want.rows(asset, after, at))
            assert got.objects(asset, after, at) == want.objects(asset, after, at)


@contextmanager
def small_files() -> Iterator[Path]:
    """A folder, and limits so low that short histories meet them."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(chunks, "worth", lambda *_: True)
        patch.setattr(chunks_merge, "TIER", 2)
        patch.setattr(chunks_merge, "_BAND_ROWS", 4)
        patch.setattr(chunks_writer, "BLOCK_ROWS", 2)
        yield Path(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORIES)
def test_files_and_memory_answer_as_a_past_that_was_never_trimmed(history: list[Step]) -> None:
    with small_files() as folder:
        files, memory, whole = ChunkFiles(folder), MemoryPast(), MemoryPast()
        before, position = 0, 0
        for step in history:
            if isinstance(step, Write):
                chunk = made(step, whole.end, before)
                for past in (files, memory, whole):
                    past.write(chunk)
            elif isinstance(step, Trim):
                before, position = max(before, step.before), max(position, whole.end - step.back)
                files.trim(step.before, max(0, whole.end - step.back))
                memory.trim(step.before, max(0, whole.end - step.back))
            elif isinstance(step, Compact):
                while files.compact():
                    pass
            else:
                files = ChunkFiles(folder)
        for past in (files, memory):
            require_same(past, whole, before, position)


class Killed(BaseException):
    pass


class Killer:
    """Stands before each file operation; the ``nth`` one is the process's last."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def before(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def killing(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                if operation is FSYNC and os.path.isfile(f"/proc/self/fd/{args[0]}"):
                    os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)  # half of it had reached the disk
                raise Killed
            return operation(*args, **kwargs)

        return killing


FSYNC = os.fsync


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(writes(), min_size=1, max_size=9), st.integers(0, 60), TIMES)
def test_after_a_kill_the_folder_holds_a_prefix_of_the_writes(
    todo: list[Write], nth: int, before: int
) -> None:
    planned: list[Chunk] = []
    for step in todo:
        planned.append(made(step, planned[-1].last if planned else 0, before))
    with small_files() as folder:
        returned = 0
        with pytest.MonkeyPatch.context() as patch:
            killer = Killer(nth)
            for name in ("fsync", "replace", "unlink"):
                patch.setattr(os, name, killer.before(getattr(os, name)))
            try:
                files = ChunkFiles(folder)
                for chunk in planned:
                    files.write(chunk)
                    returned = chunk.last
                    files.trim(before, 0)
                    files.compact()
            except Killed:
                pass
        reopened, prefix = ChunkFiles(folder), MemoryPast()
        assert reopened.end >= returned
        for chunk in planned:
            if chunk.last <= reopened.end:
                prefix.write(chunk)
        require_same(reopened, prefix, before, 0)
        for past in (reopened, prefix):
            for chunk in planned:
                past.write(chunk)
        while reopened.compact():
            pass
        require_same(ChunkFiles(folder), prefix, before, 0)
        assert len([path for path in folder.iterdir() if path.suffix == ".past"]) <= 5
