"""The time-series store that the settings name."""

from __future__ import annotations

from corridor.settings import Settings, SettingsError
from feeds.store.influx.client import Client, Place
from feeds.store.influx.store import InfluxStore


def store_of(settings: Settings) -> InfluxStore:
    """InfluxDB as the settings have it. Raises SettingsError when address or token is missing."""
    if settings.influx_url is None:
        raise SettingsError("setting influx_url: got nothing, want http://host:port of InfluxDB 2")
    if settings.influx_token is None:
        raise SettingsError("setting influx_token: got nothing, want a token of InfluxDB")
    place = Place(settings.influx_url, settings.influx_org, settings.influx_bucket)
    return InfluxStore(Client(place, settings.influx_token.get_secret_value()))
