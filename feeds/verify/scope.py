"""What every worker that checks records has to know: the feed, the trusted heads, the devices' keys. Plain
values, so that it can be sent to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from feeds.grants.grant import FIELDS, Grant, GrantError, checked
from feeds.verify.files import Export
from feeds.verify.finding import Finding, VerifyError
from streams.codec import CodecError
from streams.signing.keys import KeyFormatError, decode, key_id, load

_GRANT: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("feed", "tenant", "consumer", "purpose", "fields"), (str,)),
    **dict.fromkeys(("from_ms", "expires_ms", "granted_ms"), (int,)),
    **dict.fromkeys(("to_ms", "revoked_ms"), (int, type(None))),
    "assets": (str, dict),
    "kinds": (list,),
    "driver": (bool,),
}
_WORDS: Final = _GRANT.keys() - {"feed", "tenant", "granted_ms", "revoked_ms"}


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
    told = export.feed
    for name, types in _GRANT.items():
        if type(told.get(name)) not in types:
            want = " or ".join("null" if one is type(None) else one.__name__ for one in types)
            raise VerifyError(f"manifest.json: feed: {name}: got {told.get(name)!r:.60}, want {want}")
    if not all(type(kind) is str for kind in told["kinds"]):
        raise VerifyError(f"manifest.json: feed: kinds: got {told['kinds']!r:.60}, want names")
    if told["fields"] not in FIELDS:
        raise VerifyError(
            f"manifest.json: feed: fields: got {told['fields']!r:.40}, want {', '.join(FIELDS)}"
        )
    return Grant.of(told["feed"], told["tenant"], told)


def check_grant(grant: Grant, feed: str | None) -> list[Finding]:
    """Whether the feed's id, which is a hash of what was granted, is that of these words.

    ``feed``: the id of the feed that was to be verified; None: whichever it is.
    """
    found = []
    if feed is not None and grant.feed != feed:
        found.append(Finding("scope", f"it is of feed {grant.feed:.60}, want {feed}"))
    words = {name: value for name, value in grant.plain().items() if name in _WORDS}
    try:
        made = checked(grant.tenant, words)["feed"]
    except (GrantError, CodecError) as error:
        return [*found, Finding("scope", f"nobody can grant such a feed: {error}")]
    if made != grant.feed:
        says = f"what it says was granted makes another feed's id: got {grant.feed:.60}, want {made}"
        found.append(Finding("scope", says))
    return found


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
