"""A server process in a folder of its own, which a test may stop, kill, freeze and start again.

What a killed test run leaves behind is ended by a watchman, a process that waits for the run's end of a pipe
to close. Output goes to ``<folder>/<name>.log``, appended over restarts. Everything is done by the process id
of what was started here; nothing is looked for by name. A server that was given by its address has no
process: a test that wants to stop it is skipped.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

_READY_S: Final = 60.0
_STOP_S: Final = 20.0


_WATCHMAN: Final = """
import os, sys
running = set()
for line in sys.stdin:
    (running.add if line[0] == "+" else running.discard)(int(line[1:]))
for pid in running:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass
"""


class ServerError(Exception):
    """The server can't be had or does not start; the message says why and what to do."""


class Server:
    """One server; ``ready`` is asked until it is true, ``quit`` is the signal that ends it in order."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        ready: Callable[[], bool],
        *,
        quit: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.folder = name, folder
        self.log = folder / f"{name}.log"
        self._command, self._ready, self._quit = list(command), ready, quit
        self._environment = dict(os.environ) | dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._said_from = 0

    @property
    def pid(self) -> int:
        """The process id. Raises ServerError when nothing runs."""
        if self._process is None:
            raise ServerError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether there is a process, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it on its port and data, and wait until it is ready. Raises ServerError."""
        if self.running:
            raise ServerError(f"{self.name} runs already, as {self.pid}")
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as log:
            self._said_from = log.tell()
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        _watch("+", self._process.pid)

    def wait_ready(self) -> None:
        """Wait until it answers. Raises ServerError with the end of its log."""
        deadline = time.monotonic() + _READY_S
        while not self._ready():
            if not self.running or time.monotonic() > deadline:
                what = f"not ready after {_READY_S:g} s" if self.running else "ended by itself"
                self.kill()
                raise ServerError(f"{self.name} {what}\n{self.tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order; by force when that takes too long. Nothing happens when it does not run."""
        self.resume()
        self._end(self._quit)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on (SIGCONT)."""
        if self.running:
            os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop it if it runs, and start it again on the same port and data."""
        self.stop()
        self.start()

    def said(self) -> str:
        """What it has written since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._said_from)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join([f"end of {self.log}:", *text.splitlines()[-lines:]])

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _watch("-", process.pid)


class Given(Server):
    """A server that runs elsewhere: it can be used, and not be stopped."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, [], folder, lambda: True)

    def launch(self) -> None:
        """Nothing: it runs."""

    def start(self) -> None:
        """Nothing: it runs."""

    def stop(self) -> None:
        """Not ours to stop: the test is skipped."""
        pytest.skip(f"{self.name} was given by its address: it can't be stopped")

    kill = pause = resume = restart = stop


@functools.cache
def _watchman() -> subprocess.Popen[str]:
    """One for the whole run."""
    words = [sys.executable, "-c", _WATCHMAN]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, text=True, start_new_session=True)

    def dismiss() -> None:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()

    atexit.register(dismiss)
    return process


def _watch(sign: str, pid: int) -> None:
    pipe = _watchman().stdin
    assert pipe is not None
    pipe.write(f"{sign}{pid}\n")
    pipe.flush()


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens on that loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
