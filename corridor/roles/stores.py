"""The time-series store that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corridor.settings import Settings, SettingsError, without_password
from feeds.store.influx.client import Client, Place
from feeds.store.influx.parked import Parked
from feeds.store.influx.store import InfluxStore
from feeds.store.port import StoreError


def client_of(settings: Settings) -> Client:
    """Requests to InfluxDB as the settings have it. Raises SettingsError when address or token is missing."""
    if settings.influx_url is None:
        raise SettingsError(
            "setting influx_url (CORRIDOR_INFLUX_URL): got nothing, want http://host:port of InfluxDB 2"
        )
    if settings.influx_token is None:
        raise SettingsError(
            "setting influx_token (CORRIDOR_INFLUX_TOKEN or _FILE): got nothing, want a token"
        )
    place = Place(settings.influx_url, settings.influx_org, settings.influx_bucket)
    try:
        return Client(place, settings.influx_token.get_secret_value())
    except StoreError as error:
        raise SettingsError(without_password(str(error))) from None


def store_of(settings: Settings, park: Callable[[Sequence[Parked]], None] | None = None) -> InfluxStore:
    """InfluxDB as the settings have it; ``park`` takes what it refuses for good. Raises SettingsError."""
    return InfluxStore(client_of(settings), park=park)
