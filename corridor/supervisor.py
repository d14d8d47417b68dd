"""Child processes that are kept running: started with a line of JSON, started again when they die.

A child ends when its standard input closes, also when the supervisor is killed; the operating system
closes the pipe then.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

_BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
_CALM_S: Final = 30.0
_STOP_S: Final = 20.0
_log = logging.getLogger("corridor.supervisor")


class PartError(Exception):
    """A part could not be started; the message holds what it said last."""


class Part:
    """One child: ``python -m MODULE ARGUMENTS``, given ``hello`` (JSON) on its input when not None."""

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], hello: dict[str, Any] | None
    ) -> None:
        self.name = name
        self.hello = hello
        self.starts = 0
        self.arguments = tuple(arguments)
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._errors: list[str] = []
        self._ready = False
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """Start it and return the JSON line that says it is ready. Raises PartError."""
        self.starts += 1
        self._errors, self._ready = [], False
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                *self.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=os.name != "nt",  # Ctrl-C in the terminal is for the supervisor alone
            )
        except OSError as error:  # too many processes, too little memory: it may pass
            raise PartError(f"{self.name} can't be started: {error}") from error
        assert process.stdin is not None
        assert process.stdout is not None
        reading = self._reading = asyncio.create_task(self._pass_errors(process), name=f"{self.name} errors")
        with contextlib.suppress(ConnectionError):
            if self.hello is not None:
                process.stdin.write(json.dumps(self.hello).encode() + b"\n")
                await process.stdin.drain()
        try:
            line = await asyncio.wait_for(process.stdout.readline(), timeout_s)
        except TimeoutError:
            await self.stop()
            raise PartError(f"{self.name} was not ready after {timeout_s:g} s") from None
        if not line:
            await process.wait()
            await reading
            raise PartError(
                self._errors[-1] if self._errors else f"{self.name} ended with {process.returncode}"
            )
        try:
            ready: dict[str, Any] = json.loads(line)
        except ValueError:
            await self.stop()
            raise PartError(f"{self.name} said {line[:80]!r}, want JSON that says that it is ready") from None
        self._ready = True
        for text in self._errors:
            print(text, file=sys.stderr, flush=True)
        return ready

    async def _pass_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than the reader holds: it has let go of what it had
                line = b"... (a line that is too long to show)"
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            if self._ready:
                print(text, file=sys.stderr, flush=True)
            else:  # why it did not start is told by PartError
                self._errors = [*self._errors[-20:], text]

    async def keep(self) -> None:
        """Start it again whenever it ends, with growing pauses; for ever, until cancelled."""
        failures = 0
        while True:
            begun = time.monotonic()
            assert self._process is not None
            code = await self._process.wait()
            failures = 0 if time.monotonic() - begun > _CALM_S else failures + 1
            pause = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            _log.warning("part_ended part=%s code=%s again_in_s=%s", self.name, code, pause)
            await asyncio.sleep(pause)
            try:
                await self.start()
            except PartError as error:
                _log.error("part_not_started part=%s reason=%s", self.name, error)

    async def stop(self) -> None:
        """End it by closing its input; by force when it does not heed that."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
