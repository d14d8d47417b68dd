"""Settings: what wins over what, and that a typing error is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from corridor.settings import Settings, SettingsError, load


def test_flags_win_over_environment_over_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "corridor.toml"
    file.write_text("http_port = 1\nmqtt_port = 1\nmin_free_mb = 1\n")
    monkeypatch.setenv("CORRIDOR_HTTP_PORT", "2")
    monkeypatch.setenv("CORRIDOR_MQTT_PORT", "2")
    settings = load({"http_port": 3, "mqtt_port": None}, file)
    assert (settings.http_port, settings.mqtt_port, settings.min_free_mb) == (3, 2, 1)
    assert settings.store_memory_mb == 128


def test_zero_is_zero_and_not_unset() -> None:
    assert load({"http_port": 0}).http_port == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http_prot = 1", r"unknown setting: got http_prot, want one of .*http_port"),
        ("http_port = 'x'", r"setting http_port: got 'x', want: input should be a valid integer"),
        ("http_port = 70000", r"setting http_port: got 70000, want: .*less than or equal to 65535"),
        ("http_port =", r"settings file is not TOML: .*corridor.toml"),
        ("admin_key = 'short'", r"setting admin_key: got something else, want: .*16"),
    ],
)
def test_a_broken_file_is_told_with_key_got_and_want(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "corridor.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load({}, file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings file not readable: .*none\.toml"):
        load({}, tmp_path / "none.toml")


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_HTPP_PORT", "1")
    with pytest.raises(SettingsError, match="got CORRIDOR_HTPP_PORT, want one of CORRIDOR_DATA_DIR"):
        load({})


def test_a_password_in_the_brokers_url_does_not_show() -> None:
    assert "hunter22" not in repr(Settings(mqtt_url="mqtt://me:hunter22@broker"))


def test_secrets_do_not_show() -> None:
    settings = Settings(admin_key="a-very-secret-admin-key", mqtt_password="hunter22")
    shown = repr(settings) + str(settings.model_dump(mode="json"))
    assert "a-very-secret" not in shown
    assert "hunter22" not in shown


def test_a_secret_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("of-the-file\n")
    monkeypatch.setenv("CORRIDOR_INFLUX_TOKEN_FILE", str(file))
    token = load({}).influx_token
    assert token is not None
    assert token.get_secret_value() == "of-the-file"


def test_a_secrets_file_that_is_not_there_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_KAFKA_PASSWORD_FILE", "/nowhere/password")
    with pytest.raises(SettingsError, match=r"CORRIDOR_KAFKA_PASSWORD_FILE.*No such file"):
        load({})


def test_what_is_no_secret_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_HTTP_PORT_FILE", "port")
    with pytest.raises(SettingsError, match="unknown environment variable"):
        load({})
