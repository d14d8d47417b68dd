"""Registers trucks and fits their devices, once: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

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
