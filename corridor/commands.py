"""The way of a command: into the log, through the engine, back as its ``command`` event."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from api.ports import AwayError
from streams.codec import dump_json
from streams.events import Event, Kind
from streams.homes import command_home
from streams.log import Log, LogError, LogFullError
from streams.records import NewRecord, RecordKind

_ANSWER_S: Final = 10.0


class CommandPort:
    """``Commands`` (see ``api.ports``) over a log and the engines that fold it.

    Each command goes to its home. Of one append those of one home are decided in their order, those of others
    at any time. ``folded``: wakes the engine of this process, if it has one.
    """

    def __init__(
        self, log: Log, loop: asyncio.AbstractEventLoop, folded: threading.Event | None = None
    ) -> None:
        self._log = log
        self._loop = loop
        self._wake_engine = folded
        self._waiting: dict[str, asyncio.Future[Event]] = {}

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        """See Commands.submit."""
        answers = [self._waiting.setdefault(body["id"], self._loop.create_future()) for body in bodies]
        now, partitions = int(time.time() * 1000), self._log.partitions
        records = [
            NewRecord(command_home(body, partitions), RecordKind.COMMAND, now, body["id"], dump_json(body))
            for body in bodies
        ]
        try:
            await asyncio.to_thread(self._log.append, records)
            if self._wake_engine is not None:
                self._wake_engine.set()
            return await asyncio.wait_for(asyncio.gather(*answers), _ANSWER_S + len(bodies) / 1000)
        except LogFullError as error:
            raise AwayError(f"the log takes nothing now: {error}", error.retry_after) from error
        except LogError as error:
            raise AwayError(f"the log takes nothing now: {error}") from error
        except TimeoutError:
            raise AwayError("the command is in the log, but no answer came in time") from None
        finally:
            for body in bodies:
                self._waiting.pop(body["id"], None)

    def answered(self, events: Iterable[Event]) -> None:
        """Hand command events to who waits for them; called by the engine's thread after the commit."""
        answers = [event for event in events if event.kind is Kind.COMMAND]
        if answers:
            self._loop.call_soon_threadsafe(self._resolve, answers)

    def _resolve(self, answers: list[Event]) -> None:
        for event in answers:
            waiting = self._waiting.get(event.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(event)
