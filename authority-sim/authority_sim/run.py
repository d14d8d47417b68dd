"""The single window as part of a process: server and teller while a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from authority_sim.database import Database
from authority_sim.rules import Rules
from authority_sim.server import Server, now_ms
from authority_sim.telling import Teller
from authority_sim.window import Window


@dataclass(frozen=True, slots=True)
class Running:
    """A single window that serves: ``url`` is where; authorities are at ``url/NAME``."""

    url: str
    port: int
    window: Window


@contextlib.contextmanager
def serving(
    rules: Rules,
    database: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], int] = now_ms,
) -> Iterator[Running]:
    """Serve while the block lasts; ``clock``: ms since 1970. Raises OSError when the port can't be had."""
    kept = Database(database)
    window = Window(rules, kept, clock)
    try:
        server = Server(window, host, port)
    except OSError:
        kept.close()
        raise
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="authority-sim", daemon=True)
    teller = Teller(window)
    thread.start()
    teller.start()
    try:
        yield Running(server.url, int(server.server_address[1]), window)
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
        teller.close()
        kept.close()


@contextlib.asynccontextmanager
async def running(
    rules: Rules,
    database: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], int] = now_ms,
) -> AsyncIterator[Running]:
    """``serving`` for a process with an event loop, which it does not hold up."""
    with contextlib.ExitStack() as stack:
        found = await asyncio.to_thread(stack.enter_context, serving(rules, database, host, port, clock))
        try:
            yield found
        finally:
            await asyncio.to_thread(stack.close)
