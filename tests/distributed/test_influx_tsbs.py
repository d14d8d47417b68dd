"""The benchmark of truck questions asks DuckDB and InfluxDB the same, and they answer the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import tsbs
from bench.tsbs_data import Fleet, lines
from bench.tsbs_queries import QUESTIONS
from tests.distributed import servers
from tests.distributed.process import ServerError


def test_both_answer_every_question_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "tsbs.json"
    words = ["tsbs", "--json", str(out), "--scale", "6", "--hours", "26", "--queries", "3"]
    monkeypatch.setattr("sys.argv", words)
    assert tsbs.main() == 0
    rows = {row["what"]: row for row in json.loads(out.read_text())["rows"]}
    assert set(rows) == {"load", *(q.name for q in QUESTIONS)}
    assert all({"DuckDB", "InfluxDB"} <= set(row) for row in rows.values())
    assert sum(row.get("rows", 0) > 0 for row in rows.values()) >= 10  # answers that are empty prove little


def test_an_answer_that_differs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_some(data: Fleet, table: str) -> object:
        all_lines = lines(data, table)
        return type(all_lines)(all_lines.text, all_lines.ends[:-50], all_lines.rows[:-50], all_lines.unfit)

    monkeypatch.setattr(tsbs, "lines", without_some)
    monkeypatch.setattr("sys.argv", ["tsbs", "--scale", "2", "--hours", "2", "--queries", "1"])
    assert tsbs.main() == 1
    assert "ANSWERS DIFFER" in capsys.readouterr().out


def test_without_an_influxdb_duckdb_is_asked_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(folder: Path) -> object:
        raise ServerError("influxd is not on this machine: run make servers")

    monkeypatch.setattr(servers, "influx", none)
    monkeypatch.setattr("sys.argv", ["tsbs", "--scale", "2", "--hours", "2", "--queries", "1"])
    assert tsbs.main() == 0
    assert "run make servers" in capsys.readouterr().out
