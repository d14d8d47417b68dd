"""When the system ran, as it is kept on disk."""

from __future__ import annotations

from pathlib import Path

from feeds.beats import Beats


def test_a_start_is_a_span_and_a_stop_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "beats.db"
    first = Beats(path)
    for t_ms in range(1_000_000, 1_200_000, 5_000):
        first.beat(t_ms)
    again = Beats(path)
    again.beat(1_500_000)
    again.beat(2_000_000)
    found = again.uptime(0, 2_000_000)
    assert found is not None
    assert found["from_ms"] == 1_000_000  # before the first beat nothing was measured
    assert found["outages"] == [{"from_ms": 1_195_000, "until_ms": 1_500_000}]


def test_what_is_not_well_does_not_count(tmp_path: Path) -> None:
    beats = Beats(tmp_path / "beats.db")
    beats.beat(0)
    beats.miss()
    beats.beat(100_000)
    found = beats.uptime(0, 100_000)
    assert found is not None
    assert (found["up_permille"], found["down_s"]) == (0, 100)


def test_a_clock_that_goes_back_shortens_nothing(tmp_path: Path) -> None:
    beats = Beats(tmp_path / "beats.db")
    for t_ms in (0, 90_000, 10_000):
        beats.beat(t_ms)
    found = beats.uptime(0, 90_000)
    assert found is not None
    assert found["up_permille"] == 1_000


def test_nothing_measured_is_none(tmp_path: Path) -> None:
    beats = Beats(tmp_path / "beats.db")
    assert beats.uptime(0, 1_000) is None
    beats.beat(5_000)
    assert beats.uptime(0, 5_000) is None
    (tmp_path / "junk.db").write_bytes(b"no database" * 100)
    assert Beats(tmp_path / "junk.db").uptime(0, 1_000) is None
