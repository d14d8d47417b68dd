"""The hub's threads: one folds the log, one writes the store, one compacts store and past.

Each has its own position in the log, so one that is slow lags and holds nobody up. Trouble is said and
tried again; a thread ends only when it is told to.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

import numpy as np

from corridor.commands import CommandPort
from corridor.live import LiveView
from feeds.store.duck import DuckStore
from feeds.store.writer import StoreWriter
from streams.events import Event
from streams.past import PastError
from streams.runtime.embedded import Folded, Runner
from streams.runtime.outbox import Beat
from streams.runtime.pastfolder import PastFolder

_IDLE_S: Final = 0.005
_PUBLISH_S: Final = 0.1
_GATHER_S: Final = 0.2
_COMPACT_S: Final = 1.0
_log = logging.getLogger("corridor.hub")


class EngineThread(threading.Thread):
    """Folds the log, commits, publishes; ends when ``stop`` is set, with a last snapshot."""

    def __init__(
        self, runner: Runner, live: LiveView, commands: CommandPort, wake: threading.Event, snapshot_s: float
    ) -> None:
        super().__init__(name="engine", daemon=True)
        self.runner, self._live, self._commands, self._wake = runner, live, commands, wake
        self._snapshot_s = snapshot_s
        self.halt = threading.Event()
        self.trouble: str | None = None
        self._dirty: list[Any] = []  # rows that moved and events, both not published yet
        self._events: list[Event] = []
        self._published = self._saved = time.monotonic()

    def run(self) -> None:
        """Step until told to stop; trouble is said and tried again, never dropped."""
        engine = self.runner.engine
        self._live.publish(engine, np.arange(len(engine.names)), [])
        beat = Beat(time.monotonic())
        sound = True  # after a failure the engine may be ahead of what was committed
        while not self.halt.is_set():
            try:
                if not sound:
                    self.runner.recover()
                    self._dirty.clear()  # rows of the engine that was; the new one may not have them yet
                    sound = True
                folded = self.runner.step()
                self._tell(folded)
                self.trouble = None
            except Exception as error:
                # whatever it is, the log has the records: say it, wait, and fold them again
                sound, self.trouble = False, f"{type(error).__name__}: {error}"
                _log.exception("engine_step_failed")
                self.halt.wait(1.0)
                continue
            if time.monotonic() - self._saved >= self._snapshot_s:
                self._saved = time.monotonic()
                sound = self._checkpoint()
            if beat.due(time.monotonic(), folded.records, self.runner.engine.waits):
                self.runner.tick(int(time.time() * 1000))
            elif not folded.records:
                self._wake.wait(_IDLE_S)
                self._wake.clear()
        if sound:
            self._checkpoint()

    def _tell(self, folded: Folded) -> None:
        """Answer commands and publish what is committed: events at once, positions some times a second."""
        self._events += folded.events
        self._dirty.append(folded.moved)
        self._commands.answered(folded.events)
        now = time.monotonic()
        if self._events or now - self._published >= _PUBLISH_S:
            rows = np.unique(np.concatenate(self._dirty))
            if len(rows) or self._events:
                self._live.publish(self.runner.engine, rows, self._events)
            self._dirty, self._events, self._published = [], [], now

    def _checkpoint(self) -> bool:
        """Returns whether the engine can go on; with a past that takes nothing it can't."""
        try:
            self.runner.checkpoint()
        except Exception as error:  # the older snapshots are still there: only a restart takes longer
            _log.warning("snapshot_not_written reason=%s: %s", type(error).__name__, error)
            return not isinstance(error, PastError)
        return True


class StoreThread(threading.Thread):
    """Writes the store from the log."""

    def __init__(self, writer: StoreWriter) -> None:
        super().__init__(name="store", daemon=True)
        self.writer = writer
        self.halt = threading.Event()
        self.trouble: str | None = None

    def run(self) -> None:
        """Step until told to stop."""
        while not self.halt.is_set():
            wait = _GATHER_S
            try:
                self.writer.step()
                self.trouble = None
            except Exception as error:
                # the log has the records and the store's position did not move: the same ones come again
                self.trouble = f"{type(error).__name__}: {error}"
                _log.warning("store_step_failed reason=%s", self.trouble)
                wait = getattr(error, "retry_after", 1.0)
            self.halt.wait(wait)


class CompactThread(threading.Thread):
    """Rewrites what the store holds unsorted and merges files of the past, beside writing and reading."""

    def __init__(self, store: DuckStore, *pasts: PastFolder) -> None:
        super().__init__(name="compact", daemon=True)
        self._store, self._pasts = store, pasts
        self.halt = threading.Event()
        self.trouble: str | None = None

    def run(self) -> None:
        """A step or more each second until told to stop."""
        while not self.halt.wait(_COMPACT_S):
            try:
                for past in self._pasts:
                    past.compact()
                self._store.compact(int(time.time() * 1000), _COMPACT_S / 2)
                self.trouble = None
            except Exception as error:
                # nothing is lost by a step that failed: what it was to rewrite is still there
                self.trouble = f"{type(error).__name__}: {error}"
                _log.warning("compact_step_failed reason=%s", self.trouble)
                self.halt.wait(getattr(error, "retry_after", 5.0))
