"""Which broker the settings name."""

from __future__ import annotations

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
    secret = settings.mqtt_password
    return Broker(
        url.hostname,
        named or (8883 if tls else 1883),
        settings.mqtt_username or _decoded(url.username),
        secret.get_secret_value() if secret else _decoded(url.password),
        str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None,
        str(settings.mqtt_cert_file) if settings.mqtt_cert_file else None,
        str(settings.mqtt_key_file) if settings.mqtt_key_file else None,
        tls,
    )


def _decoded(part: str | None) -> str | None:
    """A user name or password of a URL as it is meant (RFC 3986 section 2.1)."""
    return None if part is None else unquote(part)
