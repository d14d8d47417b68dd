"""The demo's two feeds: an insurer's, precise and without drivers, and customs', crossings only.

Granted at the first start, found again at the next; their readers' keys lie in the demo's folder, readable by
its owner only, since the system itself keeps no key that could be shown again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from corridor.client import Client
from feeds.keyfile import KeyFile
from feeds.keys import KeysError, Role, create, revoke

_ALWAYS: Final = {"from": "1970-01-01T00:00:00Z", "expires": "2099-01-01T00:00:00Z", "assets": "tenant"}
FEEDS: Final[tuple[tuple[Role, str, dict[str, Any]], ...]] = (
    (
        Role.INSURER,
        "demo-insurer",
        {
            "purpose": "cover of the demo's trucks",
            "kinds": ["report", "crossing", "trip", "conflict"],
            "fields": "precise",
        },
    ),
    (
        Role.CUSTOMS,
        "demo-customs",
        {"purpose": "passages at the line", "kinds": ["crossing"], "fields": "crossings"},
    ),
)


@dataclass(frozen=True, slots=True)
class DemoFeed:
    """A feed, who reads it with which key."""

    id: str
    consumer: str
    fields: str
    key: str


def granted(client: Client, folder: Path) -> Sequence[DemoFeed]:
    """The demo's feeds of the running system on ``folder``. Raises ClientError, KeysError, OSError."""
    held = {one["purpose"]: one["id"] for one in client.get("/v1/feeds?limit=1000")["items"]}
    keys = _keys(folder)
    found = []
    for _, consumer, asked in FEEDS:
        id_ = held.get(asked["purpose"])
        if id_ is None:
            id_ = client.post("/v1/feeds", {**_ALWAYS, **asked, "consumer": consumer})["id"]
        found.append(DemoFeed(id_, consumer, asked["fields"], keys[consumer]))
    return found


def _keys(folder: Path) -> dict[str, str]:
    path, file = folder / "demo-feeds.json", KeyFile(folder / "keys.json")
    try:
        keys: dict[str, str] = json.loads(path.read_text("utf-8"))
        if all(isinstance(keys.get(consumer), str) for _, consumer, _ in FEEDS):
            return keys
    except (FileNotFoundError, ValueError):
        pass
    keys = {}
    for role, consumer, _ in FEEDS:
        with contextlib.suppress(KeysError):  # it was not there
            revoke(file, consumer)
        keys[consumer] = create(file, consumer, role, consumer)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(keys, out)
    return keys
