import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.errors import StateError
from firmware_sim.flash import Flash, Key


def filled(path: Path, count: int = 3) -> Flash:
    flash = Flash(path)
    flash.start_boot("boot-a")
    for seq in range(count):
        flash.store(seq, 1_000 + seq, f"report {seq}".encode() * (seq + 1))
    return flash


def test_a_new_flash_is_empty_and_an_opened_one_holds_what_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "a.flash"
    filled(path)
    again = Flash(path)
    assert list(again.keys()) == [Key("boot-a", 0), Key("boot-a", 1), Key("boot-a", 2)]
    assert again.read(Key("boot-a", 1)) == b"report 1report 1"
    assert (again.boot, again.boot_n, again.last_t_ms) == ("boot-a", 1, 1_002)
    assert again.last_hash == hashlib.sha256(b"report 2" * 3).digest()


def test_cut_at_any_byte_it_opens_as_the_records_before_the_cut(tmp_path: Path) -> None:
    whole = tmp_path / "whole.flash"
    flash, ends = Flash(whole), []
    flash.start_boot("b1")
    for seq in range(3):
        flash.store(seq, seq, bytes([seq]) * 20)
        ends.append(whole.stat().st_size)
    flash.forget("b1", [(1, 1)])
    forgotten = whole.stat().st_size
    data = whole.read_bytes()
    for cut in range(len(data) + 1):
        path = tmp_path / "cut.flash"
        path.write_bytes(data[:cut])
        again = Flash(path)
        kept = [seq for seq in range(3) if cut >= ends[seq] and not (seq == 1 and cut >= forgotten)]
        assert [key.seq for key in again.keys()] == kept  # noqa: SIM118 - not a dict
        assert all(again.read(Key("b1", seq)) == bytes([seq]) * 20 for seq in kept)
        again.start_boot("b2")  # and it goes on
        again.store(0, 9, b"after the crash")
        assert Flash(path).read(Key("b2", 0)) == b"after the crash"


@given(at=st.integers(4, 10_000), flip=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_byte_costs_nothing_written_before_it(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("flash") / "a.flash"
    filled(path)
    data = bytearray(path.read_bytes())
    at %= len(data)
    if at < 4:
        return
    data[at] ^= flip
    path.write_bytes(data)
    again = Flash(path)
    for key in again.keys():  # noqa: SIM118 - not a dict
        assert again.read(key) == f"report {key.seq}".encode() * (key.seq + 1)


def test_it_forgets_what_it_is_told_and_nothing_else(tmp_path: Path) -> None:
    flash = filled(tmp_path / "a.flash", 10)
    gone = flash.forget("boot-a", [(0, 2), (5, 5), (20, 30)])
    assert [key.seq for key in gone] == [0, 1, 2, 5]
    assert flash.forget("another boot", [(0, 100)]) == []
    assert [key.seq for key in Flash(flash.path).keys()] == [3, 4, 6, 7, 8, 9]  # noqa: SIM118


def test_the_hash_of_the_last_report_outlives_everything(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "a.flash")
    flash.start_boot("b1")
    last = b""
    for seq in range(40):
        last = bytes([seq]) * 5_000
        flash.store(seq, seq, last)
        flash.forget("b1", [(seq, seq)])
    assert flash.path.stat().st_size < 100_000  # it was rewritten on the way
    flash.start_boot("b2")
    again = Flash(flash.path)
    assert len(again) == 0
    assert (again.boot, again.boot_n) == ("b2", 2)
    assert again.last_hash == hashlib.sha256(last).digest()


def test_a_rewritten_file_keeps_the_unanswered_reports_byte_for_byte(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "a.flash")
    flash.start_boot("b1")
    for seq in range(60):
        flash.store(seq, seq, bytes([seq]) * 3_000)
        if seq % 20:
            flash.forget("b1", [(seq, seq)])
    for opened in (flash, Flash(flash.path)):
        assert [key.seq for key in opened.keys()] == [0, 20, 40]  # noqa: SIM118
        assert all(opened.read(Key("b1", seq)) == bytes([seq]) * 3_000 for seq in (0, 20, 40))


def test_without_room_the_oldest_are_dropped_and_counted_until_the_next_report(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "a.flash", capacity_bytes=1_000)
    flash.start_boot("b1")
    for seq in range(4):
        flash.store(seq, seq, bytes(240))
    assert [key.seq for key in flash.make_room(500)] == [0, 1]
    assert flash.overflow == Flash(flash.path, 1_000).overflow == 2
    flash.store(4, 4, bytes(400))
    assert flash.overflow == Flash(flash.path, 1_000).overflow == 0
    assert [key.seq for key in flash.keys()] == [2, 3, 4]  # noqa: SIM118


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.flash"
    path.write_bytes(b"precious data")
    with pytest.raises(StateError, match="not a flash file: got b'prec'"):
        Flash(path)
    assert path.read_bytes() == b"precious data"


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    flash = filled(tmp_path / "a.flash")
    flash.path.unlink()
    flash.path.mkdir()
    with pytest.raises((StateError, OSError)):
        flash.store(3, 3, b"x")
