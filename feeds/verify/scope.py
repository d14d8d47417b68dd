"""What every worker that checks records has to know: the feed, the trusted heads, the devices' keys. Plain
values, so that it can be sent to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feeds.grants.grant import Grant
from feeds.verify.files import Export
from feeds.verify.finding import VerifyError
from streams.signing.keys import KeyFormatError, decode, key_id, load


@dataclass(frozen=True, slots=True)
class Scope:
    """``heads``: size and root of each log whose head and edge of tiles hold. ``keys``: those of each device
    as the export lists them, with ``raw``: the public bytes."""

    folder: Path
    grant: Grant
    heads: Mapping[int, tuple[int, bytes]]
    logs: frozenset[int]
    keys: Mapping[str, tuple[dict[str, Any], ...]]


def grant_of(export: Export) -> Grant:
    """The grant that the export is of. Raises VerifyError."""
    try:
        return Grant.of(export.feed["feed"], export.feed["tenant"], export.feed)
    except (KeyError, TypeError) as error:
        raise VerifyError(f"manifest.json: feed: got a field missing or of another type: {error}") from None


def keys_of(export: Export) -> dict[str, tuple[dict[str, Any], ...]]:
    """The keys of the devices. Raises VerifyError for a list that is none."""
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        for one in export.json("device_keys.json"):
            public = decode(one["public"], "public")
            load(one["alg"], public)
            if key_id(public) != one["id"]:
                raise VerifyError(
                    f"device_keys.json: key {one['id']!s:.40} is not the hash of its public bytes"
                )
            times = (one["from_ms"], one["revoked_ms"] or 0)
            if any(type(time) is not int for time in times) or type(one["device"]) is not str:
                raise VerifyError("device_keys.json: got a time or a device of another type")
            found.setdefault(one["device"], []).append({**one, "raw": public})
    except (KeyError, TypeError, AttributeError, KeyFormatError) as error:
        raise VerifyError(f"device_keys.json is no list of keys: {error!s:.120}") from None
    return {device: tuple(keys) for device, keys in found.items()}
