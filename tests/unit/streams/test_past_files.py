"""The past's files: order of writing, damage, readers beside a compaction, and what a trim frees."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.engine.rows import NAMES, Rows
from streams.past import Chunk, KeptObject, KeptState, PastError, Voided
from streams.runtime import chunks_file, chunks_writer
from streams.runtime.chunks import ChunkFiles


def one_each(position: int, t: int | None = None) -> Chunk:
    """A chunk of one position with a sample, a state and an object of asset 5."""
    t = position * 10 if t is None else t
    columns = dict.fromkeys(NAMES, np.array([1])) | {"asset": np.array([5]), "t": np.array([t])}
    rows = Rows(**columns | {"position": np.array([position])})
    state, kept = KeptState(5, t, position, b"s"), KeptObject(5, f"o{position}", t, position, b"blob")
    return Chunk(position - 1, position, rows, [state], [], [kept])


def filled(folder: Path, count: int) -> ChunkFiles:
    past = ChunkFiles(folder)
    for position in range(past.end + 1, count + 1):
        past.write(one_each(position))
    return past


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.past"))


def compacted(past: ChunkFiles) -> int:
    count = 0
    while past.compact():
        count += 1
    return count


def test_eight_files_become_one_and_eight_of_those_one(tmp_path: Path) -> None:
    past = filled(tmp_path, 7)
    assert not past.compact()
    filled(tmp_path, 65)
    assert compacted(past) == 9
    assert names(tmp_path) == [
        "0000000000000000-0000000000000064-2-0.past",
        "0000000000000064-0000000000000065-0-0.past",
    ]
    assert past.rows(5, 0, 40).position.tolist() == list(range(1, 41))
    assert past.state(5, 10_000, 33) == KeptState(5, 330, 33, b"s")
    assert len(past.objects(5, 0, 99)) == 65


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_old_files_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = filled(tmp_path, 8)
    done: list[str] = []

    def noted(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any) -> Any:
            folder = name == "fsync" and not os.path.isfile(f"/proc/self/fd/{args[0]}")
            done.append("fsync folder" if folder else name)
            return operation(*args)

        return noting

    for name in ("fsync", "replace", "unlink"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    past.write(one_each(9))
    assert done == ["fsync", "replace", "fsync folder"]
    done.clear()
    assert past.compact()
    assert done == ["fsync", "replace", "fsync folder"] + ["unlink"] * 8


def test_a_file_that_a_larger_one_covers_does_not_count_and_goes(tmp_path: Path) -> None:
    past = filled(tmp_path, 8)
    left = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert past.compact()
    for name, data in left.items():
        (tmp_path / name).write_bytes(data)
    again = ChunkFiles(tmp_path)
    assert again.rows(5, 0, 8).position.tolist() == list(range(1, 9))
    assert again.compact()
    assert names(tmp_path) == ["0000000000000000-0000000000000008-1-0.past"]


def test_an_unfinished_file_is_left_alone_while_somebody_may_write_it(tmp_path: Path) -> None:
    past = filled(tmp_path, 1)
    part = tmp_path / "0000000000000001-0000000000000002-0-0.past.1234.part"
    part.write_bytes(b"half")
    assert not past.compact()
    os.utime(part, (1, 1))
    assert past.compact()
    assert not part.exists()


def test_no_file_is_left_of_a_write_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    past = filled(tmp_path, 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            past.write(one_each(2))
    assert len(os.listdir(tmp_path)) == past.end == 1
    past.write(one_each(2))
    assert past.end == 2


def test_a_reader_sees_what_another_wrote_and_compacted(tmp_path: Path) -> None:
    writer, reader = filled(tmp_path, 8), ChunkFiles(tmp_path)
    assert writer.compact()
    assert reader.rows(5, 0, 8).position.tolist() == list(range(1, 9))
    filled(tmp_path, 9)
    assert reader.rows(5, 0, 9).position.tolist() == list(range(1, 10))
    assert reader.state(5, 1000, 8) == KeptState(5, 80, 8, b"s")
    assert reader.end == 9


def test_files_that_vanish_between_listing_and_opening_are_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = filled(tmp_path, 8)
    real, opened = chunks_file.ChunkFile.__init__, 0

    def opening(self: chunks_file.ChunkFile, path: Path, name: chunks_file.Name) -> None:
        nonlocal opened
        opened += 1
        if opened == 4:
            assert writer.compact()
        real(self, path, name)

    monkeypatch.setattr(chunks_file.ChunkFile, "__init__", opening)
    reader = ChunkFiles(tmp_path)
    assert reader.rows(5, 0, 8).position.tolist() == list(range(1, 9))


def test_a_listing_that_shows_neither_the_old_files_nor_the_new_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 8)
    listdir, torn = os.listdir, True

    def listing(folder: Path) -> list[str]:
        nonlocal torn
        found = sorted(listdir(folder))
        if torn:
            torn = False
            return found[5:]
        return found

    monkeypatch.setattr(os, "listdir", listing)
    assert ChunkFiles(tmp_path).end == 8


def test_readers_beside_a_writer_and_a_compaction(tmp_path: Path) -> None:
    ChunkFiles(tmp_path)
    wrong: list[object] = []

    def read() -> None:
        past, end = ChunkFiles(tmp_path), 0
        try:
            while end < 80:
                end = past.end
                got = past.rows(5, 0, end).position.tolist()
                state = past.state(5, 1 << 40, end)
                if got != list(range(1, end + 1)) or (state and state.position) != (end or None):
                    wrong.append((end, got, state))
        except Exception as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    past = ChunkFiles(tmp_path)
    for position in range(1, 81):
        past.write(one_each(position))
        past.compact()
    for thread in readers:
        thread.join()
    assert not wrong


def damaged(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(bytes(data))


def test_a_file_of_another_length_is_refused_by_name(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    size = path.stat().st_size
    for length in (size - 1, size + 1):
        os.truncate(path, length)
        with pytest.raises(PastError, match=rf"{path.name}: damaged: got {length} bytes, want {size}"):
            ChunkFiles(tmp_path)
    os.truncate(path, 10)
    with pytest.raises(PastError, match=rf"{path.name}: damaged: got 10 bytes, want a header of 4096"):
        ChunkFiles(tmp_path)


def test_a_damaged_header_is_refused_by_name(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    damaged(path, 30)
    with pytest.raises(PastError, match=rf"{path.name}: damaged: got header checksum \w+, want \w+"):
        ChunkFiles(tmp_path)
    damaged(path, 30)
    damaged(path, 0)
    with pytest.raises(PastError, match=rf"{path.name}: no chunk file of this format: got b'S"):
        ChunkFiles(tmp_path)


def test_a_file_under_another_files_name_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    one, two = sorted(tmp_path.iterdir())
    two.write_bytes(one.read_bytes())
    with pytest.raises(PastError, match=rf"{two.name}: got positions 0 to 1, want those of the name"):
        ChunkFiles(tmp_path)


@pytest.mark.parametrize("what", ["rows", "state", "objects"])
def test_damaged_contents_are_refused_where_they_are_read(tmp_path: Path, what: str) -> None:
    past = filled(tmp_path, 1)
    (path,) = tmp_path.iterdir()
    table = {"rows": "block", "state": "state", "objects": "object"}[what]
    (file,) = past._files
    damaged(path, int(file.tables[table]["start"][0]))
    with pytest.raises(PastError, match=rf"{path.name}: damaged: got checksum \w+ of an? \w+, want \w+"):
        getattr(ChunkFiles(tmp_path), what)(5, 0 if what != "state" else 99, 1)


def test_a_damaged_index_is_refused_by_the_merge(tmp_path: Path) -> None:
    filled(tmp_path, 8)
    path = sorted(tmp_path.iterdir())[3]
    damaged(path, path.stat().st_size - 20)
    with pytest.raises(PastError, match=rf"{path.name}: damaged: got index checksum \w+, want \w+"):
        ChunkFiles(tmp_path).compact()
    assert len(os.listdir(tmp_path)) == 8


@pytest.mark.parametrize(("missing", "want"), [(0, "got positions after 1"), (1, "got positions after 2")])
def test_a_missing_file_is_told(tmp_path: Path, missing: int, want: str) -> None:
    filled(tmp_path, 3)
    sorted(tmp_path.iterdir())[missing].unlink()
    with pytest.raises(PastError, match=rf"{want} in \S+, want after {missing}"):
        ChunkFiles(tmp_path)


def test_a_trim_frees_a_file_that_is_half_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_writer, "BLOCK_ROWS", 1)
    past = filled(tmp_path, 8)
    assert compacted(past) == 1
    past.trim(21)
    assert compacted(past) == 0
    past.trim(61)
    assert compacted(past) == 1
    assert names(tmp_path) == ["0000000000000000-0000000000000008-1-1.past"]
    assert past.rows(5, 0, 8).t.tolist() == [70, 80]
    assert past.state(5, 60, 8) is None
    assert past.state(5, 61, 8) == KeptState(5, 60, 6, b"s")
    assert [one.until for one in past.objects(5, 0, 8)] == [60, 70, 80]
    past.trim(70)
    assert compacted(past) == 0


def test_a_void_stays_as_long_as_any_file_holds_a_state_that_it_ends(tmp_path: Path) -> None:
    past = filled(tmp_path, 8)
    assert past.compact()
    past.write(Chunk(8, 9, one_each(9).rows.take(slice(0)), [], [Voided(5, 40, 9)], []))
    for position in range(10, 17):
        past.write(one_each(position, 1000 + position))
    assert past.compact()
    assert past.state(5, 100, 16) == KeptState(5, 40, 4, b"s")
    past.trim(1011)
    assert compacted(past) > 0
    assert past.state(5, 1011, 16) == KeptState(5, 1010, 10, b"s")
    assert past.state(5, 100, 16) is None
