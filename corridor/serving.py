"""An API over HTTP on a listener, from the moment that it answers until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI


async def serve(
    app: FastAPI,
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Callable[[], None],
    closing: Callable[[], None],
) -> None:
    """Serve ``app`` until ``stop``; ``ready`` is called when requests are answered.

    ``closing`` is called before the last connections are waited for: it ends what would never end by itself.
    Raises RuntimeError when the server ends by itself.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        ws_max_size=65_536,
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(_serve(server, listener), name="http")
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            ready()
        stopped = group.create_task(stop.wait(), name="http stop")
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():  # nobody could reach this process any more: begin again
            raise RuntimeError("the http server ended by itself")
        closing()
        server.should_exit = True
        await serving


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with contextlib.suppress(SystemExit):
        await server.serve(sockets=[listener])
