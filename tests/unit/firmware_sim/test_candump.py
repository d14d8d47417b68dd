import gzip
from pathlib import Path

import pytest

from firmware_sim.candump import CandumpError, CanLog, LogFrame, parse, parse_line, read

LOGGED = "(1622547830.084000) can1 0CF00300#FFFE00FFFFFF00FF"


def test_all_notations_give_the_frame() -> None:
    data = bytes.fromhex("FFFE00FFFFFF00FF")
    assert parse_line(LOGGED) == LogFrame(1622547830.084, 0x0CF00300, True, data)
    assert parse_line("1 " + LOGGED) == parse_line(LOGGED)
    shown = LogFrame(5.0, 0x0CF00300, True, data)
    assert parse_line("  can0  0CF00300   [8]  FF FE 00 FF FF FF 00 FF", 5.0) == shown
    assert parse_line("<0x0cf00300> [8] ff fe 00 ff ff ff 00 ff", 5.0) == shown
    assert parse_line("can0 123 [0]") == LogFrame(0.0, 0x123, False, b"")
    assert parse_line("(2.5) can0 7FF#01") == LogFrame(2.5, 0x7FF, False, b"\x01")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "(1.0) can0 0CF00300#F",
        "can0 123 [2] 01",
        "(1.0) can0 FFF#01",
        "(1.0) can0 123#" + "00" * 9,
    ],
)
def test_what_is_no_frame_is_none(line: str) -> None:
    assert parse_line(line) is None


def test_a_gzipped_log_is_read_and_other_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(f"# comment\n{LOGGED}\n{LOGGED}\nnoise\n".encode()))
    frames, bad = read(path)
    assert (len(frames), bad) == (2, 1)


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(CandumpError, match="not a candump log: x: got 'a,b,c'"):
        parse(["a,b,c", "1,2,3"], "x")


def test_a_log_loops_without_a_gap_and_without_a_frame_twice() -> None:
    frames = [LogFrame(100.0 + i, 0x18FEF100, True, bytes([i])) for i in range(5)]
    log = CanLog(frames, [frame.t_s - 100.0 for frame in frames])
    pieces = [log.between(start / 2, (start + 1) / 2) for start in range(60)]
    got = [(round(at, 6), frame.data[0]) for piece in pieces for at, frame in piece]
    assert [n for _, n in got] == [i % 5 for i in range(len(got))]
    assert [at for at, _ in got] == sorted(at for at, _ in got)
    assert len(got) == len(log.between(0, 30))
