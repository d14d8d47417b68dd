"""The device's own word: its signature over what it published, and that what is shown was in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import cbor2
import numpy as np

from feeds.ledger.reports import PLACE
from streams.signing import cose
from streams.signing.cose import CoseError
from streams.signing.keys import NAMES, holds

_NONE: Final = np.iinfo(np.int32).min
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("device", "asset", "boot", "topic", "verdict"), (str,)),
    **dict.fromkeys(("seq", "received_ms", "form", "samples", "signature"), (int,)),
    **dict.fromkeys(("boot_n",), (int, type(None))),
    **dict.fromkeys(("prev",), (bytes, type(None))),
    **dict.fromkeys(("key",), (str, type(None))),
    "hash": (bytes,),
}


class DeviceWordError(ValueError):
    """What is shown is not what the device said; ``check`` names which check says so."""

    def __init__(self, check: str, says: str) -> None:
        super().__init__(says)
        self.check = check


def read_head(content: bytes) -> dict[str, Any]:
    """The head of a report. Raises ValueError for fields that are missing or of another type."""
    head = cbor2.loads(content)
    if not isinstance(head, dict) or head.keys() != _TYPES.keys():
        raise ValueError("head: got other fields than those of a report")
    for name, types in _TYPES.items():
        if type(head[name]) not in types:
            raise ValueError(f"head: got {name} of type {type(head[name]).__name__}")
    return head


def check_signature(head: Mapping[str, Any], whole: bytes, keys: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a signature was there to check. ``keys``: the device's. Raises DeviceWordError."""
    if sha256(whole).digest() != head["hash"]:
        raise DeviceWordError("signature", "the report's bytes have another hash than its head says")
    if not head["signature"]:
        if whole[:1] == bytes((cose.FIRST,)):
            raise DeviceWordError("signature", "the report is signed, its head says that it is not")
        return False
    try:
        told = cose.read(whole)
    except CoseError as error:
        raise DeviceWordError("signature", f"not a signed report: {error}") from None
    key = next((one for one in keys if one["id"] == head["key"]), None)
    if key is None or told.kid != str(head["key"]).encode() or NAMES.get(told.alg) != key["alg"]:
        raise DeviceWordError(
            "signature", f"key {told.kid!r:.40} is none of the device's in device_keys.json"
        )
    if not holds(
        key["alg"],
        key["raw"],
        cose.signed_bytes(told.protected, head["topic"].encode(), told.payload),
        told.signature,
    ):
        raise DeviceWordError("signature", f"not signed by key {key['id']} of the device")
    return True


def check_said(head: Mapping[str, Any], whole: bytes, place: bytes | None) -> None:
    """That number, chain and positions are those in the signed bytes. Raises DeviceWordError."""
    try:
        said = cbor2.loads(cose.read(whole).payload)
        same = all(said.get(name) == head[name] for name in ("boot", "boot_n", "seq", "prev"))
        lon, lat = said.get("lon"), said.get("lat")
    except (ValueError, AttributeError, cbor2.CBORError) as error:
        raise DeviceWordError("signature", f"the signed bytes are no report: {error!s:.80}") from None
    if not same:
        raise DeviceWordError(
            "signature", "the signed bytes have another boot, number or chain than the head"
        )
    if (
        place is None
        or said.get("datum", "wgs84") != "wgs84"
        or not (isinstance(lon, list) and isinstance(lat, list))
    ):
        return
    if "nmea" in said:
        return  # more positions come from there
    sent = {(_e7(x), _e7(y)) for x, y in zip(lon, lat, strict=False)}
    rows = np.frombuffer(place, PLACE)
    for n, at in enumerate(zip(rows["lon_e7"].tolist(), rows["lat_e7"].tolist(), strict=True)):
        if _NONE not in at and at not in sent:
            raise DeviceWordError("samples", f"sample {n} lies where the device's signed bytes have none")


def _e7(value: Any) -> int | None:
    return round(value * 1e7) if isinstance(value, int | float) and abs(value) <= 360 else None
