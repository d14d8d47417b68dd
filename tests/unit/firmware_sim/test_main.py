import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.__main__ import main


def test_list_prints_the_trucks_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "demo", "--trucks", "3"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    assert set(rows[0]) == {"device", "vin", "chassis", "plates", "kind", "maker", "name", "fleet"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["list", "no-such.toml"], "firmware-sim: scenario not readable: got No such file or directory for"),
        (["list", "demo", "--trucks", "0"], "demo.toml: trucks: got 0, want a whole number from 1"),
        (["run", "demo", "--mqtt", "here"], "--mqtt: got 'here', want HOST:PORT"),
        (["run", "demo", "--mqtt", "h:99999"], "--mqtt: got 'h:99999', want HOST:PORT"),
        (["run", "demo", "--state", "/dev/null/x"], "state folder not usable: got Not a directory"),
    ],
)
def test_what_can_not_run_is_one_line_and_exit_code_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_a_second_process_on_the_same_state_is_refused(tmp_path: Path) -> None:
    from firmware_sim.run import locked

    with locked(tmp_path):
        command = [
            sys.executable,
            "-m",
            "firmware_sim",
            "run",
            "demo",
            "--trucks",
            "1",
            "--state",
            str(tmp_path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=Path.cwd())
    assert done.returncode == 2
    assert "state folder in use" in done.stderr
