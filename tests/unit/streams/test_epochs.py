"""Epochs of a shared folder: whoever comes takes over the furthest state, whatever others do meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.runtime import epochs as module
from streams.runtime.chunks import ChunkFiles
from streams.runtime.epochs import Epoch, Epochs
from streams.runtime.snapshots import SnapshotFiles
from tests.unit.streams.test_past_files import one_each

CALLS = ("link", "rename", "mkdir", "fsync", "listdir", "unlink")
WRITES, ACQUIRES, DIES = "the former owner writes", "another one acquires", "the process is killed"
ACTIONS = st.sampled_from([WRITES, ACQUIRES, DIES])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 12), st.dictionaries(st.integers(0, 40), ACTIONS, max_size=3)
    ),
    min_size=2,
    max_size=8,
)


class Killed(BaseException):
    """The process is gone."""


class Owner:
    """Writes into its epoch as a worker does: seal, snapshot, trim, compact."""

    def __init__(self, epoch: Epoch) -> None:
        self.epoch = epoch
        self.files, self.past = SnapshotFiles(epoch.snapshots, 0), ChunkFiles(epoch.past)
        self.position = max(self.files.positions(), default=0)

    def write(self, records: int) -> None:
        for _ in range(records):
            self.position += 1
            self.past.write(one_each(self.position))
            self.files.save(self.position, b"state of %d" % self.position)
            self.past.trim(10 * (self.position - 5), min(self.files.positions()))
            self.past.compact()


@contextmanager
def at_calls(act: Callable[[int], None]) -> Iterator[None]:
    """Call ``act`` with 0, 1, 2 ... before each file operation; those that it does itself don't count."""
    count, inside = -1, False

    def counting(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            nonlocal count, inside
            if not inside:
                count, inside = count + 1, True
                try:
                    act(count)
                finally:
                    inside = False
            return call(*args, **more)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counting(getattr(os, name)))
        patch.setattr(shutil, "rmtree", counting(shutil.rmtree))
        yield


def check(epoch: Epoch) -> None:
    """Its snapshots are whole, and the past is as each of them needs it."""
    files, past = SnapshotFiles(epoch.snapshots, 0), ChunkFiles(epoch.past)
    for position in files.positions():
        assert files.load(position) == b"state of %d" % position
        assert past.end >= position
        since = 10 * (position - 5)
        got = past.rows(5, since, position).position.tolist()
        assert got == list(range(max(1, position - 4), position + 1))


@settings(max_examples=int(os.environ.get("CASES", "40")), deadline=None)
@given(steps=STEPS)
def test_the_furthest_state_is_taken_over_whatever_happens_meanwhile(
    steps: list[tuple[int, int, dict[int, str]]],
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # a process dies here, not the machine
        shared = Epochs(Path(name), 0)
        owners: dict[int, Owner] = {}
        told: list[int] = []

        def became_owner(who: int) -> None:
            epoch = shared.acquire()
            told.append(epoch.number)
            check(epoch)
            owners[who] = Owner(epoch)

        def write(owner: Owner, records: int) -> None:
            try:
                owner.write(records)
            except FileNotFoundError:  # its epoch is one of those that nobody needs any more
                assert not (owner.epoch.folder).exists()

        for who, records, faults in steps:
            furthest = max(
                (max(SnapshotFiles(one.snapshots, 0).positions(), default=0) for one in shared.held()),
                default=0,
            )

            def act(number: int, faults: dict[int, str] = faults, who: int = who) -> None:
                what = faults.get(number)
                if what == WRITES and owners:
                    write(owners[max(owners, key=lambda w: owners[w].epoch.number)], 3)
                elif what == ACQUIRES:
                    became_owner(who + 10)
                elif what == DIES:
                    raise Killed

            try:
                with at_calls(act):
                    epoch = shared.acquire()
            except Killed:
                continue
            told.append(epoch.number)
            check(epoch)
            assert epoch.taken >= furthest
            assert shared.newest(epoch) or ACQUIRES in faults.values()
            owners[who] = Owner(epoch)
            assert owners[who].position == epoch.taken
            write(owners[who], records)
        assert len(set(told)) == len(told)
        last = shared.acquire()
        check(last)
        numbers = [one.number for one in shared.held()]
        assert len(numbers) <= 3
        assert numbers[-1] == last.number
        assert [n for n in os.listdir(shared.folder) if n.startswith("gone-")] == []


def test_a_paused_former_owner_changes_nothing_of_its_follower(tmp_path: Path) -> None:
    shared = Epochs(tmp_path, 0)
    paused = Owner(shared.acquire())
    paused.write(20)
    epoch = shared.acquire()
    before = {path: path.read_bytes() for path in epoch.folder.rglob("*") if path.is_file()}
    paused.write(20)
    assert {path: path.read_bytes() for path in epoch.folder.rglob("*") if path.is_file()} == before
    assert epoch.taken == 20
    assert shared.acquire().taken == 40, "the furthest state counts, whoever's it is"


def test_a_damaged_past_is_passed_over_for_the_epoch_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared = Epochs(tmp_path, 0)
    first = Owner(shared.acquire())
    first.write(9)
    second = Owner(shared.acquire())
    second.write(9)
    for path in second.epoch.past.glob("*.past"):
        path.unlink()  # the links of the first epoch stay
        path.write_bytes(b"damaged")
    assert shared.acquire().taken == 9
    assert "epoch_unusable partition=0 epoch=2" in caplog.text


def test_where_no_second_names_can_be_had_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", refused)
    shared = Epochs(tmp_path, 0)
    Owner(shared.acquire()).write(12)
    epoch = shared.acquire()
    assert epoch.taken == 12
    check(epoch)
    assert all(path.stat().st_nlink == 1 for path in epoch.past.iterdir())


def test_unfinished_epochs_are_cleared_away_when_they_are_nobodys(tmp_path: Path) -> None:
    shared = Epochs(tmp_path, 3)
    shared.acquire()
    fresh, old = shared.folder / "making-a", shared.folder / "making-b"
    for folder in (fresh, old):
        folder.mkdir()
    os.utime(old, (1, 1))
    shared.acquire()
    assert fresh.exists()
    assert not old.exists()


def test_when_others_are_always_first_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Epochs, "newest", lambda self, epoch: False)
    with pytest.raises(module.EpochError, match="got 100 times an epoch made meanwhile"):
        Epochs(tmp_path, 0).acquire()
