"""The command line: every refusal is one line on standard error and exit code 2, without a traceback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from corridor.__main__ import main


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "corridor", *words], capture_output=True, text=True, timeout=60, check=False
    )


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


def test_config_prints_what_is_in_force_with_secrets_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRIDOR_ADMIN_KEY", "a-very-secret-admin-key")
    assert main(["config", "--json", "--data-dir", str(tmp_path), "--http-port", "0"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["http_port"], values["admin_key"]) == (0, "**********")
    assert main(["config"]) == 0
    assert "a-very-secret" not in capsys.readouterr().out


def test_broken_toml_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text("= =")
    assert "settings file is not TOML" in refused(capsys, "up", "--config", str(tmp_path / "c.toml"))


@pytest.mark.parametrize(("flag", "setting"), [("--http-port", "http_port"), ("--mqtt-port", "mqtt_port")])
def test_a_taken_port_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, setting: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = "--mqtt-port" if flag == "--http-port" else "--http-port"
        said = refused(capsys, "up", "--data-dir", str(tmp_path), flag, str(port), other, "0")
    assert f"{setting} can't be used: got 127.0.0.1:{port}" in said
    assert flag in said


def test_an_unwritable_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    said = refused(capsys, "up", "--data-dir", str(tmp_path / "file"), "--http-port", "0", "--mqtt-port", "0")
    assert "data folder not writable" in said


def test_an_unreachable_broker_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = refused(
        capsys,
        "up",
        "--data-dir",
        str(tmp_path),
        "--http-port",
        "0",
        "--mqtt-url",
        f"mqtt://127.0.0.1:{port}",
    )
    assert f"broker not reachable: got 127.0.0.1:{port}" in said


def test_a_broker_url_of_another_kind_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "up", "--data-dir", str(tmp_path), "--http-port", "0", "--mqtt-url", "http://x")
    assert "setting mqtt_url: got 'http://x', want mqtt://host:port" in said


def test_the_embedded_broker_binds_nothing_but_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRIDOR_MQTT_HOST", "0.0.0.0")
    said = refused(capsys, "up", "--data-dir", str(tmp_path), "--http-port", "0", "--mqtt-port", "0")
    assert "loopback" in said


def test_help_names_every_verb() -> None:
    text = run("--help").stdout
    for verb in ("demo", "up", "replay", "sim", "config", "doctor", "deadletters", "rebuild"):
        assert verb in text


def test_doctor_says_what_to_do_about_a_taken_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRIDOR_MQTT_PORT", "0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["doctor", "--data-dir", str(tmp_path), "--http-port", port]) == 1
    out = capsys.readouterr().out
    assert "BAD  http" in out
    assert "choose another by --http-port" in out
    assert "ok   disk" in out


def test_deadletters_without_a_system_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no dead letters here" in refused(capsys, "deadletters", "--data-dir", str(tmp_path))
