"""Which broker the settings name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from corridor.settings import Settings, SettingsError, without_password
from gateway.mqtt import Broker


def broker_of(settings: Settings, port: int) -> Broker:
    """The broker that ``settings`` name; the embedded one on ``port`` otherwise. Raises SettingsError."""
    if settings.mqtt_url is None:
        return Broker(settings.mqtt_host, port)
    try:
        url = urlsplit(settings.mqtt_url)
        named = url.port
    except ValueError:
        url, named = urlsplit(""), None
    if url.scheme not in ("mqtt", "mqtts") or not url.hostname:
        got = without_password(settings.mqtt_url)
        raise SettingsError(f"setting mqtt_url: got {got!r}, want mqtt://host:port or mqtts://host:port")
    tls = url.scheme == "mqtts"
    _check_files(settings, tls)
    secret = settings.mqtt_password
    broker = Broker(
        url.hostname,
        named or (8883 if tls else 1883),
        settings.mqtt_username or _decoded(url.username),
        secret.get_secret_value() if secret else _decoded(url.password),
        _name(settings.mqtt_ca_file),
        _name(settings.mqtt_cert_file),
        _name(settings.mqtt_key_file),
        tls,
    )
    try:
        broker.context()
    except OSError as error:  # also what OpenSSL says
        files = ", ".join(filter(None, (broker.tls_ca, broker.tls_cert, broker.tls_key)))
        raise SettingsError(f"files for TLS not usable: got {error.strerror or error} in {files}") from None
    return broker


def _check_files(settings: Settings, tls: bool) -> None:
    """Files that would not be used, or not be enough, are an error and no surprise later."""
    files = ("mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file")
    given = [name for name in files if getattr(settings, name) is not None]
    if given and not tls:
        got = without_password(settings.mqtt_url or "")
        raise SettingsError(f"setting {given[0]} needs TLS: got mqtt_url {got!r}, want mqtts://host:port")
    if (settings.mqtt_cert_file is None) != (settings.mqtt_key_file is None):
        raise SettingsError(f"certificate without key: got {given[-1]} alone, want both or neither")


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _decoded(part: str | None) -> str | None:
    """A user name or password of a URL as it is meant (RFC 3986 section 2.1)."""
    return None if part is None else unquote(part)
