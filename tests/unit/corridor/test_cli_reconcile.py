"""``corridor reconcile``: exit codes and report files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corridor.__main__ import main

A, B = "LZZTESTA6PN000001", "LZZTESTA8PN000002"
MADE = f"VIN,chassis\n{A},AB1001\n{B},CD2002\n"


def files(tmp_path: Path, *texts: str) -> list[str]:
    paths = []
    for n, text in enumerate(texts):
        path = tmp_path / f"list{n}.csv"
        path.write_text(text, "utf-8")
        paths.append(str(path))
    return paths


def test_lists_that_agree_end_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconcile", *files(tmp_path, MADE, MADE, MADE)]) == 0
    assert "2 vehicles agree, 0 findings" in capsys.readouterr().out


def test_findings_end_with_1_and_are_in_every_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = files(tmp_path, MADE, MADE.replace("AB1001", "AB1O01"))
    reports = [tmp_path / f"r.{form}" for form in ("html", "xlsx", "json")]
    flags = [word for path in reports for word in (f"--{path.suffix[1:]}", str(path))]
    assert main(["reconcile", *paths, *flags]) == 1
    assert "position 4: got O, want 0" in capsys.readouterr().out
    assert "position 4: got O, want 0" in reports[0].read_text("utf-8")
    assert reports[1].read_bytes().startswith(b"PK")
    assert json.loads(reports[2].read_bytes())["findings"][0]["kind"] == "chassis_slip"


@pytest.mark.parametrize(
    ("second", "flags", "message"),
    [
        ("a,b\n", [], "filings (list1.csv): header in line 1: got 'a', 'b', want a column for vin"),
        (MADE, ["--column", "filings=VIN"], "--column: got 'filings=VIN', want LIST.FIELD=NAME"),
        (MADE, ["--column", "filings.vin=FIN"], "column for vin: got 'FIN', want one of 'VIN', 'chassis'"),
        (MADE, ["--sheet", "filings=May"], "sheet: got 'May', want none"),
        (MADE, ["--encoding", "boats=utf-8"], "--encoding: got 'boats=utf-8', want LIST=NAME"),
        (MADE, ["--html", "/nowhere/at/all.html"], "No such file or directory"),
    ],
)
def test_what_can_t_be_read_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: str, flags: list[str], message: str
) -> None:
    assert main(["reconcile", *files(tmp_path, MADE, second), *flags]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconcile", *files(tmp_path, MADE), str(tmp_path / "none.csv")]) == 2
    assert "none.csv: No such file or directory" in capsys.readouterr().err


def test_columns_and_encodings_may_be_told(tmp_path: Path) -> None:
    (made,) = files(tmp_path, MADE)
    other = tmp_path / "other.csv"
    other.write_bytes(MADE.replace("chassis", "Rähmen").encode("cp1252"))
    told = ["--column", "filings.chassis=Rähmen", "--encoding", "filings=cp1252"]
    assert main(["reconcile", made, str(other), *told]) == 0
