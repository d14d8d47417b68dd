"""Kills a ledger at every step in turn, then recovers and verifies it; prints how many steps there were.

A process of its own, so that it may fork: ``python -m tests.unit.feeds.ledger.killed FOLDER``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.unit.feeds.ledger.faults import Steps, stepping, story, verify


def main(folder: Path) -> None:
    """Before each step, which is after the one before it too, until a story ends without being killed."""
    number, ended = 0, False
    while not ended:
        here = folder / str(number)
        here.mkdir()
        child = os.fork()
        if child == 0:
            with stepping(Steps(number, False, lambda: os.kill(os.getpid(), signal.SIGKILL))):
                story(here, [], again=False)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        ended = os.WIFEXITED(status)
        assert ended or os.WTERMSIG(status) == signal.SIGKILL
        assert not ended or os.WEXITSTATUS(status) == 0
        signed = here / "log" / "signed"
        with stepping(Steps(None, False, lambda: None)):
            verify(here, [signed.read_text()] if signed.exists() else [])
        number += 1
    print(number)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
