"""The child processes of the embedded system: ``python -m corridor.parts gateway|hub|trucks|window``.

The first line of standard input is JSON with what the part needs (so that no secret shows in arguments or
environment); when the input ends the part stops, so it never outlives its supervisor. What it has to
tell is one line of JSON on standard output when it is ready.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from corridor.folder import Folder
from corridor.logs import set_up_logging
from corridor.settings import Settings


def main() -> int:
    """Run one part until its input ends. Returns the exit code."""
    name = sys.argv[1]
    given = json.loads(sys.stdin.buffer.readline())
    if given.get("clock") is not None:
        from corridor import democlock

        democlock.install(given["clock"])
    settings = Settings(**given["settings"])
    set_up_logging(name, logging.getLevelNamesMapping()[settings.log_level.upper()])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    # Reports are thousands of short-lived lists a second: the default of 700 would search them for cycles
    # all the time, which measured a fifth to a half of the decoder's cost.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    folder = Folder(Path(settings.data_dir))
    try:
        asyncio.run(_until_input_ends(name, settings, folder, given))
    except Exception:
        logging.getLogger(f"corridor.{name}").exception("part_failed")
        return 1
    return 0


async def _until_input_ends(name: str, settings: Settings, folder: Folder, given: dict[str, Any]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set) if os.name != "nt" else None
    threading.Thread(target=_wait_for_end, args=(loop, stop), name="supervisor", daemon=True).start()
    if name == "gateway":
        from corridor import gatewaypart

        _tell({"ready": True})
        await gatewaypart.run(settings, folder, given["mqtt_port"], stop)
    elif name == "hub":
        from corridor import hub

        listener = _listener(settings.http_host, given["http_port"])
        port = listener.getsockname()[1]
        await hub.run_hub(
            settings,
            folder,
            given["local_key"],
            listener,
            stop,
            lambda started: _tell({"ready": True, "port": port, **asdict(started)}),
        )
    elif name == "trucks":
        from corridor import trucks

        _tell({"ready": True})
        await trucks.run(given, stop)
    elif name == "window":
        from corridor import demowindow

        await demowindow.run(given, stop, _tell)
    else:
        raise ValueError(f"no such part: got {name}, want gateway, hub, trucks or window")


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=512)


def _tell(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _wait_for_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:  # the loop has ended by itself
        return


if __name__ == "__main__":
    raise SystemExit(main())
