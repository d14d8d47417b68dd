"""``corridor store`` without an InfluxDB: what it needs is told."""

import pytest

from corridor.__main__ import main


@pytest.mark.parametrize("action", ["create", "check"])
@pytest.mark.parametrize(
    ("settings", "want"),
    [
        ({}, "CORRIDOR_INFLUX_URL"),
        ({"URL": "http://127.0.0.1:1"}, "CORRIDOR_INFLUX_TOKEN"),
        ({"URL": "127.0.0.1:8086", "TOKEN": "secret"}, "want http://"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    action: str,
    settings: dict[str, str],
    want: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("URL", "TOKEN"):
        monkeypatch.delenv(f"CORRIDOR_INFLUX_{name}", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(f"CORRIDOR_INFLUX_{name}", value)
    assert main(["store", action]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert want in said
    assert "secret" not in said


def test_an_action_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["store"])
    assert raised.value.code == 2
    assert "ACTION" in capsys.readouterr().err
