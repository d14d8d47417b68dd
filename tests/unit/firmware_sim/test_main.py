import json
import subprocess
import sys
from pathlib import Path

import pytest

from corridor.authority import Authority
from corridor.enrolment import Vouching, proofs, today
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


def scenario(folder: Path) -> str:
    path = folder / "two.toml"
    path.write_text('trucks = 3\n[[truck]]\ntrucks = [0, 2]\nsign = "EdDSA"\n')
    return str(path)


def test_key_prints_proofs_of_the_trucks_that_sign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["key", scenario(tmp_path), "--state", str(tmp_path / "state")]
    found = []
    for more in ([], ["--device", "sim-0002"], ["--device", "sim-0002", "--new"], []):
        assert main(words + more) == 0
        found.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert [one["device"] for one in found[0]] == ["sim-0000", "sim-0002"]
    assert set(found[0][0]) == {"device", "id", "alg", "public", "proof"}
    assert found[1][0]["id"] == found[0][1]["id"]
    assert found[2][0]["id"] != found[0][1]["id"]
    assert [one["id"] for one in found[3]] == [found[0][0]["id"], found[2][0]["id"]]


def test_key_refuses_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["key", scenario(tmp_path), "--state", str(tmp_path / "state")]
    assert main([*words, "--device", "sim-0001"]) == 2
    assert "--device: got 'sim-0001', want a truck of the scenario that signs" in capsys.readouterr().err
    assert main([*words, "--ack-key", "AAAA"]) == 2
    assert "ack key not usable: got 'AAAA'" in capsys.readouterr().err


def test_key_takes_the_keys_of_certificates_and_brings_these(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority.make(tmp_path / "devices", "Fleet")
    for name in ("sim-0000", "sim-0002"):
        authority.issue(name)
    words = ["key", scenario(tmp_path), "--state", str(tmp_path / "state"), "--certs", str(authority.folder)]
    assert main(words) == 0
    found = list(proofs(capsys.readouterr().out, "out"))
    vouching = Vouching.of(authority.folder / "ca.crt", authority.folder / "crl.pem")
    for one in found:
        vouching.check(one, today())
    assert [(one.device, one.key["alg"]) for one in found] == [("sim-0000", "ES256"), ("sim-0002", "ES256")]
    again = ["key", scenario(tmp_path), "--state", str(tmp_path / "state")]
    assert main(again) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [one.key["id"] for one in found]  # they sign with these now
    (authority.folder / "sim-0002.crt").unlink()
    assert main(words) == 2
    assert "certificate not readable: got" in capsys.readouterr().err
    assert main([*words, "--new"]) == 2
    assert "--new: got --certs too" in capsys.readouterr().err
