"""The keys of the demo's trucks: about half of them sign, and are enrolled before they set out.

The units make their keys in their own folders; what is there already stays, so a demo that is started again
goes on with the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from corridor.client import Client
from corridor.fleetbook import enrol
from corridor.trucks import fleets
from firmware_sim.fleet import identities
from firmware_sim.keys import KeyFolder

_AT_ONCE: Final = 8


def enrol_trucks(client: Client, state: Path, trucks: int) -> None:
    """Enrol every truck that signs, and give it the installation's ack key.

    Raises ``ClientError``, ``SimError``.
    """
    ack_key = client.get("/v1/devices/ack-key")["public"]

    def keys() -> Iterator[tuple[KeyFolder, str, str]]:
        for name, scenario in fleets(trucks).items():
            folder = KeyFolder(state / name / "keys")
            folder.believe(ack_key)
            for index, who in enumerate(identities(scenario)):
                if scenario.options(index).sign != "none":
                    yield folder, who.device, scenario.options(index).sign

    def one(found: tuple[KeyFolder, str, str]) -> None:
        folder, device, alg = found
        proof = folder.key(device, alg).proof(device, time.time_ns() // 1_000_000)
        enrol(client, device, {name: proof[name] for name in ("id", "alg", "public", "proof")})

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(one, keys()))
