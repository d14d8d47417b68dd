"""Registers trucks, fits their devices, enrols their keys, once: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

from corridor.client import Client, ClientError

_AT_ONCE: Final = 8
_ASSET: Final = ("vin", "chassis", "plates", "kind", "maker", "name", "fleet")


def register(client: Client, trucks: Iterable[dict[str, Any]]) -> int:
    """Register every truck and fit its device; returns how many were new. Raises ClientError.

    A truck is a mapping with ``device``, perhaps its ``datum``, and the fields of an asset.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return sum(threads.map(lambda truck: _register_one(client, truck), trucks))


def _register_one(client: Client, truck: dict[str, Any]) -> int:
    try:
        asset = client.post("/v1/assets", {k: truck[k] for k in _ASSET if truck.get(k)})["id"]
        new = 1
    except ClientError as error:
        if error.status != 409:
            raise
        asset, new = client.get(f"/v1/assets/{truck['vin']}")["id"], 0
    try:
        fitted = client.get(f"/v1/devices/{truck['device']}")
    except ClientError as error:
        if error.status != 404:
            raise
        fitted = None
    if fitted is None or fitted["asset"] != asset or fitted.get("to"):
        fitting = {"device": truck["device"], "asset": asset}
        client.post("/v1/devices", fitting | {k: truck[k] for k in ("datum",) if truck.get(k)})
    return new


def enrol(client: Client, device: str, key: dict[str, Any]) -> str:
    """Enrol a device's key (id, alg, public, proof), or find it enrolled; returns its id.

    Raises ClientError, also for a key that was revoked.
    """
    try:
        told = client.post(f"/v1/devices/{quote(device, safe='')}/keys", key)
    except ClientError as error:
        for one in keys_of(client, device) if error.status == 409 else ():
            if one["public"] == key["public"].rstrip("=") and not one["revoked"]:
                return str(one["id"])
        raise
    return str(told["id"])


def keys_of(client: Client, device: str) -> list[dict[str, Any]]:
    """The keys that a device has or had. Raises ClientError."""
    return list(client.get(f"/v1/devices/{quote(device, safe='')}/keys")["items"])
