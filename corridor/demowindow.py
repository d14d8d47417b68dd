"""The demo's single window: both sides' customs, simulated, and the connectors that know them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

AUTHORITIES: Final = {"mohan-customs": "China Customs at Mohan", "boten-customs": "Lao customs at Boten"}
_DECIDE_AFTER_S: Final = 120
_POLL_S: Final = 0.5


def prepare(folder: Path) -> str:
    """The rules of the window as TOML, with keys that are made once; they lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rules = []
    for name, title in AUTHORITIES.items():
        file = folder / f"{name}.key"
        if not file.exists():
            file.touch(0o600)
            file.write_text(secrets.token_urlsafe(24), "utf-8")
        key = file.read_text("utf-8")
        rules.append(
            f'[[authority]]\nname = "{name}"\ntitle = "{title} (simulated)"\nkey = "{key}"\n'
            f'auto = "release"\ndecide_after_s = {_DECIDE_AFTER_S}\n'
        )
    return "\n".join(rules)


def connectors(folder: Path, url: str) -> Path:
    """Write the file of authorities for a window at ``url``; returns where it is."""
    file = folder / "authorities.toml"
    file.write_text(
        "\n".join(
            f'[[authority]]\nname = "{name}"\nkind = "http"\nurl = "{url}/{name}"\nkey_file = "{name}.key"\n'
            f'poll_s = {_POLL_S}\nbegin = "start"\n'
            for name in AUTHORITIES
        ),
        "utf-8",
    )
    return file


async def run(given: dict[str, Any], stop: asyncio.Event, tell: Callable[[dict[str, Any]], None]) -> None:
    """Serve until ``stop``; ``given`` holds the rules, the database and the port. ``tell``: once it is up."""
    from authority_sim.rules import parse
    from authority_sim.run import running

    async with running(parse(given["rules"]), Path(given["database"]), port=given["port"]) as window:
        tell({"ready": True, "url": window.url, "port": window.port})
        await stop.wait()
