"""Devices: fitted to an asset, taken off."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from api.answer import answer
from api.auth import Scoped
from api.listing import AssetRef, asset_id, list_objects
from api.paging import After, Limit
from api.render import item
from api.schemas import Device, DeviceNew, Page
from feeds.readmodel import ObjectFilter
from streams.events import Kind

router = APIRouter(tags=["devices"])


@router.get("/v1/devices", response_model=Page[Device])
def list_devices(scope: Scoped, asset: AssetRef = None, limit: Limit = 100, after: After = None) -> Response:
    """Devices, the newest first."""
    return list_objects(scope, Kind.DEVICE, ObjectFilter(asset=asset_id(scope, asset)), after, limit)


@router.post("/v1/devices", response_model=Device, status_code=201)
async def fit_device(scope: Scoped, new: DeviceNew) -> Response:
    """Fit a device to an asset. 409 when it is fitted to another."""
    asset = await asyncio.to_thread(scope.asset, new.asset)
    data: dict[str, Any] = {"device": new.device, "asset": asset.id, "datum": new.datum.value}
    if new.from_ is not None:
        data["from_ms"] = new.from_
    await scope.command("device.fit", data)
    held = await asyncio.to_thread(scope.device, new.device)
    return answer(item(held), 201, {"Location": f"/v1/devices/{new.device}"})


@router.get("/v1/devices/{device}", response_model=Device)
def get_device(scope: Scoped, device: str) -> Response:
    """One device by its name."""
    return answer(item(scope.device(device)))


@router.delete("/v1/devices/{device}", response_model=Device)
async def unfit_device(scope: Scoped, device: str) -> Response:
    """Take a device off its asset, now; what it sent until then stays the asset's."""
    await asyncio.to_thread(scope.device, device)
    await scope.command("device.unfit", {"device": device})
    return answer(item(await asyncio.to_thread(scope.device, device)))
