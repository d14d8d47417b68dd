"""Keys of a device as the log's commands made them: enrolled with a proof of possession, or revoked.

Pure. The keys are a list of JSON values in the device's data; none is ever taken out, since what it signed
stays to be checked. Several may hold at once: a key is rotated by enrolling the next and revoking the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streams.signing.keys import DeviceKey, KeyFormatError, check_proof, decode, key_id

MOST: Final = 64
"""Keys that a device may ever have."""


class KeyRefused(Exception):
    """The history does not allow it; ``code`` is for programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def enrolled(keys: Sequence[dict[str, Any]], data: dict[str, Any], now_ms: int) -> list[dict[str, Any]]:
    """``keys`` and the one that the command ``device.key`` brings. Raises KeyRefused."""
    told, device = data["key"], data["device"]
    try:
        public = decode(told["public"], "public")
        check_proof(device, told["alg"], public, decode(told["proof"], "proof"))
    except KeyFormatError as error:
        raise KeyRefused("bad_key", str(error)) from None
    id_ = key_id(public)
    if told.get("id", id_) != id_:
        raise KeyRefused("bad_key", f"key id: got {told['id']!r:.40}, want {id_}")
    if any(one["id"] == id_ for one in keys):
        raise KeyRefused("duplicate", f"key {id_} was enrolled for device {device} before")
    if len(keys) >= MOST:
        raise KeyRefused(
            "too_many_keys", f"keys of device {device}: got {len(keys) + 1}, want at most {MOST}"
        )
    from_ms = data.get("from_ms")
    return [*keys, DeviceKey(id_, told["alg"], public, now_ms if from_ms is None else from_ms).plain()]


def revoked(keys: Sequence[dict[str, Any]], data: dict[str, Any], now_ms: int) -> list[dict[str, Any]]:
    """``keys`` with the one that ``device.key.revoke`` names ended; it may be moved back, never on.

    Raises KeyRefused.
    """
    id_ = data["key"]
    at_ms = now_ms if data.get("at_ms") is None else data["at_ms"]
    held = next((one for one in keys if one["id"] == id_), None)
    if held is None:
        raise KeyRefused("unknown", f"device {data['device']} has no such key: got {id_}")
    if held["revoked_ms"] is not None and held["revoked_ms"] <= at_ms:
        raise KeyRefused("ended", f"key {id_} was revoked at {held['revoked_ms']}; that can only move back")
    return [{**one, "revoked_ms": at_ms} if one is held else one for one in keys]
